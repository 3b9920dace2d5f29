/** A DaemonSet `agent` in namespace `shop` on the nodes n1, n2 and n3, on its way from revision old (v1) to new (v2). */
import type {
  ContainerStatus,
  ControllerRevision,
  DaemonSet,
  Event,
  Node,
  Pod,
} from '../../../src/model/kube.ts';
import type { DaemonSetObservation, Pin } from '../../../src/model/observation.ts';
import {
  pod as barePod,
  pin as base,
  event,
  merge,
  type Part,
  podWith,
  running,
  template,
  V1,
} from './world.ts';

const UID = 'uid-agent';
const owner = [{ kind: 'DaemonSet', uid: UID, controller: true }];

export function pin(over: Partial<Pin> = {}): Pin {
  return base({
    kind: 'DaemonSet',
    name: 'agent',
    uid: UID,
    nodes: new Map([1, 2, 3].map((one) => [`uid-n${one}`, true])),
    ...over,
  });
}

export function daemonSet(over?: Part<DaemonSet>): DaemonSet {
  return merge<DaemonSet>(
    {
      metadata: { name: 'agent', namespace: 'shop', uid: UID, generation: 2 },
      spec: {
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
        template: template(),
      },
      status: {
        observedGeneration: 2,
        desiredNumberScheduled: 3,
        currentNumberScheduled: 3,
        updatedNumberScheduled: 3,
        numberReady: 3,
        numberAvailable: 3,
      },
    },
    over,
  );
}

/** As the controller stores it: a patch that replaces the template. */
export function revision(hash: string, number: number, stored = template(), over?: Part<ControllerRevision>) {
  const patch = { ...stored, metadata: { ...stored.metadata, creationTimestamp: null }, $patch: 'replace' };
  return merge<ControllerRevision>(
    {
      metadata: {
        name: `agent-${hash}`,
        uid: `revision-${hash}-${number}`,
        labels: { 'controller-revision-hash': hash },
        ownerReferences: owner,
      },
      revision: number,
      data: { spec: { template: patch as never } },
    },
    over,
  );
}

export function node(number: number, ready = true, over?: Part<Node>): Node {
  return merge<Node>(
    {
      metadata: { name: `n${number}`, uid: `uid-n${number}` },
      status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }] },
    },
    over,
  );
}

const well = [running({ ready: true })];

function member(hash: string, on: number, statuses: readonly ContainerStatus[], over?: Part<Pod>): Pod {
  const own: Part<Pod> = {
    metadata: {
      name: `agent-${hash}${on}`,
      uid: `uid-${hash}-${on}`,
      labels: { 'controller-revision-hash': hash },
      ownerReferences: owner,
    },
    spec: { nodeName: `n${on}` },
  };
  return merge<Pod>(statuses.length === 0 ? barePod('x', own) : podWith('x', statuses, own), over);
}

/** A pod of the revision that is rolled out; without statuses it is being created. */
export function fresh(on: number, statuses = well, over?: Part<Pod>): Pod {
  return member('new', on, statuses, over);
}

/** A pod of the revision of before. */
export function old(on: number, statuses = well, over?: Part<Pod>): Pod {
  return merge<Pod>(
    member('old', on, statuses, { spec: { containers: template({}, V1).spec?.containers } }),
    over,
  );
}

export const creating: ContainerStatus[] = [];
export const leaving: Part<Pod> = { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } };

export function seen(
  pods: readonly Pod[],
  over?: Part<DaemonSet>,
  rest: Partial<DaemonSetObservation> = {},
): DaemonSetObservation {
  return {
    kind: 'DaemonSet',
    workload: daemonSet(over),
    revisions: [revision('old', 1, template({}, V1)), revision('new', 2)],
    nodes: [node(1), node(2), node(3)],
    pods,
    events: [],
    ...rest,
  };
}

/** An event about the DaemonSet itself. */
export function setEvent(reason: string, message: string): Event {
  return event('x', reason, message, { involvedObject: { kind: 'DaemonSet', name: 'agent', uid: UID } });
}

export const done = seen([fresh(1), fresh(2), fresh(3)]);
