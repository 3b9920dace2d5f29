import { createHash, hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { Entry } from './context-walk.ts';
import { Doubt } from './doubt.ts';
import { type Noted, objectsOf } from './git-objects.ts';

const PIECE = 1024 * 1024;
/** Bytes until whatever else the run does gets its turn: some 10 ms of reading. */
const SLICE = 8 * PIECE;
/** Characters that are hashed at once. */
const LINES = 64 * 1024;

/**
 * What tells a context from every other: of each entry its name, type, mode, and the content or the target of
 * the link. Times are left out, as BuildKit's own cache leaves them out.
 *
 * Files are read one after the other, whole and without promises: measured against `cat` of the same files, more
 * threads had nothing to win that their start did not cost.
 *
 * @param entries as walkContext has them: files in the order of their paths
 * @throws Doubt when a file changes while it is read
 */
export async function hashContext(
  root: string,
  entries: readonly Entry[],
  noted: Noted,
  signal: AbortSignal | undefined,
): Promise<{ readonly digest: string; readonly files: number; readonly read: number }> {
  const whole = createHash('sha256');
  const buffer = Buffer.allocUnsafe(PIECE);
  let [files, read, pending] = [0, 0, 0];
  const pause = async (bytes: number): Promise<void> => {
    read += bytes;
    pending += bytes + 4096;
    if (pending < SLICE) return;
    pending = 0;
    await new Promise(setImmediate);
    signal?.throwIfAborted();
  };
  const objectOf = objectsOf(noted);
  let lines = '';
  for (const entry of entries) {
    let content = entry.target ?? '';
    if (entry.kind === 'file') {
      files += 1;
      const object = objectOf(entry);
      if (object !== undefined) content = `git:${object}`;
      else content = `sha256:${await hashFile(`${root}/${entry.path}`, entry, buffer, pause)}`;
    }
    // Neither a path nor a link's target can hold the zero between them.
    lines += `${entry.path}\0${entry.kind}\0${entry.mode}\0${content}\0`;
    if (lines.length < LINES) continue;
    whole.update(lines);
    lines = '';
  }
  whole.update(lines);
  return { digest: whole.digest('hex'), files, read };
}

async function hashFile(
  place: string,
  entry: Entry,
  buffer: Buffer,
  pause: (bytes: number) => Promise<void>,
): Promise<string> {
  const file = openSync(place, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    let length = readSync(file, buffer);
    if (length === entry.size && length < buffer.length) {
      const small = hash('sha256', buffer.subarray(0, length), 'hex');
      await pause(length);
      return small;
    }
    const large = createHash('sha256');
    let total = 0;
    for (; length > 0; length = readSync(file, buffer)) {
      large.update(buffer.subarray(0, length));
      total += length;
      // The pieces of other files come between: nobody else uses the buffer, files are read in turn.
      await pause(length);
    }
    if (total !== entry.size) throw new Doubt(`${entry.path} changed while it was read`);
    return large.digest('hex');
  } finally {
    closeSync(file);
  }
}
