/** How long it takes to recognise a context, against `cat` of all its files. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NO_BUILD_INPUTS } from '../../src/build/inputs.ts';
import { computeKey } from '../../src/build/key/key.ts';
import { systemClock } from '../../src/clock.ts';

const call = promisify(execFile);
const [FOLDERS, FILES, BYTES] = [500, 100, 10_000];

/** Milliseconds of 50,000 files with 500 MB. */
export interface Keying {
  readonly clean: readonly number[];
  readonly unknown: readonly number[];
  readonly cat: readonly number[];
}

export async function keying(folder: string, rounds: number): Promise<Keying> {
  const root = join(folder, 'context');
  lay(root);
  // Where a step runs: in the folder that was checked out.
  const before = process.cwd();
  process.chdir(root);
  const samples = { clean: [] as number[], unknown: [] as number[], cat: [] as number[] };
  const tree = ['-c', 'find tree -type f -print0 | xargs -0 cat > /dev/null'];
  // The first round only fills the caches.
  for (let round = 0; round <= rounds; round += 1) {
    const cat = await time(() => call('sh', tree, { cwd: root }));
    const unknown = await time(() => key(root));
    if (round > 0) {
      samples.cat.push(cat);
      samples.unknown.push(unknown);
    }
  }
  const git = (...args: readonly string[]): Promise<unknown> =>
    call('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-C', root, ...args]);
  await git('init', '--quiet');
  await git('add', '.');
  await git('-c', 'gc.auto=0', 'commit', '--quiet', '--message=All');
  // One pack, as a checkout of a clone has it; otherwise git would begin to make it in the background.
  await git('-c', 'core.compression=0', 'repack', '-a', '-d', '-q', '--window=0');
  for (let round = 0; round <= rounds; round += 1) {
    const clean = await time(() => key(root));
    if (round > 0) samples.clean.push(clean);
  }
  process.chdir(before);
  await rm(root, { recursive: true });
  return samples;
}

function lay(root: string): void {
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    const path = join(root, 'tree', `d${folder % 50}`, `s${folder}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < FILES; file += 1) writeFileSync(join(path, `f${file}`), randomBytes(BYTES));
  }
  writeFileSync(join(root, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
  writeFileSync(join(root, '.dockerignore'), '.git\n');
}

async function key(directory: string): Promise<void> {
  const found = await computeKey({
    inputs: { ...NO_BUILD_INPUTS, platforms: ['linux/amd64'] },
    directory,
    environment: process.env,
    clock: systemClock,
    digestOf: () => Promise.resolve(undefined),
  });
  if (found.kind === 'doubt') throw new Error(`The context has no key, because ${found.why}.`);
}

async function time(body: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await body();
  return performance.now() - began;
}
