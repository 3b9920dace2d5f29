import type { Event, Pod } from '../../model/kube.ts';
import { isRuled, uidOf } from './scene.ts';

/**
 * Events are hints: a pod has 25, then one in five minutes; they may come late, be merged or be missing. So
 * they give words and excuses, and never alone make a pod bad, except for volumes, which no status names.
 */
export function eventsAbout(
  events: readonly Event[],
  uid: string,
  reasons: readonly string[],
  container?: string,
): readonly Event[] {
  return (byUid(events).get(uid) ?? [])
    .filter((event) => reasons.includes(event.reason ?? ''))
    .filter((event) => container === undefined || isAboutContainer(event, container))
    .sort((one, other) => timeOf(one) - timeOf(other));
}

const sorted = new WeakMap<readonly Event[], ReadonlyMap<string, readonly Event[]>>();

/** Each container of each pod asks for its own: thousands of pods must not each walk through all events. */
function byUid(events: readonly Event[]): ReadonlyMap<string, readonly Event[]> {
  const known = sorted.get(events);
  if (known !== undefined) return known;
  const groups = Map.groupBy(events, ({ involvedObject }) => involvedObject?.uid ?? '');
  groups.delete('');
  sorted.set(events, groups);
  return groups;
}

/** How often it happened: the recorder merges repeats into one object. */
function timesOf(event: Event): number {
  return Math.max(1, event.count ?? 0, event.series?.count ?? 0);
}

/** fieldPath is `spec.containers{web}` or `spec.initContainers{migrate}`. */
function isAboutContainer(event: Event, container: string): boolean {
  return event.involvedObject?.fieldPath?.endsWith(`{${container}}`) ?? false;
}

/** Only to put events in order among themselves. The scheduler's have nothing but eventTime. */
function timeOf(event: Event): number {
  const times = [event.series?.lastObservedTime, event.lastTimestamp, event.eventTime, event.firstTimestamp];
  return Date.parse(times.find((time) => time != null) ?? '') || 0;
}

/**
 * Whether the container's image is being pulled once more. The status tells of the failed pull until the next one ends;
 * a failure of the same second counts as the later one, for events have whole seconds.
 */
export function isPulledAgain(events: readonly Event[], uid: string, container: string): boolean {
  const said = eventsAbout(events, uid, ['Pulling', 'Failed', 'BackOff'], container);
  const pulling = said.findLast((event) => event.reason === 'Pulling');
  const failed = said.findLast((event) => event.reason !== 'Pulling');
  return pulling !== undefined && failed !== undefined && timeOf(pulling) > timeOf(failed);
}

const RESIZED = /resize requires restart|definition changed/;
const EXCUSED = /resize requires restart|definition changed|^Stopping container /;
const PROBE_KILLED = /failed (liveness|startup) probe/;

/**
 * How often the kubelet ended the container for a reason that is not the program's, which is no death: its spec was
 * changed, or the pod as a whole was stopped (a node that shuts down, an eviction, a sandbox that changed), which may be
 * said long before the pod's status tells why. A container that ends by itself has no such event.
 * Texts: computePodActions, kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go:794, 1339 (v1.36.3), and
 * killContainer, kuberuntime_container.go, where it is given no message.
 */
export function excusedKills(events: readonly Event[], pod: Pod, container: string): number {
  // Containers that a rule restarts together are told by their status already: none may be excused twice.
  const text = isRuled(pod) ? RESIZED : EXCUSED;
  return kills(events, uidOf(pod), container, text).reduce((sum, event) => sum + timesOf(event), 0);
}

/** How often a probe killed it, and which one: `liveness` or `startup`. Texts: the same file, 1345 and 1349. */
export function probeKills(
  events: readonly Event[],
  uid: string,
  container: string,
): { readonly times: number; readonly probe: string } {
  const found = kills(events, uid, container, PROBE_KILLED);
  const probe = PROBE_KILLED.exec(found.at(-1)?.message ?? '')?.[1] ?? '';
  return { times: found.reduce((sum, event) => sum + timesOf(event), 0), probe };
}

function kills(events: readonly Event[], uid: string, container: string, text: RegExp): readonly Event[] {
  return eventsAbout(events, uid, ['Killing'], container).filter((event) => text.test(event.message ?? ''));
}

/** The last answer of a probe (`Readiness`, `Liveness`, `Startup`), in the kubelet's words. */
export function lastProbeMessage(
  events: readonly Event[],
  uid: string,
  container: string,
  probe: string,
): string | undefined {
  const start = `${probe.toLowerCase()} probe`;
  return eventsAbout(events, uid, ['Unhealthy'], container)
    .map((event) => event.message ?? '')
    .filter((message) => message.toLowerCase().startsWith(start))
    .at(-1);
}
