/** What the bundles weigh, and what it costs to start the action when it then finds that an input is wrong. */
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTree } from '../build.ts';
import { execute } from './process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Bytes below dist of one entry, all files. */
export function bundleSize(entry: 'main' | 'post'): number {
  const files = readTree(join(ROOT, 'dist', entry));
  return [...files.values()].reduce((sum, content) => sum + content.length, 0);
}

/** Milliseconds of the two, run in turn. */
export async function startups(
  folder: string,
  rounds: number,
): Promise<{ readonly ours: readonly number[]; readonly core: readonly number[] }> {
  const files = { GITHUB_OUTPUT: 'output', GITHUB_STATE: 'state', GITHUB_STEP_SUMMARY: 'summary' };
  const environment: Record<string, string> = { PATH: process.env['PATH'] ?? '', RUNNER_TEMP: folder };
  for (const [name, file] of Object.entries(files)) {
    environment[name] = join(folder, file);
    await writeFile(join(folder, file), '');
  }
  const wrong = { ...environment, INPUT_COMMAND: 'deploy', INPUT_IMAGE: 'https://not an image' };
  const core = await bundleOfCore(folder);
  const samples = { ours: [] as number[], core: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const ours = await time(join(ROOT, 'dist', 'main', 'index.js'), wrong);
    const theirs = await time(core, environment);
    // The first round only fills the caches.
    if (round === 0) continue;
    samples.ours.push(ours);
    samples.core.push(theirs);
  }
  return samples;
}

async function time(bundle: string, environment: Readonly<Record<string, string>>): Promise<number> {
  const { began, ended, exitCode, lines } = await execute(process.execPath, [bundle], environment);
  if (exitCode !== 1)
    throw new Error(`${bundle}: exit code ${exitCode}\n${lines.map(({ text }) => text).join('\n')}`);
  return ended - began;
}

/** The least that an action written with GitHub's toolkit is: bundled as ours, and fails as ours does. */
async function bundleOfCore(folder: string): Promise<string> {
  const home = join(folder, 'core');
  await mkdir(home, { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  await writeFile(join(home, 'package.json'), '{"type": "module"}');
  await writeFile(
    join(home, 'index.js'),
    "import * as core from '@actions/core';\ncore.setOutput('result', 'failed');\ncore.error('no');\nprocess.exitCode = 1;\n",
  );
  const ncc = join(ROOT, 'node_modules', '.bin', 'ncc');
  execFileSync(ncc, ['build', 'index.js', '-o', 'dist', '--minify', '--no-cache'], {
    cwd: home,
    stdio: 'pipe',
  });
  return join(home, 'dist', 'index.js');
}
