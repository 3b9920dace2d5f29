import type { Cluster } from '../cluster/client.ts';
import { ApiError } from '../cluster/client.ts';
import { podLog } from '../cluster/paths.ts';
import { messageOf } from '../model/error.ts';
import type { ContainerStatus, Event, Pod } from '../model/kube.ts';
import type { Observation } from '../model/observation.ts';
import type { Evidence } from '../model/report.ts';
import type { Failure } from '../model/verdict.ts';

/** How many last lines of the failed container are shown. */
const LOG_LINES = 20;
/** Bytes of log that are asked for: 20 lines of a stack trace fit, a binary dump does not. */
const LOG_BYTES = 64 * 1024;
/** Events shown; the rest says no more. */
const EVENTS = 20;
/** What the kubelet answers, as if it were the log, where the runtime has removed the container (pkg/kubelet). */
const REMOVED = /^unable to retrieve container logs for \S+$/;
/** Milliseconds that a log may take: a node that is gone must not hold up the story. */
const LOG_PATIENCE = 5_000;

/**
 * Gathers what the cluster says of a failure: the states of the containers, the events since the patch, the
 * last log lines of the container that failed.
 *
 * The log is asked for at once, before the first `await`: putting back deletes the pod, and its log with it.
 * Never throws: what can not be had is named in `missing`.
 */
export async function diagnose(
  cluster: Cluster,
  namespace: string,
  failure: Failure,
  seen: Observation,
  options: { readonly logs: boolean },
): Promise<Evidence> {
  const pod = seen.pods.find((each) => each.metadata?.uid === failure.subject?.podUid);
  const logs = readLog(cluster, namespace, { failure, pod, allowed: options.logs });
  const states = pod === undefined ? [] : containerStates(pod);
  const events = eventLines(seen.events, pod);
  const found = await logs;
  return {
    containers: states,
    events,
    ...('logs' in found ? { logs: found.logs } : {}),
    missing: 'missing' in found ? [found.missing] : [],
  };
}

type FoundLog = { readonly logs: NonNullable<Evidence['logs']> } | { readonly missing: string } | object;

async function readLog(
  cluster: Cluster,
  namespace: string,
  wanted: { readonly failure: Failure; readonly pod: Pod | undefined; readonly allowed: boolean },
): Promise<FoundLog> {
  const { subject } = wanted.failure;
  if (subject?.container === undefined) return {};
  if (!wanted.allowed) return { missing: 'Pod logs are kept out (input `logs`, or a public repository).' };
  const { pod, container } = subject;
  const read = async (instance: boolean): Promise<string | undefined> => {
    const text = await cluster.text(
      podLog(namespace, pod),
      { container, tailLines: LOG_LINES, limitBytes: LOG_BYTES, previous: instance },
      { patience: LOG_PATIENCE },
    );
    return REMOVED.test(text.trim()) ? undefined : text;
  };
  try {
    const { text, previous } = await readInstance(
      read,
      subject.previous === true,
      diedOnce(wanted.pod, container),
    );
    if (text === undefined)
      return { missing: `The log of container ${container} of ${pod} is gone: the node has removed it.` };
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length === 0) return { missing: `Container ${container} of ${pod} logged nothing.` };
    return { logs: { pod, container, previous, lines: lines.slice(-LOG_LINES) } };
  } catch (error) {
    const why = error instanceof ApiError ? error.serverMessage : messageOf(error);
    return { missing: `The log of container ${container} of ${pod} could not be read: ${why}` };
  }
}

/**
 * The log of the instance that died, and which it was.
 *
 * A container that lies dead for the first time is started again at once, and may be so before the question
 * arrives: the instance before is then the one that is meant. Both are asked for at the same time.
 */
async function readInstance(
  read: (previous: boolean) => Promise<string | undefined>,
  previous: boolean,
  once: boolean,
): Promise<{ readonly text: string | undefined; readonly previous: boolean }> {
  const wanted = previous || once;
  const first = read(wanted);
  const second = once ? read(!wanted) : undefined;
  // Asked for in advance, and maybe not needed.
  second?.catch(() => undefined);
  // The instance before may be collected already, or never have been: the one now is the next best.
  const text = await first.catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 400) return undefined;
    throw error;
  });
  if (text !== undefined) return { text, previous: wanted };
  return { text: await (second ?? read(!wanted)), previous: !wanted };
}

function diedOnce(pod: Pod | undefined, container: string): boolean {
  const status = [
    ...(pod?.status?.containerStatuses ?? []),
    ...(pod?.status?.initContainerStatuses ?? []),
  ].find((each) => each.name === container);
  return status?.state?.terminated !== undefined && (status.restartCount ?? 0) === 0;
}

function containerStates(pod: Pod): Evidence['containers'] {
  const name = pod.metadata?.name ?? '';
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].map(
    (status) => ({
      pod: name,
      container: status.name ?? '',
      state: describeState(status),
    }),
  );
}

/** A container's state in a few words: what it does now, how it ended last, how often it was started. */
function describeState(status: ContainerStatus): string {
  const { waiting, running, terminated } = status.state ?? {};
  const now =
    waiting !== undefined
      ? `waiting: ${waiting.reason ?? 'no reason given'}`
      : running !== undefined
        ? `running${status.ready === true ? '' : ', not ready'}`
        : terminated !== undefined
          ? `ended: exit ${terminated.exitCode} (${terminated.reason ?? 'no reason given'})`
          : 'not started';
  const last = status.lastState?.terminated;
  const before =
    last === undefined ? [] : [`last exit ${last.exitCode} (${last.reason ?? 'no reason given'})`];
  const restarts = status.restartCount ?? 0;
  return [
    now,
    ...before,
    ...(restarts === 0 ? [] : [`${restarts} restart${restarts === 1 ? '' : 's'}`]),
  ].join(', ');
}

/** Events of the failed pod first, then those of the objects above it; the latest of equal ones last. */
function eventLines(events: readonly Event[], pod: Pod | undefined): Evidence['events'] {
  const uid = pod?.metadata?.uid;
  const concerning = events.filter(
    (event) =>
      event.involvedObject?.uid === uid ||
      event.involvedObject?.kind !== 'Pod' ||
      (uid === undefined && event.type === 'Warning'),
  );
  const telling = concerning.filter((event) => event.type === 'Warning' || event.involvedObject?.uid === uid);
  return telling.slice(-EVENTS).map((event) => ({
    object: `${(event.involvedObject?.kind ?? '').toLowerCase()}/${event.involvedObject?.name ?? ''}`,
    reason: event.reason ?? '',
    message: event.message ?? '',
    count: event.series?.count ?? event.count ?? 1,
  }));
}
