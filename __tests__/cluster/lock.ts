/** One at a time: a lock file that names its holder, so that a dead holder's lock can be taken over. */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type Running, startOf } from './process.ts';

/** Runs `work` while holding the lock at `path`; `waiting` is told once when somebody else has it. */
export async function withLock<T>(
  path: string,
  waiting: (pid: number) => void,
  work: () => Promise<T>,
): Promise<T> {
  const mine = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, start: startOf(process.pid) }));
  try {
    for (let told = false; !take(mine, path); told = true) {
      const holder = read(path);
      if (holder && !told) waiting(holder.pid);
      await sleep(200);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  // Also when the process is told to end in the middle of the work.
  const release = (): void => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

/** A hard link is made whole or not at all, and never replaces another's. */
function take(mine: string, path: string): boolean {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = read(path);
  if (holder && !isAlive(holder)) putAside(path, `${mine}.dead`, holder);
  return false;
}

/** Two may find the same dead holder: what was moved away is looked at again, and put back if it lives. */
function putAside(path: string, aside: string, dead: Running): void {
  try {
    renameSync(path, aside);
    const moved = read(aside);
    if (moved?.pid !== dead.pid || moved.start !== dead.start) linkSync(aside, path);
  } catch {
    // Somebody else was faster; the next turn of the loop sees what is there now.
  }
  rmSync(aside, { force: true });
}

function read(path: string): Running | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Running;
  } catch {
    return undefined;
  }
}
