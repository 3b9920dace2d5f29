import type { Inputs } from '../inputs.ts';

/** Which of the inputs wants that what a run set stays, however it ends; undefined: it is to be put back. */
export function whyLeft({ rollback, onCancel }: Pick<Inputs, 'rollback' | 'onCancel'>): string | undefined {
  if (rollback === 'never') return '`rollback` is never';
  return onCancel === 'leave' ? '`on-cancel` is leave' : undefined;
}
