import type { Inputs } from '../inputs.ts';
import type { OpenChange } from '../state.ts';
import type { Guard } from './guard.ts';
import type { World } from './world.ts';

/**
 * For the post step: what is open, and whether it is to be put back should this run be killed.
 *
 * @param goesBack a rollback is under way, which a cancellation does not stop
 */
export function saveOpen(
  { world, inputs, guard }: { readonly world: World; readonly inputs: Inputs; readonly guard: Guard },
  open: readonly OpenChange[],
  goesBack = false,
): void {
  const onCancel = goesBack ? 'rollback' : inputs.onCancel;
  const time = world.clock.wall().toISOString();
  world.save({ rollback: inputs.rollback, onCancel, holder: guard.identity, time, open });
}
