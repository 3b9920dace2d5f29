import type { Event, Pod } from '../../model/kube.ts';
import { eventsAbout } from './events.ts';
import {
  byName,
  type Cast,
  conditionOf,
  hasEnded,
  isReady,
  isScheduled,
  nameOf,
  type Place,
  placesOf,
  uidOf,
} from './scene.ts';
import { duration } from './sign.ts';

/** How far a new pod is, for the timeline. */
export interface PodPhase {
  readonly pod: string;
  readonly uid: string;
  /** In a few words: `pulling`, `running (not ready)`, `back-off (exit 1)`. */
  readonly phase: string;
  readonly ready: boolean;
}

const NAMED = 3;

/**
 * The line of the live log: `2/3 ready · web-7f9c-x2k: pulling`. It changes only when something happened, so that
 * it can be logged once a change; `holding` is the whole hold in milliseconds, not what is left of it.
 */
export function lineOf(cast: Cast, events: readonly Event[], holding?: number): string {
  const phases = phasesOf(cast, events);
  const { replicas, waiting } = cast;
  const ready = phases.filter((one) => one.ready).length;
  const parts = [`${ready}/${replicas} ready`];
  if (holding !== undefined) parts.push(`holding for ${duration(holding)}`);
  const unready = phases.filter((one) => !one.ready);
  for (const { pod, phase } of unready.slice(0, NAMED)) parts.push(`${pod}: ${phase}`);
  if (unready.length > NAMED) parts.push(`+${unready.length - NAMED} more`);
  if (unready.length === 0 && ready < replicas) parts.push(waiting.forNew);
  if (ready >= replicas && unready.length === 0 && holding === undefined) parts.push(waiting.atEnd);
  return parts.join(' · ');
}

/** Every new pod that is not being deleted, by name, with what it does now. */
export function phasesOf(cast: Cast, events: readonly Event[]): readonly PodPhase[] {
  return [...cast.pods, ...cast.ended].sort(byName).map((pod) => ({
    pod: nameOf(pod),
    uid: uidOf(pod),
    phase: phaseOf(pod, events),
    ready: isReady(pod) && !hasEnded(pod),
  }));
}

/** What a pod is at, in a few words. */
export function phaseOf(pod: Pod, events: readonly Event[]): string {
  if (hasEnded(pod)) return pod.status?.reason ? `ended (${pod.status.reason})` : 'ended';
  if (isReady(pod)) return 'ready';
  if (!isScheduled(pod)) {
    const reason = conditionOf(pod, 'PodScheduled')?.reason;
    return reason === 'Unschedulable'
      ? 'fits on no node'
      : reason === 'SchedulingGated'
        ? 'scheduling gated'
        : 'scheduling';
  }
  const places = placesOf(pod);
  const place = places.find(isInTrouble) ?? places.find(isUnfinished);
  if (place === undefined) return 'running (not ready)';
  const phase = placePhase(place, events);
  return place.role === 'container' && places.length === 1 ? phase : `${place.name} ${phase}`;
}

function isInTrouble({ role, status: { state } }: Place): boolean {
  const reason = state?.waiting?.reason ?? '';
  if (state?.terminated) return role !== 'init container' || (state.terminated.exitCode ?? 0) !== 0;
  return state?.waiting !== undefined && !['', 'ContainerCreating', 'PodInitializing'].includes(reason);
}

function isUnfinished({ role, status }: Place): boolean {
  return role === 'init container' ? status.state?.terminated === undefined : status.ready !== true;
}

function placePhase({ pod, role, container, status }: Place, events: readonly Event[]): string {
  const { state, lastState } = status;
  if (state?.running) {
    if (role === 'init container') return 'running';
    return status.started === false && container.startupProbe !== undefined
      ? 'starting'
      : 'running (not ready)';
  }
  if (state?.terminated) return `crashed (${endOf(state.terminated)})`;
  const reason = state?.waiting?.reason ?? '';
  switch (reason) {
    case 'CrashLoopBackOff':
      return lastState?.terminated ? `back-off (${endOf(lastState.terminated)})` : 'back-off';
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'RegistryUnavailable':
      return 'cannot be pulled';
    case '':
    case 'ContainerCreating':
    case 'PodInitializing':
      return isPulling(pod, events) ? 'pulling' : 'creating';
    default:
      return reason;
  }
}

function endOf(terminated: { readonly exitCode?: number; readonly reason?: string }): string {
  return terminated.reason === 'OOMKilled' ? 'out of memory' : `exit ${terminated.exitCode ?? 0}`;
}

/** The status says ContainerCreating all the while; only the kubelet's events tell a pull. */
function isPulling(pod: Pod, events: readonly Event[]): boolean {
  return eventsAbout(events, uidOf(pod), ['Pulling', 'Pulled', 'Failed']).at(-1)?.reason === 'Pulling';
}
