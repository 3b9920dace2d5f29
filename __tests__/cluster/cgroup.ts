/** The cgroup below which the node's pods and builds run: one tree under version 2, one per controller under 1. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';

const mount = '/sys/fs/cgroup';

/** Makes the node's cgroup: the kubelet wants to find its root there. */
export function makeCgroup({ cgroup }: Place): void {
  for (const root of roots()) {
    const folder = join(root, cgroup);
    mkdirSync(folder, { recursive: true });
    for (const name of ['cpuset.cpus', 'cpuset.mems']) inherit(root, folder, name);
  }
  if (isVersion2()) enableControllers();
}

/** A controller of version 2 reaches a group only when the one above passes it on; the kubelet wants these. */
function enableControllers(): void {
  const there = readFileSync(join(mount, 'cgroup.controllers'), 'utf8').trim().split(' ');
  for (const name of ['cpu', 'cpuset', 'memory', 'hugetlb', 'pids'].filter((one) => there.includes(one))) {
    writeFileSync(join(mount, 'cgroup.subtree_control'), `+${name}`);
  }
}

/** Version 1 starts a cpuset empty, and nothing can run in it. Version 2 has no such file in its root. */
function inherit(root: string, folder: string, name: string): void {
  if (existsSync(join(root, name))) writeFileSync(join(folder, name), readFileSync(join(root, name)));
}

/** Every process of the node's pods and builds, whatever its environment says. */
export function processesIn({ cgroup }: Place): number[] {
  const pids = roots()
    .flatMap((root) => folders(join(root, cgroup)))
    .flatMap(processes);
  return [...new Set(pids)];
}

/** Removes the empty cgroups; false when the kernel still holds one. */
export function removeCgroup({ cgroup }: Place): boolean {
  let gone = true;
  // Innermost first.
  for (const folder of roots()
    .flatMap((root) => folders(join(root, cgroup)))
    .reverse()) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') gone = false;
    }
  }
  return gone;
}

function roots(): string[] {
  if (isVersion2()) return [mount];
  const entries = existsSync(mount) ? readdirSync(mount) : [];
  return entries.map((name) => join(mount, name)).filter((path) => existsSync(join(path, 'cgroup.procs')));
}

function isVersion2(): boolean {
  return existsSync(join(mount, 'cgroup.controllers'));
}

function folders(root: string): string[] {
  if (!existsSync(root)) return [];
  const below = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [root, ...below.flatMap((entry) => folders(join(root, entry.name)))];
}

function processes(folder: string): number[] {
  try {
    return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    // It has just gone.
    return [];
  }
}
