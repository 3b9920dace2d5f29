import type { PodTemplate, Probe } from '../../model/kube.ts';
import type { Limits } from '../../model/limits.ts';
import type { Failure } from '../../model/verdict.ts';
import { withoutWords } from './crash.ts';
import { mannerOf } from './death.ts';
import { probeKills } from './events.ts';
import type { LateDeath, Memory } from './memory.ts';
import { type Place, placesOf, type Scene, uidOf } from './scene.ts';
import { type Sign, subjectOf } from './sign.ts';

/**
 * How long a complete rollout must stay so: `stable-for`, or the longest time that a liveness probe of the template
 * may take to kill (initialDelaySeconds + periodSeconds × failureThreshold), within bounds.
 *
 * A startup probe adds nothing: a container is not Ready before it has passed, and the hold begins at Ready.
 * Defaults: SetDefaults_Probe, kubernetes pkg/apis/core/v1/defaults.go (period 10, threshold 3).
 */
export function holdFor(template: PodTemplate, limits: Limits): number {
  if (limits.stableFor !== undefined) return limits.stableFor;
  const sidecars = (template.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
  const windows = [...sidecars, ...(template.spec?.containers ?? [])].map((one) =>
    probeWindow(one.livenessProbe),
  );
  return Math.min(limits.holdAtMost, Math.max(limits.holdAtLeast, ...windows));
}

/** How long after its container's start a probe that never passes kills, in milliseconds; 0 without a probe. */
export function probeWindow(probe: Probe | undefined): number {
  if (probe === undefined) return 0;
  return (
    1000 * ((probe.initialDelaySeconds ?? 0) + (probe.periodSeconds ?? 10) * (probe.failureThreshold ?? 3))
  );
}

/**
 * Since when the rollout is complete without a break. A controller that has not caught up (somebody annotated the
 * Deployment) does not break it; a pod that is not Ready does, and so does a death between two looks.
 */
export function heldSince(
  memory: Memory,
  scene: Scene,
  completion: 'complete' | 'behind' | 'incomplete',
): number | undefined {
  const begun = memory.heldSince;
  switch (completion) {
    case 'incomplete':
      return undefined;
    case 'behind':
      return begun;
    case 'complete':
      return begun === undefined || diedSince(memory, begun) ? scene.now : begun;
  }
}

function diedSince(memory: Memory, begun: number): boolean {
  return Object.values(memory.containers).some((one) => (one.lastDeath ?? 0) > begun);
}

/**
 * Notes deaths after a passed readiness probe: a container with such a probe that was in the hold, and has died
 * since. They are kept over later holds, for the share is of all pods, and dropped when a Killing event that came
 * late explains the restart.
 */
export function rememberLate(memory: Memory, scene: Scene): Memory['late'] {
  const late: Record<string, LateDeath> = {};
  for (const place of scene.pods.flatMap(placesOf)) {
    const own = memory.containers[place.key];
    if (own === undefined || place.container.readinessProbe === undefined) continue;
    const before = memory.late[place.key]?.before ?? own.held;
    if (before === undefined || own.deaths <= before) continue;
    late[place.key] = memory.late[place.key] ?? {
      podUid: uidOf(place.pod),
      container: place.name,
      before,
      at: scene.now,
    };
  }
  return late;
}

/** While the hold lasts, what each container has behind it is the mark from which a death is late. */
export function markHeld(memory: Memory): Memory['containers'] {
  if (memory.heldSince === undefined) return memory.containers;
  return Object.fromEntries(
    Object.entries(memory.containers).map(([key, one]) => [key, { ...one, held: one.deaths }]),
  );
}

/**
 * A death after a passed readiness probe fails at once when it concerns more than 5 % of the new pods (of 20 and
 * fewer: one). An end that may be the kubelet's own kill (0, 137, 143) is given a moment for the event that tells
 * whether it was a resize, or which probe it was.
 */
export function lateSigns(scene: Scene, memory: Memory): readonly Sign[] {
  const { lateCrashShare, eventLag, probeEventLag } = scene.limits;
  const died = scene.pods.flatMap(placesOf).filter((place) => memory.late[place.key] !== undefined);
  const pods = new Set(died.map((place) => uidOf(place.pod))).size;
  const total = Math.max(scene.replicas, scene.pods.length);
  const few = total > 1 / lateCrashShare && pods <= lateCrashShare * total;
  const place = died.find((one) => isExplained(scene, one, memory)) ?? died[0];
  if (place === undefined || few) return [];
  const own = memory.containers[place.key];
  const at = memory.late[place.key]?.at ?? scene.now;
  if (own === undefined) return [];
  const manner = mannerOf(scene, place, own);
  const where = scene.replicas <= 1 ? '' : ` (on ${pods} of ${scene.replicas} pods)`;
  const failure: Failure = {
    ...withoutWords(manner),
    code: 'late-crash',
    message: `${manner.phrase} after it had become ready${where}`,
    subject: subjectOf(place, place.status.state?.terminated === undefined),
  };
  return [
    {
      key: `late/${place.key}`,
      failure,
      since: at,
      patience: isExplained(scene, place, memory) ? 0 : isProbed(place) ? probeEventLag : eventLag,
    },
  ];
}

function isProbed({ container }: Place): boolean {
  return container.livenessProbe !== undefined || container.startupProbe !== undefined;
}

function isExplained(scene: Scene, place: Place, memory: Memory): boolean {
  const last = memory.containers[place.key]?.exits.at(-1);
  if (last === undefined) return false;
  if (last.reason === 'OOMKilled' || ![0, 137, 143].includes(last.exitCode)) return true;
  return probeKills(scene.events, uidOf(place.pod), place.name).times > 0;
}
