import type { ImageChange } from '../model/change.ts';
import type { Pod, Workload } from '../model/kube.ts';
import type { Pin, WorkloadKind } from '../model/observation.ts';
import { slotsOf } from './containers.ts';

/** What lived before a patch, as far as the gate has to tell it from what comes after. */
export interface Before {
  readonly kind: WorkloadKind;
  /** `<pod uid>/<container>` → restartCount. */
  readonly restarts: ReadonlyMap<string, number>;
  /** Of a DaemonSet: uid of each node → whether it was Ready. Undefined: nodes can not be seen. */
  readonly nodes: ReadonlyMap<string, boolean> | undefined;
}

/** What a workload was before it was touched. */
export interface Snapshot extends Before {
  readonly workload: Workload;
  /** Whether what ran was whole: only then is it a place worth going back to. */
  readonly complete: boolean;
  /** Whether a container of it crashed lately: between two crashes a loop looks whole. */
  readonly crashed: boolean;
}

/**
 * Milliseconds. A kubelet forgets the crashes of a container that has run for so long since, and until then it waits up
 * to five minutes between two of them (MaxContainerBackOff and its doubling in kubernetes pkg/kubelet).
 */
const CRASH_FORGOTTEN = 600_000;

/** As for a new version, one crash and then fine is a success; the second begins what may be a loop. */
const DOUBTFUL = 2;

/**
 * Whether a container of the pods waits after a crash, or has been started again and again, and lately. That is a
 * doubt, and no verdict.
 *
 * @param now wall time
 */
export function crashedLately(pods: readonly Pod[], now: Date): boolean {
  const staying = pods.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  return staying.some(({ status }) =>
    (status?.containerStatuses ?? []).some(({ state, lastState, restartCount = 0 }) => {
      if (state?.waiting?.reason === 'CrashLoopBackOff') return true;
      const ended = Date.parse(lastState?.terminated?.finishedAt ?? '');
      return restartCount >= DOUBTFUL && now.getTime() - ended < CRASH_FORGOTTEN;
    }),
  );
}

/** The restart counts of every container of the pods, init containers too. */
export function restartsOf(pods: readonly Pod[]): ReadonlyMap<string, number> {
  return new Map(
    pods.flatMap((pod) =>
      [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].map(
        (status) => [`${pod.metadata?.uid}/${status.name}`, status.restartCount ?? 0] as const,
      ),
    ),
  );
}

/**
 * The pin that the gate compares everything with, from the PATCH's reply: webhooks may have changed what was
 * sent, and what the server answered is what runs.
 */
export function pinReply(
  reply: Workload,
  changes: readonly Pick<ImageChange, 'list' | 'name'>[],
  { kind, restarts, nodes }: Before,
  digestsSeen: ReadonlySet<string> = new Set(),
): Pin {
  const slots = slotsOf(reply);
  return {
    kind,
    namespace: reply.metadata?.namespace ?? '',
    name: reply.metadata?.name ?? '',
    uid: reply.metadata?.uid ?? '',
    generation: reply.metadata?.generation ?? 0,
    template: reply.spec?.template ?? {},
    images: changes.map(({ list, name }) => ({
      container: name,
      image: slots.find((slot) => slot.list === list && slot.name === name)?.image ?? '',
    })),
    conditions: reply.status?.conditions ?? [],
    restarts,
    nodes,
    digestsSeen,
  };
}
