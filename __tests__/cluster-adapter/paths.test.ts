import { describe, expect, test } from 'vitest';
import * as paths from '../../src/cluster/paths.ts';

describe('paths', () => {
  test.each([
    [paths.deployments('shop'), '/apis/apps/v1/namespaces/shop/deployments'],
    [paths.deployments('shop', 'web'), '/apis/apps/v1/namespaces/shop/deployments/web'],
    [paths.replicaSets('shop', 'web-7f9c'), '/apis/apps/v1/namespaces/shop/replicasets/web-7f9c'],
    [paths.statefulSets('shop', 'db'), '/apis/apps/v1/namespaces/shop/statefulsets/db'],
    [paths.daemonSets('shop', 'agent'), '/apis/apps/v1/namespaces/shop/daemonsets/agent'],
    [paths.controllerRevisions('shop'), '/apis/apps/v1/namespaces/shop/controllerrevisions'],
    [paths.pods('shop'), '/api/v1/namespaces/shop/pods'],
    [paths.podLog('shop', 'web-1'), '/api/v1/namespaces/shop/pods/web-1/log'],
    [paths.podEviction('shop', 'web-1'), '/api/v1/namespaces/shop/pods/web-1/eviction'],
    [paths.events('shop'), '/api/v1/namespaces/shop/events'],
    [paths.configMaps('shop', 'env.prod'), '/api/v1/namespaces/shop/configmaps/env.prod'],
    [paths.secrets('shop', 'pull'), '/api/v1/namespaces/shop/secrets/pull'],
    [paths.serviceAccounts('shop', 'default'), '/api/v1/namespaces/shop/serviceaccounts/default'],
    [
      paths.leases('shop', 'steadyship-web'),
      '/apis/coordination.k8s.io/v1/namespaces/shop/leases/steadyship-web',
    ],
    [paths.namespaces(), '/api/v1/namespaces'],
    [paths.namespaces('shop'), '/api/v1/namespaces/shop'],
    [
      paths.nodes('ip-10-0-0-1.eu-central-1.compute.internal'),
      '/api/v1/nodes/ip-10-0-0-1.eu-central-1.compute.internal',
    ],
  ])('%s', (path, wanted) => {
    expect(path).toBe(wanted);
  });

  test.each([
    '../kube-system',
    'shop/../../secrets',
    'shop?watch=1',
    'shop#',
    'Shop',
    'shop.prod',
    '-shop',
    'shop-',
    '',
    '%2e%2e',
    'a'.repeat(64),
    'shop\n',
    'größe',
  ])('%j is refused as a namespace', (namespace) => {
    expect(() => paths.pods(namespace)).toThrow(
      `"${namespace}" can not be a namespace: use at most 63 lowercase letters, digits and hyphens, beginning and ending with a letter or digit.`,
    );
  });

  test.each(['..', '.', 'web/status', 'web?x', 'WEB', '', 'a..b', 'a'.repeat(254)])(
    '%j is refused as a name',
    (name) => {
      expect(() => paths.deployments('shop', name)).toThrow(
        `"${name}" can not be the name of a Deployment: use at most 253 lowercase letters, digits, hyphens and dots, beginning and ending with a letter or digit.`,
      );
    },
  );
});
