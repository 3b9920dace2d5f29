import { systemClock } from './clock.ts';
import * as core from './github/core.ts';
import { readRunFacts } from './github/event.ts';
import { createLog } from './github/log.ts';
import { rawInputs } from './inputs/reader.ts';
import { readInputs } from './inputs.ts';
import { messageOf } from './model/error.ts';
import { escapeLogLine } from './report/escape.ts';
import { redactor } from './report/redact.ts';
import { type OpenChange, parseState, STATE } from './state.ts';

/** So many workloads are named in an error; it is one line. */
const SHOWN = 3;

/** What the runner was told to mask. */
const secrets = new Set<string>();

const hide = redactor(secrets);
const harmless = (text: string): string => escapeLogLine(hide(text));

/**
 * The entry of the post step: when the main step was ended in the middle of a rollout, it looks whether the
 * workloads were put back, does what is left to do, and gives the locks back. Otherwise there is nothing to load and
 * nothing to say.
 */
async function post(): Promise<void> {
  const saved = parseState(core.getState(STATE));
  if (saved === undefined || (saved.open.length === 0 && saved.locked.length === 0)) return;
  const environment = { ...process.env };
  const log = createLog(harmless, secrets);
  const raw = rawInputs(environment);
  for (const name of ['password', 'github-token']) log.secret(raw[name] ?? '');
  try {
    const { finishRevert } = await import('./run/finish-revert.ts');
    const finished = await finishRevert(await readInputs(raw), saved, {
      clock: systemClock,
      log,
      redact: hide,
      environment,
      workspace: environment['GITHUB_WORKSPACE'] ?? process.cwd(),
      facts: readRunFacts(environment, undefined),
      signal: new AbortController().signal,
      save: () => undefined,
      random: '',
    });
    if (!finished) process.exitCode = 1;
  } catch (error) {
    fail(error, saved.open);
  }
}

/** @param open undefined: which they are could not be read */
function fail(error: unknown, open?: readonly OpenChange[]): void {
  const names = open?.map(
    ({ kind, namespace, name }) => ` -n ${namespace} ${kind.toLowerCase()}/${name}`,
  ) ?? [''];
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  const commands = names.slice(0, SHOWN).map((name) => `kubectl rollout status${name}`);
  core.error(
    harmless(
      `The run ended in the middle of a rollout, and whether it was put back could not be found out: ${messageOf(error)} Look yourself: ${commands.join('; ')}${more}`,
    ),
  );
  process.exitCode = 1;
}

try {
  await post();
} catch (error) {
  fail(error);
}
