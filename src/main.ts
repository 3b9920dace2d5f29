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
import { GREEN, imagesOf, type Report } from './model/report.ts';
import { escapeLogLine } from './report/escape.ts';
import { renderState, STATE } from './state.ts';

/** The entry of the step: reads inputs and event once, wires the adapters, and says how it ended. */
async function main(): Promise<void> {
  const environment = { ...process.env };
  const log = createLog(escapeLogLine);
  const inputs = await readOrFail(environment, log);
  if (inputs === undefined) return;
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
    environment,
    workspace: environment['GITHUB_WORKSPACE'] ?? process.cwd(),
    facts: readFacts(environment),
    signal: controller.signal,
    save: (state) => core.saveState(STATE, renderState(state)),
    random: randomUUID().slice(0, 8),
  });
  await publish(report, inputs, environment);
}

/** Masks before anything is said, then reads; all mistakes of the inputs end the step together. */
async function readOrFail(environment: NodeJS.ProcessEnv, log: Log): Promise<Inputs | undefined> {
  const raw = rawInputs(environment);
  for (const name of ['password', 'github-token']) log.secret(raw[name] ?? '');
  try {
    return await readInputs(raw);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [first] = error.mistakes;
    const title =
      error.mistakes.length === 1 ? 'An input is wrong' : `${error.mistakes.length} inputs are wrong`;
    core.setOutput('result', 'failed');
    core.setOutput('reason', first ?? '');
    core.error(error.mistakes.map(escapeLogLine).join('\n'), { title });
    process.exitCode = 1;
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

/** Outputs, report file, summary, and the one annotation. */
async function publish(report: Report, inputs: Inputs, environment: NodeJS.ProcessEnv): Promise<void> {
  const [{ renderAnnotation }, { renderSummary }] = await Promise.all([
    import('./report/annotation.ts'),
    import('./report/summary.ts'),
  ]);
  const file = writeReport(report, environment);
  const images = imagesOf(report);
  const lines = (values: readonly (string | undefined)[]): string =>
    values.map((value) => value ?? '').join('\n');
  const outputs = {
    result: report.result,
    image: lines(images.map(({ reference }) => reference)),
    digest: lines(images.map(({ digest }) => digest)),
    tag: lines([...new Set(images.map(({ tag }) => tag))]),
    built: images.length === 0 ? '' : String(images.some(({ built }) => built)),
    'previous-image': report.workloads[0]?.containers[0]?.before ?? '',
    reason: escapeLogLine(report.reason),
    report: file,
  };
  for (const [name, value] of Object.entries(outputs)) core.setOutput(name, value);
  if (inputs.summary && (environment['GITHUB_STEP_SUMMARY'] ?? '') !== '') {
    await core.summary.addRaw(renderSummary(report)).write();
  }
  if (GREEN.has(report.result)) {
    core.info(escapeLogLine(report.reason));
    return;
  }
  const annotation = renderAnnotation(report);
  const place = annotation?.place;
  core.error(annotation?.message ?? report.reason, {
    title: annotation?.title ?? report.result,
    ...(place && { file: place.file, startLine: place.line, endLine: place.endLine ?? place.line }),
  });
  process.exitCode = 1;
}

/** A folder of the run's own, so that two steps of one job do not overwrite each other's report. */
function writeReport(report: Report, environment: NodeJS.ProcessEnv): string {
  const stamp = report.startedAt.replace(/[^0-9]/g, '');
  const folder = join(environment['RUNNER_TEMP'] ?? tmpdir(), `steadyship-${stamp}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'report.json');
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

try {
  await main();
} catch (error) {
  core.debug(error instanceof Error ? (error.stack ?? '') : '');
  core.error(
    escapeLogLine(
      `SteadyShip met something that it does not know: ${error instanceof Error ? error.message : String(error)}`,
    ),
  );
  process.exitCode = 1;
}
