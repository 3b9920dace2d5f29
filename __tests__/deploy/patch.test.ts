import { expect, test } from 'vitest';
import { chooseContainers, slotsOf } from '../../src/deploy/containers.ts';
import { renderPatch } from '../../src/deploy/patch.ts';
import {
  missingRights,
  nameRights,
  namesOf,
  renderRole,
  rightsToDeploy,
} from '../../src/deploy/permissions.ts';
import { pinReply } from '../../src/deploy/snapshot.ts';
import type { Deployment } from '../../src/model/kube.ts';
import type { WorkloadKind } from '../../src/model/observation.ts';

const WEB: Deployment = {
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    resourceVersion: '7',
    generation: 3,
    annotations: { mine: '1' },
  },
  spec: {
    replicas: 2,
    template: {
      spec: {
        containers: [
          { name: 'web', image: 'ghcr.io/acme/shop@sha256:old' },
          { name: 'proxy', image: 'envoy:1' },
        ],
        initContainers: [{ name: 'migrate', image: 'ghcr.io/acme/shop@sha256:old' }],
      },
    },
  },
};

const TARGET = { kind: 'Deployment', name: 'web', workload: WEB } as const;

const isShop = (image: string): boolean => image.startsWith('ghcr.io/acme/shop');

test('the patch tests uid, name and image before it sets the image, and sends nothing else', () => {
  const [web] = chooseContainers(TARGET, ['web'], isShop);
  if (web === undefined) throw new Error('no container');
  expect(renderPatch(WEB, [{ ...web, to: 'new' }], {})).toEqual([
    { op: 'test', path: '/metadata/uid', value: 'u1' },
    { op: 'test', path: '/spec/template/spec/containers/0/name', value: 'web' },
    { op: 'test', path: '/spec/template/spec/containers/0/image', value: 'ghcr.io/acme/shop@sha256:old' },
    { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'new' },
  ]);
});

test('an init container is reached in its own list', () => {
  const [migrate] = chooseContainers(TARGET, ['migrate'], isShop);
  expect(migrate).toMatchObject({ list: 'initContainers', index: 0 });
});

test('annotations are added beside those of others, and removed only when they are there', () => {
  const annotations = { 'steadyship.dev/run': 'url', mine: undefined, absent: undefined };
  expect(renderPatch(WEB, [], annotations).slice(1)).toEqual([
    { op: 'add', path: '/metadata/annotations/steadyship.dev~1run', value: 'url' },
    { op: 'remove', path: '/metadata/annotations/mine' },
  ]);
});

test('where no annotation is yet, the map is made, guarded against one that comes meanwhile', () => {
  const bare: Deployment = { metadata: { uid: 'u1', resourceVersion: '7' } };
  expect(renderPatch(bare, [], { a: 'b', c: undefined }).slice(1)).toEqual([
    { op: 'test', path: '/metadata/resourceVersion', value: '7' },
    { op: 'add', path: '/metadata/annotations', value: { a: 'b' } },
  ]);
});

test('of several containers, the only one from our repository is meant', () => {
  expect(chooseContainers(TARGET, [undefined], isShop)).toEqual([
    { list: 'containers', index: 0, name: 'web', image: 'ghcr.io/acme/shop@sha256:old' },
  ]);
});

test('of several containers none of which is plainly meant, all are listed', () => {
  expect(() => chooseContainers(TARGET, [undefined], () => false)).toThrow(
    'deployment/web has several containers (web: ghcr.io/acme/shop@sha256:old, proxy: envoy:1, migrate (init): ghcr.io/acme/shop@sha256:old), and which one is to get the image is not plain. Name it in `workloads`: deployment/web:web.',
  );
});

test('a container that is not there is told with those that are', () => {
  expect(() => chooseContainers(TARGET, ['app'], isShop)).toThrow(
    'deployment/web has no container "app". It has web: ghcr.io/acme/shop@sha256:old, proxy: envoy:1, migrate (init): ghcr.io/acme/shop@sha256:old.',
  );
});

