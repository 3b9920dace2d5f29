import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from './clock.ts';
import * as core from './github/core.ts';
import { type RunFacts, readRunFacts } from './github/event.ts';
import { createLog } from './github/log.ts';
import { rawInputs } from './inputs/reader.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { Cancelled, UserError } from './model/error.ts';
import type { Log } from './model/log.ts';
import { GREEN } from './model/report.ts';
import { escapeLogLine } from './report/escape.ts';
import { redactor } from './report/redact.ts';
import type { Outlets } from './run/publish.ts';
import { renderState, STATE } from './state.ts';

/** What the runner was told to mask. */
const secrets = new Set<string>();

const hide = redactor(secrets);
const harmless = (text: string): string => escapeLogLine(hide(text));

/** The entry of the step: reads inputs and event once, wires the adapters, and says how it ended. */
async function main(): Promise<void> {
  const environment = { ...process.env };
  const log = createLog(harmless, secrets);
  const outlets = outletsOf(environment, systemClock.wall());
  const inputs = await readOrFail(environment, log, outlets);
  if (inputs === undefined) {
    process.exitCode = 1;
    return;
  }
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => controller.abort(new Cancelled(signal));
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // Each child that runs waits for our exit, and more than ten at a time are no leak.
  process.setMaxListeners(0);
  const { run } = await import('./run.ts');
  const report = await run(inputs, {
    clock: systemClock,
    log,
    redact: hide,
    environment,
    workspace: environment['GITHUB_WORKSPACE'] ?? process.cwd(),
    facts: readFacts(environment),
    signal: controller.signal,
    save: (state) => core.saveState(STATE, renderState(state)),
    random: randomUUID().slice(0, 8),
  });
  // Also when telling it fails.
  if (!GREEN.has(report.result)) process.exitCode = 1;
  const { publish } = await import('./run/publish.ts');
  const { summary, ...others } = outlets;
  if (!(await publish(report, { ...others, summary: inputs.summary ? summary : undefined })))
    process.exitCode = 1;
}

/** Masks before anything is said, then reads; all mistakes of the inputs end the step together. */
async function readOrFail(
  environment: NodeJS.ProcessEnv,
  log: Log,
  outlets: Outlets,
): Promise<Inputs | undefined> {
  const raw = rawInputs(environment);
  for (const name of ['password', 'github-token']) log.secret(raw[name] ?? '');
  try {
    return await readInputs(raw);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { publishMistakes } = await import('./run/publish.ts');
    publishMistakes(error.mistakes.map(hide), outlets);
    return undefined;
  }
}

function readFacts(environment: NodeJS.ProcessEnv): RunFacts {
  const path = environment['GITHUB_EVENT_PATH'];
  return readRunFacts(
    environment,
    path === undefined || path === '' ? undefined : JSON.parse(readFileSync(path, 'utf8')),
  );
}

/** The runner's places for how it ended; everything passes as it is. */
function outletsOf(environment: NodeJS.ProcessEnv, startedAt: Date): Outlets {
  const stamp = startedAt.toISOString().replace(/[^0-9]/g, '');
  // A folder of the run's own, so that two steps of one job do not overwrite each other's report.
  const folder = join(environment['RUNNER_TEMP'] ?? tmpdir(), `steadyship-${stamp}-${process.pid}`);
  const summary = environment['GITHUB_STEP_SUMMARY'] ?? '';
  return {
    info: core.info,
    output: core.setOutput,
    error: (message, { title, place }) =>
      core.error(message, {
        title,
        ...(place && { file: place.file, startLine: place.line, endLine: place.endLine ?? place.line }),
      }),
    file: (json) => {
      mkdirSync(folder, { recursive: true });
      const file = join(folder, 'report.json');
      writeFileSync(file, json);
      return file;
    },
    summary:
      summary === ''
        ? undefined
        : async (markdown) => {
            await core.summary.addRaw(markdown).write();
          },
    places: {
      outputs: environment['GITHUB_OUTPUT'] ?? 'the log',
      file: folder,
      summary,
    },
  };
}

try {
  await main();
} catch (error) {
  core.debug(error instanceof Error ? (error.stack ?? '') : '');
  core.error(
    harmless(
      `SteadyShip met something that it does not know: ${error instanceof Error ? error.message : String(error)}`,
    ),
  );
  process.exitCode = 1;
}
