import type { Failure } from '../../model/verdict.ts';
import { nameOf, type Place, type Scene, uidOf } from './scene.ts';

/** A sign of trouble, and how long it is borne before it is a failure. */
export interface Sign {
  /** The same as long as it is the same trouble: its first sighting is remembered under it. */
  readonly key: string;
  readonly failure: Failure;
  /** Milliseconds; 0: fails at once; Infinity: never alone, but named when time is up. */
  readonly patience: number;
  /** Where the patience is counted from, when that is not the first sighting. */
  readonly since?: number;
}

/** The patience of a sign that explains, but does not prove. */
export const NEVER_ALONE = Number.POSITIVE_INFINITY;

/** The moment at which the sign fails the rollout. */
export function dueAt(sign: Sign, firstSeen: Readonly<Record<string, number>>, now: number): number {
  return (sign.since ?? firstSeen[sign.key] ?? now) + sign.patience;
}

/** Who is meant: `container web`, `init container migrate`, `sidecar proxy`. */
export function titleOf(place: Place): string {
  return `${place.role} ${place.name}`;
}

export function subjectOf(place: Place, previous = false): NonNullable<Failure['subject']> {
  return {
    pod: nameOf(place.pod),
    podUid: uidOf(place.pod),
    container: place.name,
    ...(previous ? { previous } : {}),
  };
}

/** Whether we put this container's image there; if not, the image in the message is somebody else's. */
export function isOurs(scene: Scene, place: Place): boolean {
  return scene.pin.images.some((image) => image.container === place.name);
}

/** ` on every new pod`, ` on 1 of 3 new pods`; nothing when there is to be but one. */
export function onPods(scene: Scene, affected: number): string {
  if (scene.replicas <= 1 && scene.pods.length <= 1) return '';
  return affected >= scene.pods.length
    ? ' on every new pod'
    : ` on ${affected} of ${scene.pods.length} new pods`;
}

/** `10 min`, `90 s`, `1 h`: the largest unit that stays whole. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds >= 120 && seconds % 60 === 0) return `${seconds / 60} min`;
  return `${seconds} s`;
}

/** What the runtimes put in front of the cause; without it the sentence says what went wrong. */
const WRAPPERS =
  /^(?:rpc error: code = \w+ desc = |failed to create containerd task: |failed to create task for container: |failed to create shim task: |OCI runtime create failed: |runc create failed: |unable to start container process: |error during container init: |container_linux\.go:\d+: starting container process caused: |failed to generate container "[^"]*" spec: |failed to generate spec: |failed to create container: |Error response from daemon: |Error: )+/;

/** The cause in a runtime's error, on one line. */
export function causeOf(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line
    .replace(WRAPPERS, '')
    .replace(/: unknown$/, '')
    .trim();
}
