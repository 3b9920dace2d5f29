import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

/** Node reads all of src for each: milliseconds on a machine with much else to do. */
const PATIENCE = 60_000;

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** Runs the step's entry as it stands in src. */
async function step(
  inputs: Readonly<Record<string, string>>,
  files: (folder: string) => Readonly<Record<string, string>>,
): Promise<{ readonly exitCode: number; readonly lines: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'steadyship-main-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const own = files(folder);
  for (const path of Object.values(own)) if (path.startsWith(folder)) await writeFile(path, '');
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    GITHUB_WORKSPACE: folder,
    RUNNER_TEMP: folder,
    ...own,
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
  };
  return await new Promise((resolve) => {
    execFile(process.execPath, [MAIN], { env, cwd: folder }, (error, stdout) =>
      resolve({ exitCode: Number(error?.code ?? 0), lines: stdout.trimEnd().split('\n') }),
    );
  });
}

const KUBECONFIG = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'u', user: { token: 'not-a-real-token' } }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'x',
});
const INPUTS = {
  image: `ghcr.io/acme/shop@sha256:${'1'.repeat(64)}`,
  ...{ build: 'false', resolve: 'false', workloads: 'deployment/web', kubeconfig: KUBECONFIG },
};
const CAUSE =
  "::error title=Failed::namespace: it is missing, and the kubeconfig's context names none either. Set `namespace`, or write namespace/kind/name in `workloads`. Nothing was changed in the cluster.";

test('a full disk hides no cause, and each place is told for itself', { timeout: PATIENCE }, async () => {
  const { exitCode, lines } = await step(INPUTS, () => ({
    GITHUB_OUTPUT: '/dev/full',
    GITHUB_STEP_SUMMARY: '/dev/full',
    // No folder can be made below it.
    RUNNER_TEMP: '/dev/full',
  }));
  expect(exitCode).toBe(1);
  expect(lines.filter((line) => line.startsWith('::error'))).toEqual([
    CAUSE,
    expect.stringMatching(
      /^::error title=Not written%3A outputs result%2C .*::Could not write the outputs result, image, digest, tag, built, previous-image, reason to \/dev\/full: ENOSPC: no space left on device, write\. Steps that read them find nothing there\. Make room on that disk of the runner\.$/,
    ),
    expect.stringMatching(
      /^::error title=Not written%3A report::Could not write the report to \/dev\/full\/steadyship-\d+-\d+: ENOTDIR: .*\. The output report is empty\. See that this step may write there\.$/,
    ),
    expect.stringMatching(
      /^::error title=Not written%3A job summary::Could not write the job summary to \/dev\/full: ENOSPC: .*\. Make room on that disk of the runner\.$/,
    ),
  ]);
});

test('with room on the disk the cause is the one red line, and all is written', {
  timeout: PATIENCE,
}, async () => {
  const files = { output: '', summary: '' };
  const { exitCode, lines } = await step(INPUTS, (folder) => {
    files.output = join(folder, 'output');
    files.summary = join(folder, 'summary');
    return { GITHUB_OUTPUT: files.output, GITHUB_STEP_SUMMARY: files.summary };
  });
  expect(exitCode).toBe(1);
  expect(lines.filter((line) => line.startsWith('::error'))).toEqual([CAUSE]);
  expect(await readFile(files.output, 'utf8')).toMatch(/^result<<(\S+)\nfailed\n\1$/m);
  expect(await readFile(files.output, 'utf8')).toMatch(/^report<<(\S+)\n.*report\.json\n\1$/m);
  expect(await readFile(files.summary, 'utf8')).toMatch(/^## ❌ Failed\n/);
});
