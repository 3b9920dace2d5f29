import type { ContainerStatus, TerminatedState } from '../../model/kube.ts';
import { type ContainerMemory, type Exit, type PullMemory, UNHARMED } from './memory.ts';
import type { Role } from './scene.ts';

/**
 * Ends that the kubelet infers, having lost sight of the container or having removed it itself: a bystander of
 * RestartAllContainers, a node that came back. restartCount is raised already while it still waits.
 *
 * Source: convertToAPIContainerStatuses, kubernetes pkg/kubelet/kubelet_pods.go:2363-2392, 2574-2592 (v1.36.3).
 */
const INFERRED = ['RestartingAllContainers', 'ContainerStatusUnknown'];

/** Reasons of a waiting container that was never created or started; the runtime's text tells why. */
export const START_ERRORS = [
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
  'PreStartHookError',
];

/** Reasons of a container that ended because it never ran; its exit code (127, 128) is the runtime's, not the app's. */
export const NEVER_RAN = ['StartError', 'ContainerCannotRun'];

const PULL_ERRORS = ['ErrImagePull', 'RegistryUnavailable', 'SignatureValidationFailed'];

/** What a container was when first seen: restarts that stood before the patch count for nothing. */
export function firstSight(
  base: number | undefined,
  status: ContainerStatus,
  kills: number,
): ContainerMemory {
  const restarts = status.restartCount ?? 0;
  // A pod of before the patch that lies dead at the count it had then died before the patch.
  const stood = base !== undefined && base === restarts && liesDead(status);
  return {
    base: base ?? 0,
    from: (base ?? 0) + (stood ? 1 : 0),
    restarts: base ?? 0,
    pardoned: stood ? 1 : 0,
    killsBefore: base === undefined ? 0 : kills,
    ...UNHARMED,
  };
}

/**
 * Deaths = how far restartCount rose, and one more when the container lies dead now (gate-rules.md, "Deaths").
 * Not counted: restarts that were not its own doing. An init container that ended well and is run again (the
 * sandbox changed) restarts too; a restart for a resize or by a stop of the whole pod is known from a Killing event only (`kills`).
 */
export function rememberContainer(
  before: ContainerMemory,
  seen: { status: ContainerStatus; role: Role; kills: number; now: number },
): ContainerMemory {
  const { status, role, now } = seen;
  const restarts = Math.max(status.restartCount ?? 0, before.restarts);
  const ends = visibleEnds(status);
  const own = ends.filter((end) => end.instance >= before.from && !isFaultless(end.terminated, role));
  const exits = addExits(before.exits, own);
  const span = restarts - before.restarts;
  const explained = before.exits.filter(
    (exit) => exit.instance >= before.restarts && exit.instance < restarts,
  );
  const last = ends.find((end) => end.instance === restarts - 1);
  const faultless = span > 0 && last !== undefined && isFaultless(last.terminated, role);
  const pardoned = before.pardoned + (faultless ? Math.max(0, span - explained.length) : 0);
  const dead = !status.state?.running && own.some((end) => end.instance === restarts) ? 1 : 0;
  const kills = Math.max(0, seen.kills - before.killsBefore);
  const deaths = Math.max(0, restarts - before.base - pardoned + dead - kills);
  const waiting = status.state?.waiting;
  const tryText = START_ERRORS.includes(waiting?.reason ?? '') ? (waiting?.message ?? '') : undefined;
  return {
    ...before,
    restarts,
    pardoned,
    exits,
    deaths,
    firstDeath: deaths === 0 ? undefined : (before.firstDeath ?? now),
    lastDeath: deaths > before.deaths ? now : deaths === 0 ? undefined : before.lastDeath,
    tries: before.tries + (tryText !== undefined && tryText !== before.tryText ? 1 : 0),
    tryText: tryText ?? before.tryText,
    hookFailed: before.hookFailed || waiting?.reason === 'PostStartHookError',
    pull: rememberPull(before.pull, waiting?.reason ?? '', waiting?.message ?? ''),
  };
}

interface End {
  readonly instance: number;
  readonly terminated: TerminatedState;
}

/**
 * Which instances the status says have ended. `state.terminated` is the instance of the current count; so is
 * `lastState` while the container waits (CrashLoopBackOff moves it there); else lastState is the one before.
 */
function visibleEnds(status: ContainerStatus): readonly End[] {
  const restarts = status.restartCount ?? 0;
  const now = status.state?.terminated;
  const last = status.lastState?.terminated;
  const ends: End[] = [];
  if (last)
    ends.push({
      instance: instanceOf(last, status.state?.waiting ? restarts : restarts - 1, restarts),
      terminated: last,
    });
  if (now) ends.push({ instance: instanceOf(now, restarts, restarts), terminated: now });
  return ends;
}

function instanceOf(terminated: TerminatedState, instance: number, restarts: number): number {
  return INFERRED.includes(terminated.reason ?? '') ? restarts - 1 : instance;
}

function liesDead(status: ContainerStatus): boolean {
  return (
    !status.state?.running && visibleEnds(status).some((end) => end.instance === (status.restartCount ?? 0))
  );
}

function isFaultless(terminated: TerminatedState, role: Role): boolean {
  if (INFERRED.includes(terminated.reason ?? '') || isLost(terminated)) return true;
  return role === 'init container' && (terminated.exitCode ?? 0) === 0;
}

/**
 * What containerd says of a container whose end it did not see, for the node or itself was started anew: neither code
 * nor reason is the program's (containerd internal/cri/server/restart.go, unknownContainerStatus).
 */
function isLost({ exitCode, reason }: TerminatedState): boolean {
  return exitCode === 255 && reason === 'Unknown';
}

/** Keeps what each instance ended with, once, as far back as a message can use it. */
function addExits(known: readonly Exit[], ends: readonly End[]): readonly Exit[] {
  const fresh = ends
    .filter((end) => !known.some((exit) => exit.instance === end.instance))
    .map(({ instance, terminated }) => ({
      instance,
      exitCode: terminated.exitCode ?? 0,
      reason: terminated.reason ?? '',
      message: terminated.message ?? '',
    }));
  return fresh.length === 0 ? known : [...known, ...fresh].slice(-8);
}

/** "Back-off pulling image "x": ErrImagePull: text"; older kubelets leave the cause out, so the last one is kept. */
const BACK_OFF =
  /^Back-off pulling image "[^"]*": (ErrImagePull|RegistryUnavailable|SignatureValidationFailed): (.*)$/s;

function rememberPull(
  before: PullMemory | undefined,
  reason: string,
  message: string,
): PullMemory | undefined {
  if (PULL_ERRORS.includes(reason)) {
    const again = before === undefined || !before.failing || before.text !== message;
    return { attempts: (before?.attempts ?? 0) + (again ? 1 : 0), failing: true, reason, text: message };
  }
  if (reason !== 'ImagePullBackOff') return undefined;
  const [, cause, text] = BACK_OFF.exec(message) ?? [];
  return {
    attempts: Math.max(1, before?.attempts ?? 0),
    failing: false,
    reason: cause ?? before?.reason ?? '',
    text: text ?? before?.text ?? '',
  };
}
