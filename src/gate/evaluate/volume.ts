import type { Event } from '../../model/kube.ts';
import { eventsAbout } from './events.ts';
import { conditionOf, isReady, nameOf, placesOf, type Scene, uidOf } from './scene.ts';
import { causeOf, NEVER_ALONE, type Sign } from './sign.ts';
import { CACHE_LAG, missingObjectAdvice } from './start.ts';

const TROUBLE = ['FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox'];
/**
 * What somebody has to make: a ConfigMap, a Secret, a claim, a key of one, a RuntimeClass's handler on the node. Other
 * things that are "not found" come by themselves: the CSI driver of a fresh node registers when its own pod runs.
 */
const MISSING =
  /\b(?:(?:configmap|secret|persistentvolumeclaim)s?|RuntimeHandler) "[^"]*" not found|references non-existent (?:config|secret) key/;

/**
 * Volumes and the pod's sandbox: the status only says ContainerCreating, so here events must do. They stay when
 * the trouble is over; the pod is past it once its sandbox stands or an image is pulled, for volumes come first
 * (kubernetes pkg/kubelet/kubelet.go, SyncPod: WaitForAttachAndMount before the runtime's SyncPod).
 */
export function volumeSigns(scene: Scene): readonly Sign[] {
  return scene.pods.flatMap((pod): readonly Sign[] => {
    const uid = uidOf(pod);
    const events = eventsAbout(scene.events, uid, TROUBLE).filter(
      (event) => !CACHE_LAG.test(event.message ?? ''),
    );
    const missing = lastOfEach(events).findLast((event) => MISSING.test(event.message ?? ''));
    const told = missing ?? events.at(-1);
    if (told === undefined || isReady(pod) || isPastVolumes(scene, pod)) return [];
    const text = told.message ?? '';
    const failure = {
      code: 'volume' as const,
      message: `pod ${nameOf(pod)} cannot be set up: ${volumeCause(told)}`,
      quote: text,
      advice: missingObjectAdvice(text, scene.pin.namespace),
      subject: { pod: nameOf(pod), podUid: uid },
    };
    const patience = missing === undefined ? NEVER_ALONE : scene.limits.patience.volume;
    return [{ key: `volume/${missing === undefined ? 'other' : 'missing'}/${uid}`, failure, patience }];
  });
}

/** The last that is said of each volume: a driver that came, and now takes its time to attach, is missing no more. */
function lastOfEach(events: readonly Event[]): readonly Event[] {
  const last = Map.groupBy(events, ({ message = '' }) => /for volume "([^"]+)"/.exec(message)?.[1]);
  return events.filter((event) => [...last.values()].some((each) => each.at(-1) === event));
}

function isPastVolumes(scene: Scene, pod: Scene['pods'][number]): boolean {
  if (conditionOf(pod, 'PodReadyToStartContainers')?.status === 'True') return true;
  const creating = placesOf(pod).every(({ status: { state } }) => {
    const reason = state?.waiting?.reason ?? '';
    return (
      state?.running === undefined &&
      state?.terminated === undefined &&
      ['', 'ContainerCreating', 'PodInitializing'].includes(reason)
    );
  });
  return (
    !creating || eventsAbout(scene.events, uidOf(pod), ['Pulling', 'Pulled', 'Created', 'Started']).length > 0
  );
}

function volumeCause(event: Event): string {
  const text = causeOf(event.message ?? '');
  const [, volume, cause] = /volume "([^"]+)" : (.*)$/.exec(text) ?? [];
  return volume === undefined || cause === undefined ? text : `volume ${volume}: ${cause}`;
}
