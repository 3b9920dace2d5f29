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
