import type { Pod } from '../../model/kube.ts';
import type { Failure } from '../../model/verdict.ts';
import { lastProbeMessage } from './events.ts';
import {
  conditionOf,
  isReady,
  isScheduled,
  nameOf,
  type Place,
  placesOf,
  type Scene,
  uidOf,
} from './scene.ts';
import { NEVER_ALONE, onPods, type Sign, subjectOf, titleOf } from './sign.ts';

/**
 * Not Ready for no reason that proves anything: a readiness probe never fails a rollout alone, for the app may
 * need its time; but when time is up, this is what is said, with the probe's last answer.
 */
export function readinessSigns(scene: Scene): readonly Sign[] {
  const unready = scene.pods.filter((pod) => isScheduled(pod) && !isReady(pod));
  const held = unready.flatMap((pod) => {
    const place = placesOf(pod).find(holdsUp);
    return place === undefined ? [] : [place];
  });
  const names = [...new Set(held.map((place) => place.name))];
  return [
    ...names.map((name) =>
      unreadySign(
        scene,
        held.filter((place) => place.name === name),
      ),
    ),
    ...gateSigns(unready),
    ...unknownSigns(unready),
  ];
}

/** Init containers and sidecars hold up those after them; a container must be ready itself. */
function holdsUp({ role, status }: Place): boolean {
  if (status.state?.running === undefined) return false;
  return role === 'init container' || status.ready !== true;
}

function unreadySign(scene: Scene, places: readonly Place[]): Sign {
  const place = places[0] as Place;
  const every = onPods(scene, places.length);
  const where = place.role === 'init container' ? every : every.replace('on every', 'on any');
  const starting = place.status.started === false && place.container.startupProbe !== undefined;
  const probe = starting ? 'Startup' : 'Readiness';
  const quote = places
    .map((one) => lastProbeMessage(scene.events, uidOf(one.pod), one.name, probe))
    .find((one) => one !== undefined);
  const failure: Failure = {
    code: 'no-progress',
    message: `${titleOf(place)} ${unreadyWords(place, starting)}${where}`,
    ...(quote === undefined ? {} : { quote }),
    advice: unreadyAdvice(place, starting),
    subject: subjectOf(place),
  };
  return { key: `unready/${place.name}`, failure, patience: NEVER_ALONE };
}

function unreadyWords({ role }: Place, starting: boolean): string {
  if (role === 'init container') return 'is still running';
  return starting ? 'has not passed its startup probe' : 'is not ready';
}

function unreadyAdvice({ role }: Place, starting: boolean): string {
  if (role === 'init container')
    return "Look at the init container's log for what it waits for, or give it more time (timeout).";
  if (starting)
    return 'Check what the startup probe asks, or give it more time (failureThreshold × periodSeconds).';
  return 'Check what the readiness probe asks: path, port, and what the program needs before it answers; or give it more time (timeout).';
}

/** A readiness gate is somebody else's word (a load balancer's controller): waited for, named in the end. */
function gateSigns(unready: readonly Pod[]): readonly Sign[] {
  return unready.flatMap((pod): readonly Sign[] => {
    const gates = (pod.spec?.readinessGates ?? []).map((gate) => gate.conditionType ?? '');
    const closed = gates.find((type) => conditionOf(pod, type)?.status !== 'True');
    if (closed === undefined || conditionOf(pod, 'ContainersReady')?.status !== 'True') return [];
    const quote = conditionOf(pod, closed)?.message ?? '';
    const failure: Failure = {
      code: 'no-progress',
      message: `pod ${nameOf(pod)} waits for its readiness gate ${closed}`,
      ...(quote === '' ? {} : { quote }),
      advice: 'Ask the controller that sets this condition (often a load balancer) why it has not.',
      subject: { pod: nameOf(pod), podUid: uidOf(pod) },
    };
    return [{ key: `gate/${uidOf(pod)}`, failure, patience: NEVER_ALONE }];
  });
}

/** Reasons to wait that say nothing by themselves, or that other rules read. */
const ORDINARY = ['', 'ContainerCreating', 'PodInitializing', 'CrashLoopBackOff', 'RestartingAllContainers'];

/** A reason that no rule knows (ImageInspectError, or one of a later Kubernetes): waited for, quoted in the end. */
function unknownSigns(unready: readonly Pod[]): readonly Sign[] {
  return unready.flatMap(placesOf).flatMap((place): readonly Sign[] => {
    const { reason = '', message = '' } = place.status.state?.waiting ?? {};
    if (ORDINARY.includes(reason)) return [];
    const failure: Failure = {
      code: 'no-progress',
      message: `${titleOf(place)} waits: ${reason}`,
      ...(message === '' ? {} : { quote: message }),
      advice: 'Read what the kubelet says about this container in the events of its pod.',
      subject: subjectOf(place),
    };
    return [{ key: `waits/${place.key}`, failure, patience: NEVER_ALONE }];
  });
}
