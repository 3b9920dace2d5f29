import type { Event } from '../../model/kube.ts';
import type { Failure } from '../../model/verdict.ts';
import { reviveWebhook } from '../../model/webhook.ts';
import { eventsAbout } from './events.ts';
import type { Scene } from './scene.ts';
import { causeOf, NEVER_ALONE, type Sign } from './sign.ts';

/** What the API server refuses to create, and in which words. */
export interface Refusal {
  /** `a new pod`, `the new ReplicaSet`, `pod db-2`. */
  readonly what: string;
  readonly text: string;
}

/**
 * Pods, or the ReplicaSet itself, that the API server refuses to create. A quota may become free as old pods go,
 * and a webhook may come back, so these are waited for; any other refusal is borne a minute by our own timer,
 * for its text freezes and the controller's retries slow down to 41 s, 82 s and more.
 */
export function createSigns(scene: Scene, refusal: Refusal | undefined): readonly Sign[] {
  if (refusal === undefined) return [];
  const { what, text } = refusal;
  const waits = /exceeded quota/.test(text) || reviveWebhook(text) !== undefined;
  const failure: Failure = {
    code: 'create-denied',
    message: `${what} cannot be created: ${refusalCause(text)}`,
    quote: text,
    advice: createAdvice(text, scene.pin.kind === 'Deployment'),
  };
  return [
    {
      key: `create/${what}`,
      failure,
      patience: waits ? NEVER_ALONE : scene.limits.patience['create-denied'],
    },
  ];
}

/** The first is of the recorder, which merges events that differ in the pod's generated name alone. */
const IN_FRONT =
  /^(?:\(combined from similar events\): )?(?:Error creating: |Create Pod (\S+) in StatefulSet \S+ failed error: |Create Claim \S+ for Pod (\S+) in StatefulSet \S+ failed error: )/i;

/**
 * StatefulSets and DaemonSets write no condition when a pod is refused, only an event about themselves; it stays
 * when the trouble is over, so it counts only while a pod is lacking and no creation has succeeded since.
 *
 * Texts: recordPodEvent and recordClaimEvent, kubernetes pkg/controller/statefulset/stateful_pod_control.go:333-362;
 * createPods, pkg/controller/controller_utils.go:600 (v1.36.3).
 */
export function refusalInEvents(events: readonly Event[], uid: string): Refusal | undefined {
  const last = eventsAbout(events, uid, ['FailedCreate', 'SuccessfulCreate']).at(-1);
  if (last?.reason !== 'FailedCreate') return undefined;
  const message = last.message ?? '';
  const [front = '', pod, claimant] = IN_FRONT.exec(message) ?? [];
  const name = pod ?? claimant;
  return { what: name === undefined ? 'a new pod' : `pod ${name}`, text: message.slice(front.length) };
}

/** Without the generated name in front, which says nothing and differs each time. */
function refusalCause(text: string): string {
  return causeOf(text).replace(
    /^(?:pods|replicasets\.apps|persistentvolumeclaims|Pod|ReplicaSet\.apps) "[^"]*" is (?:forbidden|invalid): /,
    '',
  );
}

function createAdvice(text: string, surges: boolean): string {
  const quota = /exceeded quota: ([^,\s]+)/.exec(text)?.[1];
  if (quota !== undefined) {
    const less = `Raise the ResourceQuota ${quota}`;
    return surges
      ? `${less}, ask for less in the pod template, or use a strategy that needs no extra pod (maxSurge: 0).`
      : `${less}, or ask for less in the pod template.`;
  }
  if (/PodSecurity/.test(text))
    return "Meet the namespace's Pod Security level in the pod's securityContext, or change the level.";
  const account = /serviceaccount "([^"]+)" not found/.exec(text)?.[1];
  if (account !== undefined)
    return `Create the ServiceAccount ${account}, or name another one in the pod template.`;
  const revive = reviveWebhook(text);
  if (revive !== undefined) return `${revive}.`;
  const webhook = /webhook "([^"]+)"/.exec(text)?.[1];
  if (webhook !== undefined)
    return `Change the pod template so that the admission webhook ${webhook} admits it.`;
  return 'Change the pod template so that the API server admits its pods.';
}