test('the pin holds what the server answered, not what was sent', () => {
  const [web] = slotsOf(WEB);
  if (web === undefined) throw new Error('no container');
  const pin = pinReply(WEB, [web], {
    kind: 'Deployment',
    restarts: new Map([['p/web', 4]]),
    nodes: undefined,
  });
  expect(pin).toMatchObject({
    uid: 'u1',
    generation: 3,
    images: [{ container: 'web', image: 'ghcr.io/acme/shop@sha256:old' }],
  });
});

test('a right that a rule grants by a star is there, one bound to names is not', () => {
  const wanted = rightsToDeploy({ logs: true });
  expect(missingRights(wanted, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }])).toEqual([]);
  const named = { verbs: ['patch'], apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['web'] };
  expect(nameRights(missingRights(wanted, [named]))).toContain('patch deployments.apps');
});

test('a right that is bound to names is there where it is needed for these alone', () => {
  const workload = (name: string) => ({ kind: 'Deployment' as const, namespace: 'shop', name });
  const [web, api] = [workload('web'), workload('api')];
  const wanted = rightsToDeploy({ logs: false }).filter(({ group }) => group !== '');
  const rule = (group: string, resource: string, verbs: readonly string[], ...resourceNames: string[]) => ({
    ...{ apiGroups: [group], resources: [resource], verbs, resourceNames },
  });
  const rules = [
    rule('apps', 'deployments', ['get', 'list', 'watch', 'patch'], 'web'),
    rule('apps', 'deployments', ['get', 'patch'], 'api', 'jobs'),
    rule('apps', 'replicasets', ['list', 'watch'], 'web'),
    rule('coordination.k8s.io', 'leases', ['list', 'watch', 'create']),
    rule('coordination.k8s.io', 'leases', ['get', 'update'], 'steadyship-deployment-web'),
  ];
  const missing = (...of: readonly ReturnType<typeof workload>[]): string =>
    nameRights(missingRights(wanted, rules, (right) => namesOf(right, of)));
  expect(missing(web)).toBe('list/watch replicasets.apps');
  expect(missing(web, api)).toBe(
    'list/watch deployments.apps, list/watch replicasets.apps, get/update leases.coordination.k8s.io',
  );
  expect(missing(workload('other'))).toBe(
    'get/list/watch/patch deployments.apps, list/watch replicasets.apps, get/update leases.coordination.k8s.io',
  );
});

test('without logs, the right to read them is not asked for', () => {
  expect(nameRights(rightsToDeploy({ logs: false }))).not.toContain('get pods/log');
  expect(nameRights(rightsToDeploy({ logs: true }))).toContain('get pods/log');
});

test('the role is yaml to paste', () => {
  expect(renderRole('shop', rightsToDeploy({ logs: true }))).toBe(`apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: steadyship, namespace: shop}
rules:
  - {apiGroups: ["apps"], resources: [deployments], verbs: [get, list, watch, patch]}
  - {apiGroups: ["apps"], resources: [replicasets], verbs: [list, watch]}
  - {apiGroups: [""], resources: [pods], verbs: [list, watch]}
  - {apiGroups: [""], resources: [events], verbs: [list, watch]}
  - {apiGroups: ["coordination.k8s.io"], resources: [leases], verbs: [get, list, watch, create, update]}
  - {apiGroups: [""], resources: [pods/log], verbs: [get]}`);
});

test('every kind asks for its own rights, and eviction for two more where a StatefulSet may need it', () => {
  const named = (kinds: readonly WorkloadKind[], evict = false): string =>
    nameRights(rightsToDeploy({ logs: false, kinds: new Set(kinds), evict }));
  expect(named(['StatefulSet'])).toMatch(/^get\/list\/watch\/patch statefulsets\.apps, list\/watch pods, /);
  expect(named(['StatefulSet'])).not.toMatch(/deployments|replicasets|delete|eviction/);
  expect(named(['DaemonSet'])).toMatch(
    /^get\/list\/watch\/patch daemonsets\.apps, list\/watch controllerrevisions\.apps, list\/watch pods, /,
  );
  expect(named(['StatefulSet'], true)).toContain('list/watch/delete pods, create pods/eviction, ');
  expect(named(['Deployment', 'DaemonSet'], true)).not.toMatch(/delete|eviction/);
});
