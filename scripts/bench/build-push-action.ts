/** Docker's build-push-action as it is published: fetched for the bench, never part of the project. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { run } from '../shop/command.ts';
import { execute } from './process.ts';

const REPOSITORY = 'https://github.com/docker/build-push-action';
const VERSION = 'v7.3.0';
/** SHA-256 of that version's bundle: a tag can be moved. */
const BUNDLE = '1158adb1afaf0412e07d5284de6206cb416ed9f073a753ca9890b99848e6e013';
/** A checkout of it, where the network is not to be asked. */
export const CHECKOUT_VARIABLE = 'STEADYSHIP_BUILD_PUSH_ACTION';
/** Milliseconds for the clone. */
const PATIENCE = 60_000;

export interface BuildPushAction {
  /** `v7.3.0`, or what a checkout that is another one is called. */
  readonly version: string;
  readonly bundle: string;
  /** action.yml's, as the runner fills them in. */
  readonly defaults: Readonly<Record<string, string>>;
}

/** The action, or why it can not be measured. */
export async function findBuildPushAction(
  folder: string,
  signal: AbortSignal,
): Promise<BuildPushAction | { readonly missing: string }> {
  const given = process.env[CHECKOUT_VARIABLE] ?? '';
  const home = given === '' ? join(folder, 'build-push-action') : given;
  if (given === '') {
    const enough = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const clone = ['clone', '--quiet', '--depth=1', `--branch=${VERSION}`, REPOSITORY, home];
    try {
      await run('git', clone, { signal: enough, env: { GIT_TERMINAL_PROMPT: '0' } });
    } catch {
      signal.throwIfAborted();
      return {
        missing: `${REPOSITORY} could not be cloned, and ${CHECKOUT_VARIABLE} names no checkout of it`,
      };
    }
  }
  const { inputs = {}, runs } = parse(await readFile(join(home, 'action.yml'), 'utf8')) as {
    inputs?: Record<string, { default?: unknown }>;
    runs: { using: string; main: string };
  };
  const node = `node${process.versions.node.split('.')[0]}`;
  if (runs.using !== node) return { missing: `it wants ${runs.using}, and this is ${node}` };
  const bundle = join(home, runs.main);
  const digest = createHash('sha256')
    .update(await readFile(bundle))
    .digest('hex');
  const isPinned = digest === BUNDLE;
  if (!isPinned && given === '') return { missing: `its ${VERSION} is not the bundle that it was` };
  return {
    version: isPinned ? VERSION : `of ${CHECKOUT_VARIABLE} (bundle ${digest.slice(0, 12)})`,
    bundle,
    defaults: Object.fromEntries(
      Object.entries(inputs).flatMap(([name, { default: value = '' }]) =>
        // Expressions are the runner's; the one there is, a token, means nothing to a context that is a folder.
        String(value).startsWith('${{') ? [] : [[name, String(value)]],
      ),
    ),
  };
}

/**
 * Runs its main entry as the runner does. Its post step, which uploads a record of the build, is not run, and the
 * record is switched off so that main prepares nothing for it.
 *
 * @returns milliseconds, and the digest that it pushed
 */
export async function runBuildPushAction(
  { bundle, defaults }: BuildPushAction,
  step: {
    readonly inputs: Readonly<Record<string, string>>;
    readonly workspace: string;
    readonly folder: string;
    readonly environment: Readonly<Record<string, string>>;
  },
): Promise<{ readonly milliseconds: number; readonly digest: string }> {
  const file = (name: string): string => join(step.folder, `action-${name}`);
  const files = {
    GITHUB_OUTPUT: file('output'),
    GITHUB_STATE: file('state'),
    GITHUB_STEP_SUMMARY: file('summary'),
  };
  await Promise.all(Object.values(files).map((path) => writeFile(path, '')));
  await writeFile(file('event.json'), JSON.stringify({ repository: { private: true } }));
  const inputs = Object.entries({ ...defaults, ...step.inputs });
  const environment = {
    ...step.environment,
    ...files,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_EVENT_PATH: file('event.json'),
    GITHUB_REPOSITORY: 'acme/shop',
    GITHUB_RUN_ID: '4711',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_WORKSPACE: step.workspace,
    RUNNER_TEMP: step.folder,
    DOCKER_BUILD_SUMMARY: 'false',
    DOCKER_BUILD_RECORD_UPLOAD: 'false',
    ...Object.fromEntries(inputs.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  };
  const { began, ended, exitCode, lines } = await execute(process.execPath, [bundle], environment, {
    cwd: step.workspace,
  });
  const digest = /^digest<<.+\n(sha256:[0-9a-f]{64})$/m.exec(
    await readFile(files.GITHUB_OUTPUT, 'utf8'),
  )?.[1];
  if (exitCode !== 0 || digest === undefined) {
    throw new Error(`build-push-action: exit code ${exitCode}\n${lines.map(({ text }) => text).join('\n')}`);
  }
  return { milliseconds: ended - began, digest };
}
