import type { GateArguments, Outcome } from '../gate/lane.ts';

/** The gate, whose rules are loaded when there is something to judge: the first patch does not wait for them. */
export async function gate(args: GateArguments): Promise<readonly Outcome[]> {
  const { gate } = await import('../gate/wait.ts');
  return await gate(args);
}
