import { DEFAULT_LIMITS } from '../../model/limits.ts';
import { probeWindow } from './hold.ts';
import type { Memory, Tally } from './memory.ts';
import { isReady, isScheduled, placesOf, type Scene } from './scene.ts';

export function tallyOf(scene: Scene): Tally {
  const { pods, updated, available, oldPods } = scene;
  const places = pods.flatMap(placesOf);
  const ran = places.filter(
    ({ status }) => status.state?.running ?? status.state?.terminated ?? status.lastState?.terminated,
  );
  return {
    updated,
    ready: pods.filter(isReady).length,
    available,
    scheduled: pods.filter(isScheduled).length,
    pulled: places.filter(({ status }) => (status.imageID ?? '') !== '').length,
    initialized: places.filter(
      ({ role, status }) => role === 'init container' && status.state?.terminated?.exitCode === 0,
    ).length,
    started: ran.length + places.filter(({ status }) => status.started === true).length,
    oldPods: -oldPods.length,
  };
}

/** The best of each number so far, and whether this look raised one. */
export function bestOf(
  before: Tally | undefined,
  seen: Tally,
): { readonly best: Tally; readonly rose: boolean } {
  if (before === undefined) return { best: seen, rose: true };
  const keys = Object.keys(seen) as readonly (keyof Tally)[];
  const best = Object.fromEntries(
    keys.map((key) => [key, Math.max(before[key], seen[key])]),
  ) as unknown as Tally;
  return { best, rose: keys.some((key) => seen[key] > before[key]) };
}

/**
 * When the time without progress is up. Pods that are Ready and only grow old (minReadySeconds) are no standstill.
 * A Deployment's own ProgressDeadlineExceeded cannot be relied on: it never comes after one success, from 0
 * replicas, with ReplicaSetCreateError, with a deadline of 2147483647 s, or onto an existing ReplicaSet with
 * Recreate or maxSurge 0; the other kinds have none.
 */
export function standstillAt(scene: Scene, memory: Memory): number {
  const ripening = scene.pods.filter(isReady).length > scene.available;
  const ripens = ripening ? scene.minReadySeconds * 1000 : 0;
  return memory.progressAt + Math.max(scene.limits.timeout + ripens, startupWindow(scene));
}

/**
 * The longest time that a startup probe under way may take until the kubelet kills: what the template grants is no
 * standstill. Whoever made `timeout` shorter than its default wants the verdict by then.
 */
function startupWindow({ pods, limits }: Scene): number {
  if (limits.timeout < DEFAULT_LIMITS.timeout) return 0;
  const starting = pods
    .flatMap(placesOf)
    .filter(({ status }) => status.state?.running && status.started === false);
  return Math.max(0, ...starting.map(({ container }) => probeWindow(container.startupProbe)));
}
