import type { Inputs } from '../inputs.ts';
import { messageOf, UserError } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import type { OpenChange, OpenRun } from '../state.ts';
import type { Guard } from './guard.ts';
import type { World } from './world.ts';

interface Saver {
  readonly world: World;
  readonly inputs: Inputs;
  readonly guard: Guard;
}

/** The state for the post step could not be written. */
class Unsaved extends UserError {
  /** What could not be written, where and why, a sentence. */
  readonly what: string;
  /** What to do, a sentence. */
  readonly cure: string;
  /** It was told of before in this run. */
  readonly again: boolean;

  constructor(place: string, cause: unknown, again: boolean) {
    const what = `Could not write the state for the post step to ${place}: ${messageOf(cause)}.`;
    const cure = cureOf(cause);
    super(
      `${what} Without it nobody would put back what this run changes, should it be killed: it stops before its first patch. ${cure}`,
      { cause },
    );
    this.what = what;
    this.cure = cure;
    this.again = again;
  }
}

/**
 * For the post step: what will be open, and all that is locked, also where nothing is. As soon as the locks are held,
 * and before the first patch.
 *
 * @throws UserError when it can not be written: no run goes on without its net
 */
export function saveBegun(saver: Saver, open: readonly OpenChange[]): void {
  save(saver, { open, locked: saver.guard.workloads, onCancel: saver.inputs.onCancel });
}

/**
 * For the post step: what is open, and whether it is to be put back should this run be killed. Where nothing is, the
 * run is at its end and gives its locks back itself: the post step has nothing to do.
 *
 * Never fails, for the way back and the report are worth more; what could not be written is warned of once in a run.
 *
 * @param goesBack a rollback is under way, which a cancellation does not stop
 */
export function saveOpen(saver: Saver, open: readonly OpenChange[], goesBack = false): void {
  unfailing(saver.world.log, () =>
    save(saver, {
      open,
      locked: open.length === 0 ? [] : saver.guard.workloads,
      onCancel: goesBack ? 'rollback' : saver.inputs.onCancel,
    }),
  );
}

/**
 * A world that knows what it was told to save last, and whether that failed before. Its `save` throws UserError.
 *
 * @returns `end`, for a run that came to its end and gave its locks back itself: where nothing is open, the post step
 * has nothing to do then, wherever the run turned back; it never fails
 */
export function endingSave(world: World): { readonly world: World; readonly end: () => void } {
  let last: OpenRun | undefined;
  let isTold = false;
  const save = (state: OpenRun): void => {
    try {
      world.save(state);
    } catch (cause) {
      const again = isTold;
      isTold = true;
      throw new Unsaved(world.environment['GITHUB_STATE'] || 'the log', cause, again);
    }
    last = state;
  };
  const end = (): void => {
    if (last === undefined || last.open.length > 0 || last.locked.length === 0) return;
    const ended = { ...last, locked: [] };
    unfailing(world.log, () => save(ended));
  };
  return { world: { ...world, save }, end };
}

/** Where the run is past its beginning, an old state for the post step is better than a run that breaks off. */
function unfailing(log: Log, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof Unsaved)) throw error;
    const { what, cure, again } = error;
    if (again) return;
    log.warning(
      `${what} This run goes on. Its post step may not know what became of it, and looks by what was saved last. ${cure}`,
    );
  }
}

/** In the words of the outputs that can not be written. */
function cureOf(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? 'Make room on that disk of the runner.'
    : 'See that this step may write there.';
}

function save({ world, inputs, guard }: Saver, state: Pick<OpenRun, 'open' | 'locked' | 'onCancel'>): void {
  const time = world.clock.wall().toISOString();
  world.save({ rollback: inputs.rollback, holder: guard.identity, time, ...state });
}
