/**
 * Where this checkout's cluster lives. Everything it leaves on the machine is named after the checkout's
 * path, so two checkouts never meet and leftovers can be told from other people's things.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Place {
  readonly key: string;
  readonly state: string;
  readonly logs: string;
  readonly bridge: string;
  /** The node's cgroup: a kubelet kills what it does not know below its root, so each has one of its own. */
  readonly cgroup: string;
}

export const here = import.meta.dirname;

/** Names the place; makes nothing. A cluster for a purpose of its own never meets the checkout's. */
export function place(purpose = ''): Place {
  const checkout = realpathSync(dirname(dirname(here)));
  const key = createHash('sha256')
    .update(checkout + purpose)
    .digest('hex')
    .slice(0, 8);
  // A unix socket's path holds 107 characters; containerd's and the kubelet's need about 50 of them.
  const root = tmpdir().length > 40 ? '/tmp' : tmpdir();
  const state = join(root, `steadyship-${key}`);
  return { key, state, logs: join(state, 'logs'), bridge: `ss${key}`, cgroup: `steadyship-${key}` };
}

/** Makes the state folder. Others may write to /tmp: one that is not ours to trust is refused. */
export function makeState({ state, logs }: Place): void {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const found = lstatSync(state);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${state} belongs to somebody else; remove it.`);
  }
  mkdirSync(logs, { recursive: true });
}

const programs = /\/steadyship-[0-9a-f]{8}\/bin$/;

/** The PATH without what an earlier `up`, of this checkout or another, had put first. */
export function machinePath(): string {
  return (process.env['PATH'] ?? '')
    .split(':')
    .filter((folder) => !programs.test(folder))
    .join(':');
}

/** What is slow to make and the same for every checkout: compiled binaries, unpacked packages. */
export function cache(): string {
  const named = process.env['STEADYSHIP_CACHE'];
  const folder = named || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'steadyship');
  mkdirSync(folder, { recursive: true });
  return folder;
}
