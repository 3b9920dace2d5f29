import type { Cluster } from '../cluster/client.ts';
import { slotsOf } from '../deploy/containers.ts';
import type { Snapshot } from '../deploy/snapshot.ts';
import type { Annotations, ImageChange } from '../model/change.ts';
import type { Clock } from '../model/clock.ts';
import type { Workload } from '../model/kube.ts';
import type { Limits } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { WorkloadId } from '../model/workload.ts';
import type { Made } from '../rollback/revert.ts';
import { type Target, wayBack } from '../rollback/target.ts';
import type { OpenChange } from '../state.ts';

/** One workload on its way, as far as it came. */
export interface Lane extends WorkloadId {
  readonly snapshot: Snapshot;
  readonly changes: readonly ImageChange[];
  readonly target: Target;
  /** Every container runs the wanted image already: it is gated, and never put back. */
  readonly unchanged: boolean;
}

/** What the rollout needs of the world. */
export interface Ship {
  readonly cluster: Cluster;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A lane whose images were set. */
export interface Shipped extends Lane {
  /** What the server answered; for an unchanged lane, the object as it is. */
  readonly reply: Workload;
  readonly annotationsBefore: Annotations;
}

/** What the post step needs to put a workload back, or to say why it can not; after the patch in the words of the server's answer. */
export function openChange(made: Shipped): OpenChange {
  const slots = slotsOf(made.reply);
  const sent = made.reply === made.snapshot.workload;
  const { changes, annotationsBefore } = madeOf(made);
  return {
    kind: made.kind,
    namespace: made.namespace,
    name: made.name,
    uid: made.snapshot.workload.metadata?.uid ?? '',
    changes: changes.map((change) => {
      const now = slots.find((slot) => slot.list === change.list && slot.name === change.name)?.image;
      return sent || now === undefined ? change : { ...change, to: now };
    }),
    annotationsBefore: Object.fromEntries(
      Object.entries(annotationsBefore).map(([key, value]) => [key, value ?? null]),
    ),
    ...(made.target.kind === 'none' ? { stays: made.target.why } : {}),
  };
}

/** The part of a shipped lane that rollback needs: on the way to the last stable state, that state's images. */
export function madeOf({ target, reply, changes, annotationsBefore }: Shipped): Made {
  return wayBack(target, { reply, changes, annotationsBefore }, ({ run, commit }) => ({
    'steadyship.dev/run': run.url,
    'steadyship.dev/revision': commit,
  }));
}
