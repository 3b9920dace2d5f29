import type { Failure } from '../../model/verdict.ts';
import { NEVER_RAN, START_ERRORS } from './container.ts';
import type { Memory } from './memory.ts';
import { type Place, placesOf, type Scene } from './scene.ts';
import { causeOf, NEVER_ALONE, type Sign, subjectOf, titleOf } from './sign.ts';

/** Containers that cannot be configured, created or started; none of them has a log. */
export function startSigns(scene: Scene, memory: Memory): readonly Sign[] {
  return scene.pods.flatMap(placesOf).flatMap((place) => {
    const sign = configSign(scene, place) ?? startSign(scene, place, memory);
    return sign === undefined ? [] : [sign];
  });
}

/** The kubelet's own cache lags behind for a moment: kubernetes pkg/kubelet/util/manager/watch_based_manager.go:329. */
export const CACHE_LAG = /failed to sync \S* ?cache/;

/**
 * CreateContainerConfigError: something the container refers to is not there. Somebody may still create it,
 * so it is borne for a minute; `runAsNonRoot` lies in the image and nobody will.
 */
function configSign(scene: Scene, place: Place): Sign | undefined {
  const { reason, message = '' } = place.status.state?.waiting ?? {};
  if (reason !== 'CreateContainerConfigError' || CACHE_LAG.test(message)) return undefined;
  const root = /runAsNonRoot/.test(message);
  const failure: Failure = {
    code: 'config-error',
    message: `${titleOf(place)} cannot be configured: ${causeOf(message).replace(/ \(pod: .*\)$/, '')}`,
    quote: message,
    advice: root
      ? 'Let the image run as a numeric user other than 0 (USER 1000), or change the securityContext.'
      : missingObjectAdvice(message, scene.pin.namespace),
    subject: subjectOf(place),
  };
  return { key: `config/${place.key}`, failure, patience: root ? 0 : scene.limits.patience['config-error'] };
}

/** Names what is missing, where the kubelet's words do. */
export function missingObjectAdvice(text: string, namespace: string): string {
  const [, kind, name] = /\b(configmap|secret|persistentvolumeclaim) "([^"]+)" not found/i.exec(text) ?? [];
  if (kind !== undefined && name !== undefined) {
    const titles: Readonly<Record<string, string>> = {
      configmap: 'ConfigMap',
      secret: 'Secret',
      persistentvolumeclaim: 'PersistentVolumeClaim',
    };
    return `Create the ${titles[kind.toLowerCase()]} ${name} in namespace ${namespace} before this version is deployed.`;
  }
  const [, key, owner, object] = /couldn't find key (\S+) in (ConfigMap|Secret) (\S+)/.exec(text) ?? [];
  if (key !== undefined && owner !== undefined && object !== undefined) {
    return `Add the key ${key} to the ${owner} ${object}, or mark the reference optional.`;
  }
  return 'Check what the pod template refers to: ConfigMaps, Secrets, keys, volumes and the securityContext.';
}

/** Texts that no retry changes, whatever the exit code (gate-rules.md: "by text, not code"). */
const DECISIVE = /exec: "|executable file|no command specified/;

/**
 * The runtime still works at the first creation, on a disk that is slow: the kubelet's call ran out of time, and the
 * next ones find the name taken. It mostly ends well, and no number of retries proves that it will not.
 */
const BUSY =
  /context deadline exceeded|failed to reserve (?:container|sandbox) name|\bname (?:"[^"]*" )?is reserved\b/;

/**
 * The container cannot be created or started. A text that names the command is decisive the second time, 1 to 2
 * seconds after the first; the first may be a race with the image's unpacking. Other texts are borne a minute,
 * and one that says that the runtime is still busy until time is up;
 * where they leave dead containers behind, the rule on deaths comes first.
 *
 * A creation that fails leaves restartCount at 0, but says something new each time (the container's new id).
 */
function startSign(scene: Scene, place: Place, memory: Memory): Sign | undefined {
  const text = startError(place);
  if (text === undefined) return undefined;
  const known = memory.containers[place.key];
  const times = Math.max(known?.deaths ?? 0, known?.tries ?? 0);
  const decided = DECISIVE.test(text) && times >= scene.limits.maxDeathsNotExecutable;
  const creating = place.status.state?.waiting?.reason === 'CreateContainerError';
  const created = !creating || DECISIVE.test(text);
  const busy = creating && BUSY.test(text);
  const failure: Failure = {
    code: 'cannot-start',
    message: `${titleOf(place)} cannot ${created ? 'start' : 'be created'}: ${decisiveCause(text)}`,
    quote: text,
    advice: startAdvice(text),
    subject: subjectOf(place),
  };
  return {
    key: `start/${place.key}`,
    failure,
    patience: decided ? 0 : busy ? NEVER_ALONE : scene.limits.patience['cannot-start'],
  };
}

/** What the runtime said, if the container is stuck at its start: waiting with an error, or in back-off after one. */
function startError(place: Place): string | undefined {
  const { state, lastState } = place.status;
  if (state?.running) return undefined;
  if (START_ERRORS.includes(state?.waiting?.reason ?? '')) {
    return state?.waiting?.message ?? '';
  }
  const ended = state?.terminated ?? lastState?.terminated;
  return NEVER_RAN.includes(ended?.reason ?? '') ? (ended?.message ?? '') : undefined;
}

/** From `exec: "` on, for what stands before is the runtime's way to it. */
export function decisiveCause(text: string): string {
  const cause = causeOf(text);
  const exec = cause.indexOf('exec: "');
  if (exec >= 0) return cause.slice(exec);
  return /no command specified/.test(cause) ? 'no command specified' : cause;
}

export function startAdvice(text: string): string {
  if (/no command specified/.test(text))
    return 'Give the image an ENTRYPOINT or CMD, or the container a command.';
  if (/permission denied/.test(text))
    return 'Make the file executable in the image (chmod +x), or correct the command.';
  if (DECISIVE.test(text)) {
    return "Check the container's command against the image: the file must exist there, together with its interpreter.";
  }
  return 'Read what the container runtime says and correct the pod template or the node.';
}
