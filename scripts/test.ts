/**
 * All checks and tests, in the order in which a mistake is cheapest to find. vitest comes last, so that its
 * summary ends the output.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const checks: readonly (readonly [title: string, file: string, ...args: string[]])[] = [
  ['format and lint', 'biome', 'ci', '.'],
  ['types', 'tsc', '-p', '.'],
  ['unused code and dependencies', 'knip'],
  ['README against action.yml', 'node', 'scripts/readme.ts', '--check'],
  ['dist against a fresh build', 'node', 'scripts/build.ts', '--check'],
  ['tests', 'vitest', 'run', ...process.argv.slice(2)],
];

for (const [title, file, ...args] of checks) {
  const started = performance.now();
  console.log(`\n# ${title}`);
  const { status } = spawnSync(join(root, 'node_modules', '.bin', file), args, {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) {
    if (file !== 'vitest') console.log(`${title}: failed\n0 passed, 1 failed`);
    process.exit(1);
  }
  if (file !== 'vitest')
    console.log(`${title}: fine after ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
