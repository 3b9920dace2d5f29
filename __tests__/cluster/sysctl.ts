/**
 * Kernel settings that a kubelet changes for the whole machine at its start (its container manager's
 * `setupKernelTunables`). They are put back: a test must not decide whether a developer's kernel panics.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';

const changed: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

/** Remembers the settings that are about to change; those changed by another cluster are its to put back. */
export function rememberSettings(place: Place): void {
  const before = Object.keys(changed).flatMap((name) => {
    const value = read(name);
    return value === undefined || value === changed[name] ? [] : [[name, value]];
  });
  writeFileSync(file(place), JSON.stringify(Object.fromEntries(before)));
}

export function restoreSettings(place: Place): void {
  for (const [name, value] of Object.entries(remembered(place))) {
    // Somebody may have chosen another value since.
    if (read(name) === changed[name]) writeFileSync(`/proc/sys/${name}`, value);
  }
}

function remembered(place: Place): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file(place), 'utf8')) as Record<string, string>;
  } catch {
    return {};
  }
}

function read(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function file({ state }: Place): string {
  return join(state, 'settings.json');
}
