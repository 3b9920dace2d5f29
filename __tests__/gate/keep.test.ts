import { expect, test } from 'vitest';
import { keepPod } from '../../src/gate/keep.ts';
import type { Pod } from '../../src/model/kube.ts';

/** A pod as the API sends it, with what the rules read and with what is only long. */
const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web-5d8f-x2x7k',
    generateName: 'web-5d8f-',
    namespace: 'shop',
    uid: 'pod-1',
    resourceVersion: '17',
    labels: { app: 'web' },
    annotations: { 'sidecar.istio.io/status': '{"containers":["istio-proxy"]}' },
    deletionTimestamp: null,
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d8f', uid: 'rs-1', controller: true },
    ],
    managedFields: [{ manager: 'kubelet', fieldsV1: { 'f:status': {} } }],
  },
  spec: {
    nodeName: 'node-1',
    tolerations: [{ key: 'node.kubernetes.io/not-ready' }],
    volumes: [{ name: 'kube-api-access' }],
    affinity: { nodeAffinity: {}, podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [] } },
    readinessGates: [{ conditionType: 'acme.com/lb' }],
    initContainers: [{ name: 'proxy', restartPolicy: 'Always', args: ['--all'] }],
    containers: [
      {
        name: 'web',
        image: 'acme/web:2',
        env: [{ name: 'A', value: 'b' }],
        resources: { limits: { memory: '64Mi' }, requests: { cpu: '10m' } },
        readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 5, failureThreshold: 3 },
      },
    ],
  },
  status: {
    phase: 'Running',
    qosClass: 'Burstable',
    podIPs: [{ ip: '10.0.0.1' }],
    conditions: [{ type: 'Ready', status: 'False', lastProbeTime: null, reason: 'ContainersNotReady' }],
    containerStatuses: [
      {
        name: 'web',
        imageID: 'acme/web@sha256:2',
        containerID: 'containerd://1',
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1 } },
        volumeMounts: [{ name: 'kube-api-access' }],
      },
    ],
  },
};

const KEPT = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web-5d8f-x2x7k',
    namespace: 'shop',
    uid: 'pod-1',
    resourceVersion: '17',
    labels: { app: 'web' },
    ownerReferences: POD.metadata.ownerReferences,
  },
  spec: {
    nodeName: 'node-1',
    affinity: { nodeAffinity: {} },
    readinessGates: [{ conditionType: 'acme.com/lb' }],
    initContainers: [{ name: 'proxy', restartPolicy: 'Always' }],
    containers: [
      {
        name: 'web',
        image: 'acme/web:2',
        resources: { limits: { memory: '64Mi' } },
        readinessProbe: { periodSeconds: 5, failureThreshold: 3 },
      },
    ],
  },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }],
    containerStatuses: [
      {
        name: 'web',
        imageID: 'acme/web@sha256:2',
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1 } },
      },
    ],
  },
};

test('of a pod what the rules read is kept, and nothing else', () => {
  expect(keepPod(POD as unknown as Pod)).toEqual(KEPT);
});

test('keeping of what was kept changes nothing', () => {
  const kept = keepPod(POD as unknown as Pod);
  expect(keepPod(kept)).toEqual(kept);
});

test('a pod that has next to nothing has no more when it is kept', () => {
  expect(keepPod({ metadata: { name: 'web' } })).toEqual({ metadata: { name: 'web' } });
});
