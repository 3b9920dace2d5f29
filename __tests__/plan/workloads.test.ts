import { expect, test } from 'vitest';
import type { WorkloadKind } from '../../src/model/observation.ts';
import { duplicateWorkloads, parseWorkloads } from '../../src/plan/workloads.ts';

test.each<readonly [WorkloadKind, readonly string[]]>([
  [
    'Deployment',
    ['deploy', 'deployment', 'deployments', 'deployment.apps', 'deployments.apps', 'Deployment'],
  ],
  ['StatefulSet', ['sts', 'statefulset', 'statefulsets', 'statefulset.apps', 'statefulsets.apps']],
  ['DaemonSet', ['ds', 'daemonset', 'daemonsets', 'daemonset.apps', 'DaemonSets.apps']],
])("a %s goes by all of kubectl's names", (kind, words) => {
  for (const word of words) {
    expect(parseWorkloads(`${word}/db`)).toEqual([
      { ref: { kind, namespace: undefined, name: 'db', container: undefined } },
    ]);
  }
});

test('two kinds may bear one name', () => {
  const ref = { namespace: 'shop', name: 'db', container: undefined };
  expect(
    duplicateWorkloads([
      { kind: 'Deployment', ...ref },
      { kind: 'StatefulSet', ...ref },
    ]),
  ).toEqual([]);
});

test('a workload with two targets has to say which container gets which', () => {
  const web = { kind: 'Deployment' as const, namespace: 'shop', name: 'web' };
  const mistakes = (...refs: readonly { readonly container?: string; readonly target: string }[]) =>
    duplicateWorkloads(refs.map(({ container, target }) => ({ ...web, container, target })));
  expect(mistakes({ target: 'a' }, { target: 'b' })).toEqual([
    'workloads: shop/deployment/web is named twice, with targets a and b. Name the container of each, for example shop/deployment/web:b=b.',
  ]);
  expect(mistakes({ target: 'a' }, { target: 'a' })).toEqual([
    'workloads: shop/deployment/web is named twice. Name it once.',
  ]);
  expect(mistakes({ container: 'x', target: 'a' }, { container: 'x', target: 'b' })).toEqual([
    'workloads: shop/deployment/web:x is named twice. Name it once.',
  ]);
  expect(mistakes({ container: 'x', target: 'a' }, { container: 'y', target: 'a' })).toEqual([]);
});
