import { systemClock } from './clock.ts';
import * as core from './github/core.ts';
import { readRunFacts } from './github/event.ts';
import { createLog } from './github/log.ts';
import { rawInputs } from './inputs/reader.ts';
import { readInputs } from './inputs.ts';
import { messageOf } from './model/error.ts';
import { escapeLogLine } from './report/escape.ts';
import { parseState, STATE } from './state.ts';

/**
 * The entry of the post step: when the main step was ended in the middle of a rollout, it looks whether the
 * workloads were put back, and does what is left to do. Otherwise there is nothing to load and nothing to say.
 */
async function post(): Promise<void> {
  const saved = parseState(core.getState(STATE));
  if (saved === undefined || saved.open.length === 0) return;
  const environment = { ...process.env };
  const log = createLog(escapeLogLine);
  const raw = rawInputs(environment);
  for (const name of ['password', 'github-token']) log.secret(raw[name] ?? '');
  const { finishRevert } = await import('./run/finish-revert.ts');
  const finished = await finishRevert(await readInputs(raw), saved, {
    clock: systemClock,
    log,
    environment,
    workspace: environment['GITHUB_WORKSPACE'] ?? process.cwd(),
    facts: readRunFacts(environment, undefined),
    signal: new AbortController().signal,
    save: () => undefined,
    random: '',
  });
  if (!finished) process.exitCode = 1;
}

try {
  await post();
} catch (error) {
  core.error(
    escapeLogLine(
      `The run ended in the middle of a rollout, and whether it was put back could not be found out: ${messageOf(error)} Look yourself: kubectl rollout status`,
    ),
  );
  process.exitCode = 1;
}
