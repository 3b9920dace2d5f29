import { describe, expect, test } from 'vitest';
import { holdFor } from '../../../src/gate/evaluate/hold.ts';
import { newReplicaSet } from '../../../src/gate/evaluate/replicaset.ts';
import type { PodTemplate, ReplicaSet } from '../../../src/model/kube.ts';
import { DEFAULT_LIMITS } from '../../../src/model/limits.ts';
import { merge, newSet, oldSet, pin, template, V1, V2 } from './world.ts';

const find = (sets: readonly ReplicaSet[], over = {}) =>
  newReplicaSet(pin(over), {
    kind: 'Deployment',
    workload: undefined,
    replicaSets: sets,
    pods: [],
    events: [],
  })?.metadata?.uid;
const withTemplate = (other: PodTemplate, uid = 'web-new') =>
  newSet({ metadata: { uid }, spec: { template: other } });

describe('the new ReplicaSet', () => {
  test('is the one of our template, whatever its hash', () => {
    expect(find([oldSet(), newSet()])).toBe('web-new');
  });
  test('is none while there is none', () => {
    expect(find([oldSet()])).toBeUndefined();
  });
  test('is not one of another owner, though the template and the name are the same', () => {
    expect(
      find([newSet({ metadata: { ownerReferences: [{ uid: 'uid-other', controller: true }] } })]),
    ).toBeUndefined();
  });
  test('is not one that our Deployment owns without controlling it', () => {
    expect(find([newSet({ metadata: { ownerReferences: [{ uid: 'uid-deployment' }] } })])).toBeUndefined();
  });
  test('is the oldest when there are two', () => {
    const older = newSet({ metadata: { uid: 'older', creationTimestamp: '2025-12-31T23:59:59Z' } });
    expect(find([newSet(), older])).toBe('older');
    expect(find([older, newSet()])).toBe('older');
  });
  test('is the first by name when two are of the same second', () => {
    expect(
      find([
        newSet({ metadata: { name: 'web-b', uid: 'b' } }),
        newSet({ metadata: { name: 'web-a', uid: 'a' } }),
      ]),
    ).toBe('a');
  });
  test('is not one that differs in a single field, list item or order', () => {
    expect(find([withTemplate(template({}, V1))])).toBeUndefined();
    expect(
      find([withTemplate(template({ metadata: { annotations: { restartedAt: 'x' } } }))]),
    ).toBeUndefined();
    const two = [{ name: 'a' }, { name: 'b' }];
    const pinned = { template: template({ spec: { containers: two } }) };
    expect(find([withTemplate(template({ spec: { containers: two } }))], pinned)).toBe('web-new');
    expect(
      find([withTemplate(template({ spec: { containers: [...two].reverse() } }))], pinned),
    ).toBeUndefined();
    expect(find([withTemplate(template({ spec: { containers: two.slice(0, 1) } }))], pinned)).toBeUndefined();
  });
  test('false and 0 are not nothing', () => {
    const pinned = { template: merge(template(), { spec: { enableServiceLinks: false } } as never) };
    expect(find([newSet()], pinned)).toBeUndefined();
  });
  test.each([
    ['null', { metadata: { creationTimestamp: null }, spec: { nodeName: null } }],
    ['an empty list', { spec: { imagePullSecrets: [] } }],
    ['an empty record', { spec: { securityContext: {}, affinity: { nodeAffinity: {} } } }],
    ['an empty text', { spec: { serviceAccountName: '' } }],
  ])('%s is the same as absent, on either side', (_what, extra) => {
    const padded = merge(template(), extra as never);
    expect(find([withTemplate(padded)])).toBe('web-new');
    expect(find([newSet()], { template: padded })).toBe('web-new');
  });
  test('a hash label in the Deployment’s own template is left out too', () => {
    expect(
      find([newSet()], { template: template({ metadata: { labels: { 'pod-template-hash': 'copied' } } }) }),
    ).toBe('web-new');
  });
});

describe('the hold', () => {
  const hold = (spec: PodTemplate['spec'], stableFor?: number) =>
    holdFor({ spec: spec ?? {} }, { ...DEFAULT_LIMITS, stableFor });
  const probe = (initialDelaySeconds: number, periodSeconds: number, failureThreshold: number) => ({
    livenessProbe: { initialDelaySeconds, periodSeconds, failureThreshold },
  });
  test.each([
    ['no probe: the least', { containers: [{ image: V2 }] }, 10_000],
    ['a liveness probe with nothing but defaults: 3 × 10 s', { containers: [{ livenessProbe: {} }] }, 30_000],
    ['delay + period × threshold', { containers: [probe(5, 4, 5)] }, 25_000],
    ['the longest of all containers', { containers: [probe(0, 5, 3), probe(0, 8, 3)] }, 24_000],
    ['never under 10 s', { containers: [probe(0, 1, 1)] }, 10_000],
    ['never over 60 s', { containers: [probe(300, 10, 3)] }, 60_000],
    [
      'a sidecar’s probe counts',
      { initContainers: [{ restartPolicy: 'Always', ...probe(0, 20, 1) }] },
      20_000,
    ],
    ['an init container’s does not', { initContainers: [probe(0, 20, 1)] }, 10_000],
    [
      'a startup probe adds nothing: it has passed before Ready',
      { containers: [{ startupProbe: { periodSeconds: 10, failureThreshold: 30 }, ...probe(0, 5, 3) }] },
      15_000,
    ],
  ])('%s', (_name, spec, expected) => {
    expect(hold(spec)).toBe(expected);
  });
  test('stable-for is obeyed, also beyond the bounds', () => {
    expect(hold({ containers: [probe(0, 20, 1)] }, 0)).toBe(0);
    expect(hold({}, 900_000)).toBe(900_000);
  });
});
