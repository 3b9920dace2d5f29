/**
 * A small world of objects as the API sends them: a Deployment `web` in namespace `shop` that goes from image v1
 * to v2. Every builder merges an override into a fixture, so that a row shows only what matters to it.
 */
import type {
  Condition,
  ContainerState,
  ContainerStatus,
  Deployment,
  Event,
  Pod,
  PodTemplate,
  ReplicaSet,
} from '../../../src/model/kube.ts';
import type { DeploymentObservation, Pin } from '../../../src/model/observation.ts';

export const DIGEST = `sha256:${'2'.repeat(64)}`;
export const V1 = `127.0.0.1:5000/app@sha256:${'1'.repeat(64)}`;
export const V2 = `127.0.0.1:5000/app@${DIGEST}`;
const DEPLOYMENT_UID = 'uid-deployment';
const NEW_SET = 'web-new';
const OLD_SET = 'web-old';

/** What an override may say: any part of the object; lists replace lists, undefined takes a field out. */
export type Part<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Part<T[K]> | undefined }
    : T;

export function merge<T>(base: T, over: Part<T> | undefined): T {
  if (over === undefined) return base;
  if (!isPlain(base) || !isPlain(over)) return over as T;
  const all: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over))
    all[key] = value === undefined ? undefined : merge(all[key], value as never);
  return all as T;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function template(over?: Part<PodTemplate>, image = V2): PodTemplate {
  return merge<PodTemplate>(
    {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'web', image, readinessProbe: { periodSeconds: 1 } }],
        restartPolicy: 'Always',
      },
    },
    over,
  );
}

/** The template without the readiness probe. */
export function unprobed(): PodTemplate {
  return template({ spec: { containers: [{ name: 'web', image: V2 }] } });
}

export function pin(over: Partial<Pin> = {}): Pin {
  return {
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    uid: DEPLOYMENT_UID,
    generation: 2,
    template: template(),
    images: [{ container: 'web', image: V2 }],
    conditions: [],
    restarts: new Map(),
    digestsSeen: new Set(),
    ...over,
  };
}

export function deployment(over?: Part<Deployment>): Deployment {
  return merge<Deployment>(
    {
      metadata: { name: 'web', namespace: 'shop', uid: DEPLOYMENT_UID, generation: 2 },
      spec: { replicas: 1, template: template() },
      status: {
        observedGeneration: 2,
        replicas: 2,
        updatedReplicas: 1,
        readyReplicas: 1,
        availableReplicas: 1,
      },
    },
    over,
  );
}

export function newSet(over?: Part<ReplicaSet>): ReplicaSet {
  return merge<ReplicaSet>(
    {
      metadata: {
        name: NEW_SET,
        uid: NEW_SET,
        generation: 1,
        creationTimestamp: '2026-01-02T00:00:00Z',
        ownerReferences: [{ kind: 'Deployment', uid: DEPLOYMENT_UID, controller: true }],
      },
      spec: { replicas: 1, template: template({ metadata: { labels: { 'pod-template-hash': 'new' } } }) },
      status: { observedGeneration: 1, replicas: 1 },
    },
    over,
  );
}

export function oldSet(over?: Part<ReplicaSet>): ReplicaSet {
  const image = template({ metadata: { labels: { 'pod-template-hash': 'old' } } }, V1);
  return merge<ReplicaSet>(
    newSet({
      metadata: { name: OLD_SET, uid: OLD_SET, creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: { template: image },
      status: { readyReplicas: 1, availableReplicas: 1 },
    }),
    over,
  );
}

/** A scheduled pod of the new ReplicaSet whose container is being created. */
export function pod(name: string, over?: Part<Pod>): Pod {
  return merge<Pod>(
    {
      metadata: {
        name: `web-${name}`,
        uid: `uid-${name}`,
        ownerReferences: [{ kind: 'ReplicaSet', uid: NEW_SET, controller: true }],
      },
      spec: { ...template().spec, nodeName: 'node-1' },
      status: {
        phase: 'Pending',
        conditions: [scheduled, { type: 'Ready', status: 'False' }],
        containerStatuses: [status(waiting('ContainerCreating'))],
      },
    },
    over,
  );
}

const scheduled: Condition = { type: 'PodScheduled', status: 'True' };

/** A pod with these statuses of its containers, Ready or not as they are. */
export function podWith(name: string, statuses: readonly ContainerStatus[], over?: Part<Pod>): Pod {
  const ready = statuses.every((one) => one.ready === true) ? 'True' : 'False';
  return pod(
    name,
    merge<Part<Pod>>(
      {
        status: {
          phase: 'Running',
          conditions: [
            scheduled,
            { type: 'ContainersReady', status: ready },
            { type: 'Ready', status: ready },
          ],
          containerStatuses: statuses,
        },
      },
      over as never,
    ),
  );
}

export function oldPod(name: string, over?: Part<Pod>): Pod {
  const owner = [{ kind: 'ReplicaSet', uid: OLD_SET, controller: true }];
  return podWith(
    name,
    [running({ ready: true })],
    merge<Part<Pod>>({ metadata: { ownerReferences: owner } }, over as never),
  );
}

/** A status of container `web` (or of another, by override). */
export function status(state: ContainerState, over: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name: 'web', ready: false, restartCount: 0, state, ...over };
}

