/** A StatefulSet `db` in namespace `shop` with three replicas, on its way from revision db-old (v1) to db-new (v2). */
import type { ContainerStatus, Event, Pod, StatefulSet } from '../../../src/model/kube.ts';
import type { Pin, StatefulSetObservation } from '../../../src/model/observation.ts';
import {
  pin as base,
  event,
  merge,
  type Part,
  podWith,
  running,
  template,
  pod as unscheduledPod,
  V1,
} from './world.ts';

const UID = 'uid-db';

export function pin(over: Partial<Pin> = {}): Pin {
  return base({ kind: 'StatefulSet', name: 'db', uid: UID, ...over });
}

export function statefulSet(over?: Part<StatefulSet>): StatefulSet {
  return merge<StatefulSet>(
    {
      metadata: { name: 'db', namespace: 'shop', uid: UID, generation: 2 },
      spec: {
        replicas: 3,
        podManagementPolicy: 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        template: template(),
      },
      status: {
        observedGeneration: 2,
        replicas: 3,
        readyReplicas: 3,
        availableReplicas: 3,
        currentReplicas: 3,
        updatedReplicas: 3,
        currentRevision: 'db-old',
        updateRevision: 'db-new',
      },
    },
    over,
  );
}

const ready = [running({ ready: true })];

function member(
  ordinal: number,
  revision: string,
  statuses: readonly ContainerStatus[],
  over?: Part<Pod>,
): Pod {
  const own: Part<Pod> = {
    metadata: {
      name: `db-${ordinal}`,
      uid: `uid-${revision}-${ordinal}`,
      labels: { 'controller-revision-hash': `db-${revision}` },
      ownerReferences: [{ kind: 'StatefulSet', uid: UID, controller: true }],
    },
  };
  const whole = statuses.length === 0 ? unscheduledPod('x', own) : podWith('x', statuses, own);
  return merge<Pod>(whole, over);
}

/** A pod of the revision that is rolled out; without statuses it is being created. */
export function fresh(ordinal: number, statuses = ready, over?: Part<Pod>): Pod {
  return member(ordinal, 'new', statuses, over);
}

/** A pod of the revision of before. */
export function old(ordinal: number, statuses = ready, over?: Part<Pod>): Pod {
  return merge<Pod>(member(ordinal, 'old', statuses, { spec: template({}, V1).spec }), over);
}

export const creating: ContainerStatus[] = [];
export const leaving: Part<Pod> = { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } };

export function seen(
  pods: readonly Pod[],
  over?: Part<StatefulSet>,
  events: readonly Event[] = [],
): StatefulSetObservation {
  const news = pods.filter((one) => one.metadata?.labels?.['controller-revision-hash'] === 'db-new').length;
  const status = { updatedReplicas: news, currentReplicas: pods.length - news };
  return { kind: 'StatefulSet', workload: merge<StatefulSet>(statefulSet({ status }), over), pods, events };
}

/** An event about the StatefulSet itself. */
export function setEvent(reason: string, message: string): Event {
  return event('x', reason, message, { involvedObject: { kind: 'StatefulSet', name: 'db', uid: UID } });
}

export const done = seen([fresh(0), fresh(1), fresh(2)], { status: { currentRevision: 'db-new' } });
