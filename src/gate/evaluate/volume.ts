import type { Event } from '../../model/kube.ts';
import { eventsAbout } from './events.ts';
import { conditionOf, isReady, nameOf, placesOf, type Scene, uidOf } from './scene.ts';
import { causeOf, NEVER_ALONE, type Sign } from './sign.ts';
import { CACHE_LAG, missingObjectAdvice } from './start.ts';

const TROUBLE = ['FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox'];
/** "references non-existent config key" is a file of a volume that no retry brings about either. */
const MISSING = /not found|references non-existent (?:config|secret) key/;

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
    const missing = events.findLast((event) => MISSING.test(event.message ?? ''));
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