export function waiting(reason: string, message?: string): ContainerState {
  return { waiting: { reason, ...(message === undefined ? {} : { message }) } };
}

export function terminated(
  exitCode: number,
  reason = exitCode === 0 ? 'Completed' : 'Error',
  message?: string,
): ContainerState {
  return { terminated: { exitCode, reason, ...(message === undefined ? {} : { message }) } };
}

export function running(over: Partial<ContainerStatus> = {}): ContainerStatus {
  return status({ running: {} }, { imageID: 'sha256:id', started: true, ...over });
}

/** Lies dead after its nth end (1: the first), not yet in back-off. */
export function dead(
  nth: number,
  exitCode = 1,
  reason?: string,
  over: Partial<ContainerStatus> = {},
): ContainerStatus {
  return status(terminated(exitCode, reason), { imageID: 'sha256:id', restartCount: nth - 1, ...over });
}

/** In back-off after its nth end. */
export function backOff(
  nth: number,
  exitCode = 1,
  reason?: string,
  over: Partial<ContainerStatus> = {},
): ContainerStatus {
  return status(waiting('CrashLoopBackOff', 'back-off 10s restarting failed container'), {
    imageID: 'sha256:id',
    restartCount: nth - 1,
    lastState: terminated(exitCode, reason),
    ...over,
  });
}

/** Runs again after its nth end. */
export function again(nth: number, exitCode = 1, over: Partial<ContainerStatus> = {}): ContainerStatus {
  return running({ restartCount: nth, lastState: terminated(exitCode), ...over });
}

let clock = 0;
/** An event about a pod; each is later than the one before it. */
export function event(name: string, reason: string, message: string, over?: Part<Event>): Event {
  clock += 1;
  return merge<Event>(
    {
      involvedObject: {
        kind: 'Pod',
        name: `web-${name}`,
        uid: `uid-${name}`,
        fieldPath: 'spec.containers{web}',
      },
      reason,
      message,
      count: 1,
      lastTimestamp: new Date(1_767_225_600_000 + clock * 1000).toISOString(),
    },
    over,
  );
}

/** The middle of a rollout: `replicas` wanted, these new pods there, all old pods still wanted. */
export function rolling(
  pods: readonly Pod[],
  over: Partial<DeploymentObservation> & { replicas?: number } = {},
): DeploymentObservation {
  const { replicas = 1, ...rest } = over;
  return {
    kind: 'Deployment',
    workload: deployment({
      spec: { replicas },
      status: { replicas: replicas + pods.length, updatedReplicas: pods.length, availableReplicas: replicas },
    }),
    replicaSets: [
      newSet({ spec: { replicas: pods.length }, status: { replicas: pods.length } }),
      oldSet({ spec: { replicas }, status: { replicas } }),
    ],
    pods: [...pods, ...Array.from({ length: replicas }, (_, index) => oldPod(`old${index}`))],
    events: [],
    ...rest,
  };
}

/** The end of a rollout, in which everything agrees: these new pods, Ready, and no old ones. */
export function complete(
  pods: readonly Pod[] = [readyPod('a')],
  over: Partial<DeploymentObservation> = {},
): DeploymentObservation {
  const count = pods.length;
  const full = { replicas: count, readyReplicas: count, availableReplicas: count };
  return {
    kind: 'Deployment',
    workload: deployment({ spec: { replicas: count }, status: { ...full, updatedReplicas: count } }),
    replicaSets: [
      newSet({ spec: { replicas: count }, status: full }),
      oldSet({ spec: { replicas: 0 }, status: { replicas: 0, readyReplicas: 0, availableReplicas: 0 } }),
    ],
    pods,
    events: [],
    ...over,
  };
}

export function readyPod(name: string, over?: Part<Pod>): Pod {
  return podWith(name, [running({ ready: true })], over);
}

/** Any observation with one part exchanged. */
export function but(
  seen: DeploymentObservation,
  over: Partial<DeploymentObservation>,
): DeploymentObservation {
  return { ...seen, ...over };
}
