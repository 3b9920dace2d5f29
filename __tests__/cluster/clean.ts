/** Leaves nothing of this checkout's cluster: healthy, half-dead or known by its traces only. */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesIn, removeCgroup } from './cgroup.ts';
import { run } from './command.ts';
import { removeBridge } from './network.ts';
import { unpacked } from './packages.ts';
import type { Place } from './place.ts';
import { marked } from './process.ts';
import { restoreSettings } from './sysctl.ts';

// Logs are for whoever asks why; addresses make the next cluster answer where this one did.
const kept = ['logs', 'logs-before', 'addresses.json', 'lock'];

/** Ends all processes, then undoes what they did. Nothing is asked to end gracefully: its data go anyway. */
export async function clean(place: Place): Promise<void> {
  const sockets = shimSockets(place);
  await endProcesses(place);
  await unmountAll(place);
  await removeBridge(place, unpacked()?.busybox);
  await again('cgroups to be empty', async () => removeCgroup(place));
  for (const socket of sockets) rmSync(socket, { force: true });
  removeLogLinks(place);
  restoreSettings(place);
  if (!existsSync(place.state)) return;
  for (const name of readdirSync(place.state)) {
    if (!kept.includes(name) && !name.startsWith('lock.'))
      rmSync(join(place.state, name), { recursive: true, force: true });
  }
}

/** Whether there is anything for `clean` to do. */
export function hasTraces(place: Place): boolean {
  const bridge = existsSync(`/sys/class/net/${place.bridge}`);
  return bridge || marked(place).length > 0 || processesIn(place).length > 0 || mounts(place).length > 0;
}

async function endProcesses(place: Place): Promise<void> {
  await again('processes to end', async () => {
    const pids = new Set([...marked(place), ...processesIn(place)]);
    pids.delete(process.pid);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    return pids.size === 0;
  });
}

async function unmountAll(place: Place): Promise<void> {
  await again('mounts to go', async () => {
    // Innermost last in the kernel's list. Lazily: a killed process may hold one for a moment longer.
    for (const path of mounts(place).reverse()) await run('umount', ['-l', path]).catch(() => undefined);
    return mounts(place).length === 0;
  });
}

function mounts({ state }: Place): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(`${state}/`));
}

/** containerd's shims listen in a folder that all containerds share; each bundle names its own socket. */
function shimSockets({ state }: Place): string[] {
  const tasks = join(state, 'containerd-run', 'io.containerd.runtime.v2.task');
  if (!existsSync(tasks)) return [];
  const bundles = readdirSync(tasks).flatMap((name) =>
    readdirSync(join(tasks, name)).map((id) => join(tasks, name, id)),
  );
  return bundles
    .map((bundle) => join(bundle, 'address'))
    .filter((path) => existsSync(path))
    .map((path) =>
      readFileSync(path, 'utf8')
        .trim()
        .replace(/^unix:\/\//, ''),
    );
}

/** A kubelet links each container's log into a folder that all kubelets share. */
function removeLogLinks({ logs }: Place): void {
  const folder = '/var/log/containers';
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (lstatSync(path).isSymbolicLink() && readlinkSync(path).startsWith(`${logs}/`)) unlinkSync(path);
  }
}

async function again(what: string, done: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 15_000; !(await done()); await sleep(50)) {
    if (Date.now() > end) throw new Error(`Waited 15 s for the old cluster's ${what}.`);
  }
}
