/** Workloads of every kind that has a gate, with the same pods, and what becomes of them. */
import { rightsToDeploy } from '../../src/deploy/permissions.ts';
import type { DaemonSet, KubeObject, Pod, StatefulSet, Workload } from '../../src/model/kube.ts';
import type { Manifest } from './kube.ts';
import type { Namespace } from './namespace.ts';
import type { Stage } from './stage.ts';
import { deployment, type Wish } from './workload.ts';

export type Kind = 'Deployment' | 'StatefulSet' | 'DaemonSet';

const KINDS = new Set<Kind>(['Deployment', 'StatefulSet', 'DaemonSet']);

/** The same pods under another controller. */
export function manifest(kind: Kind, wish: Wish): Manifest {
  const base = deployment(wish);
  const { replicas, ...spec } = base['spec'] as Readonly<Record<string, unknown>>;
  if (kind === 'Deployment') return base;
  const own = kind === 'DaemonSet' ? {} : { replicas, serviceName: wish.name ?? 'web' };
  return { ...base, kind, spec: { ...own, ...spec } };
}

/** The name of the kind's list in the API. */
export const resource = (kind: Kind): string => `${kind.toLowerCase()}s`;

/** Gives the user the Role for the kinds, and starts one workload that runs as it should. */
export async function startKind(
  stage: Stage,
  kind: Kind,
  wish: Partial<Wish> & { name: string },
  evict = false,
) {
  const all = { image: stage.images.v1, ...wish };
  await stage.restrict(rightsToDeploy({ logs: true, kinds: KINDS, evict }));
  await stage.apply(resource(kind), manifest(kind, all));
  await settledKind(stage, kind, wish.name);
}

/** Waits until the controller has brought every pod to its template, and all are available. */
export async function settledKind(stage: Namespace, kind: Kind, name: string): Promise<void> {
  const path = `${stage.path(resource(kind))}?fieldSelector=metadata.name%3D${name}`;
  await stage.kube.until<Workload>(path, ([only]) => {
    if (only?.status?.observedGeneration !== only?.metadata?.generation) return false;
    if (kind === 'DaemonSet') {
      const { desiredNumberScheduled: desired = 0, numberAvailable = 0 } = (only as DaemonSet).status ?? {};
      return desired > 0 && desired === numberAvailable;
    }
    const { spec, status } = only as StatefulSet;
    return status?.updatedReplicas === spec?.replicas && status?.availableReplicas === spec?.replicas;
  });
}

export interface Seen {
  readonly image: string;
  /** 1: never patched; 2: once; 3: there and back. */
  readonly generation: number | undefined;
  /** Of every pod, by its ordinal where it has one: its image, and `!` when it is not ready. */
  readonly pods: Readonly<Record<string, string>>;
}

/** What became of a workload of any kind and of its pods. */
export async function look(stage: Stage, kind: Kind, name: string): Promise<Seen> {
  const [workload, { items }] = await Promise.all([
    stage.kube.get<Workload & KubeObject>(`${stage.path(resource(kind))}/${name}`),
    stage.kube.list<Pod>(`${stage.path('pods')}?labelSelector=app%3D${name}`),
  ]);
  const plain = (image: string | undefined): string => stage.plain(image ?? '').replaceAll(/[<>]/g, '');
  const alive = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  const pods = alive.map(({ metadata, spec, status }): [string, string] => {
    const ready = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
    const key = kind === 'StatefulSet' ? (metadata?.name ?? '') : name;
    return [key, `${plain(spec?.containers?.[0]?.image)}${ready ? '' : '!'}`];
  });
  return {
    image: plain(workload.spec?.template?.spec?.containers?.[0]?.image),
    generation: workload.metadata?.generation,
    pods: Object.fromEntries(pods),
  };
}
