/**
 * Calls the bundled action as GitHub's runner calls it: inputs in INPUT_*, files for outputs, state and summary,
 * an event file, and an environment that holds what a runner's does and nothing of ours.
 *
 * @see https://github.com/actions/runner/blob/v2.329.0/src/Runner.Worker/Handlers/NodeScriptActionHandler.cs
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../src/model/report.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface StepOptions {
  /** As in the workflow file's `with`. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The checkout; an empty folder when left out. */
  readonly workspace?: string;
  /** Where the runner's own files go; a temporary folder, gone afterwards, when left out. */
  readonly folder?: string;
  readonly eventName?: string;
  readonly event?: unknown;
  /** Further variables of the runner's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The entry to run: `main` unless it is the post step. */
  readonly entry?: 'main' | 'post';
  /** What main saved, for the post step. */
  readonly state?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  /** Called with the process as soon as it runs: to send it signals. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface StepResult {
  readonly exitCode: number | null;
  readonly outputs: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
  /** All that the step printed, workflow commands included. */
  readonly log: string;
  /** The messages of its error annotations. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly summary: string;
  /** The file behind the output `report`. */
  readonly report: Report | undefined;
  readonly milliseconds: number;
}

/** An event payload of a private repository, as far as the action reads it. */
export const PRIVATE_PUSH = { repository: { private: true, default_branch: 'main', full_name: 'acme/shop' } };

/** Runs one entry to its end. */
export async function runStep(options: StepOptions): Promise<StepResult> {
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'steadyship-step-'));
  const file = (name: string): string => join(folder, name);
  const workspace = options.workspace ?? file('workspace');
  const files = {
    GITHUB_OUTPUT: file('output'),
    GITHUB_STATE: file('state'),
    GITHUB_STEP_SUMMARY: file('summary'),
  };
  await Promise.all([mkdir(workspace, { recursive: true }), mkdir(file('temp'))]);
  await Promise.all(Object.values(files).map((path) => writeFile(path, '')));
  await writeFile(file('event.json'), JSON.stringify(options.event ?? PRIVATE_PUSH));
  const inputs = { ...(await defaults()), ...options.inputs };
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: file('home'),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'octocat',
    GITHUB_EVENT_NAME: options.eventName ?? 'push',
    GITHUB_EVENT_PATH: file('event.json'),
    GITHUB_REPOSITORY: 'acme/shop',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_ID: '4711',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: file('temp'),
    ...files,
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
    ...Object.fromEntries(
      Object.entries(options.state ?? {}).map(([name, value]) => [`STATE_${name}`, value]),
    ),
    ...options.environment,
  };
  await mkdir(environment.HOME, { recursive: true });
  const started = performance.now();
  const child = spawn(process.execPath, [join(ROOT, 'dist', options.entry ?? 'main', 'index.js')], {
    cwd: workspace,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  options.onStart?.(child);
  const [exitCode, log] = await collect(child, options.onLine);
  const milliseconds = performance.now() - started;
  const outputs = parseFileCommands(await readFile(files.GITHUB_OUTPUT, 'utf8'));
  const result: StepResult = {
    exitCode,
    outputs,
    state: parseFileCommands(await readFile(files.GITHUB_STATE, 'utf8')),
    log,
    errors: annotations(log, 'error'),
    warnings: annotations(log, 'warning'),
    summary: await readFile(files.GITHUB_STEP_SUMMARY, 'utf8'),
    report: outputs['report'] ? (JSON.parse(await readFile(outputs['report'], 'utf8')) as Report) : undefined,
    milliseconds,
  };
  if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  return result;
}

/** The inputs that the runner fills in by itself: action.yml's defaults. */
async function defaults(): Promise<Readonly<Record<string, string>>> {
  const { parse } = await import('yaml');
  const { inputs } = parse(await readFile(join(ROOT, 'action.yml'), 'utf8')) as {
    inputs: Record<string, { default?: string }>;
  };
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { default: value = '' }]) => [
      name,
      value.startsWith('${{') ? '' : String(value),
    ]),
  );
}

function collect(
  child: ChildProcess,
  onLine: StepOptions['onLine'],
): Promise<readonly [number | null, string]> {
  return new Promise((resolve, reject) => {
    let log = '';
    let rest = '';
    const take = (text: string): void => {
      log += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine?.(line);
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    child.once('error', reject);
    child.once('close', (code) => resolve([code, log]));
  });
}

/** `name<<delimiter`, lines, `delimiter`: the form of GITHUB_OUTPUT and GITHUB_STATE. Later ones win. */
function parseFileCommands(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const [, name, delimiter] = /^([^<=]+)<<(.+)$/.exec(lines[index] ?? '') ?? [];
    if (name === undefined || delimiter === undefined) continue;
    const end = lines.indexOf(delimiter, index + 1);
    values[name] = lines.slice(index + 1, end).join('\n');
    index = end;
  }
  return values;
}

function annotations(log: string, kind: 'error' | 'warning'): readonly string[] {
  return [...log.matchAll(new RegExp(`^::${kind}(?: [^\\n]*?)?::(.*)$`, 'gm'))].map(([, message]) =>
    (message ?? '').replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%25', '%'),
  );
}
