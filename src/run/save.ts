import type { Inputs } from '../inputs.ts';
import type { OpenChange, OpenRun } from '../state.ts';
import type { Guard } from './guard.ts';
import type { World } from './world.ts';

interface Saver {
  readonly world: World;
  readonly inputs: Inputs;
  readonly guard: Guard;
}

/**
 * For the post step: what will be open, and all that is locked, also where nothing is. As soon as the locks are held,
 * and before the first patch.
 */
export function saveBegun(saver: Saver, open: readonly OpenChange[]): void {
  save(saver, { open, locked: saver.guard.workloads, onCancel: saver.inputs.onCancel });
}

/**
 * For the post step: what is open, and whether it is to be put back should this run be killed. Where nothing is, the
 * run is at its end and gives its locks back itself: the post step has nothing to do.
 *
 * @param goesBack a rollback is under way, which a cancellation does not stop
 */
export function saveOpen(saver: Saver, open: readonly OpenChange[], goesBack = false): void {
  save(saver, {
    open,
    locked: open.length === 0 ? [] : saver.guard.workloads,
    onCancel: goesBack ? 'rollback' : saver.inputs.onCancel,
  });
}

/**
 * A world that knows what it was told to save last.
 *
 * @returns `end`, for a run that came to its end and gave its locks back itself: where nothing is open, the post step
 * has nothing to do then, wherever the run turned back
 */
export function endingSave(world: World): { readonly world: World; readonly end: () => void } {
  let last: OpenRun | undefined;
  const save = (state: OpenRun): void => {
    last = state;
    world.save(state);
  };
  const end = (): void => {
    if (last !== undefined && last.open.length === 0 && last.locked.length > 0) save({ ...last, locked: [] });
  };
  return { world: { ...world, save }, end };
}

function save({ world, inputs, guard }: Saver, state: Pick<OpenRun, 'open' | 'locked' | 'onCancel'>): void {
  const time = world.clock.wall().toISOString();
  world.save({ rollback: inputs.rollback, holder: guard.identity, time, ...state });
}
