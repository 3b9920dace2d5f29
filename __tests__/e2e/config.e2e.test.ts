import { expect } from 'vitest';
import { red, restored, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import { SETTINGS } from '../harness/workload.ts';

const COLOUR = { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } };

scenario('a ConfigMap that an environment variable comes from is gone', async ({ stage }) => {
  await stage.apply('configmaps', stage.configMap('settings'));
  await stage.start({ image: stage.images.v1, container: { env: [COLOUR] } });
  await stage.kube.delete(`${stage.path('configmaps')}/settings`);
  const step = await stage.deploy('v2', { inputs: { patience: 'config-error: 3s' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web cannot be configured: configmap "settings" not found. Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('v2'));
});

scenario('a ConfigMap that is mounted is gone', async ({ stage }) => {
  await stage.apply('configmaps', stage.configMap('settings'));
  await stage.start({ image: stage.images.v1, ...SETTINGS });
  await stage.kube.delete(`${stage.path('configmaps')}/settings`);
  const step = await stage.deploy('v2', { inputs: { patience: 'volume: 3s' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: pod web-<pod> cannot be set up: volume settings: configmap "settings" not found. Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('v2'));
});

scenario('19: no node has room for one more pod', async ({ stage }) => {
  const labelSelector = { matchLabels: { app: 'web' } };
  const term = { labelSelector, topologyKey: 'kubernetes.io/hostname' };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  await stage.start({ image: stage.images.v1, replicas: 1, pod: { affinity } });
  const step = await stage.deploy('v2', { inputs: { patience: 'unschedulable: 3s' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      // The scheduler counts the nodes that other tests bring at the same time, too.
      expect.stringMatching(
        /^deployment\/web: pod web-<pod> fits on no node: 0\/\d+ nodes are available: 1 node\(s\) didn't match pod anti-affinity rules(, \d+ node\(s\) had untolerated taint\(s\))?\. Rolled back to <v1> in <time>\.$/,
      ),
    ),
  );
  expect(await stage.state()).toEqual(restored('v2', { available: 1, pods: { v1: 1 }, kept: 1 }));
});

scenario('19: a quota that is used up: waited for, then named', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  await stage.quota('pods', 2);
  const step = await stage.deploy('v2', { inputs: { timeout: '10s' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: a new pod cannot be created: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2 (no progress for 10 s). Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('v2'));
});

scenario('a policy that refuses the new Deployment: nothing is touched', async ({ stage, policy }) => {
  await stage.start({ image: stage.images.v1 });
  await policy(
    'deployments',
    `object.spec.template.spec.containers.all(each, each.image != '${stage.images.v2}')`,
  );
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      "deployment/web: the API server refused the new image: deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy '<namespace>' with binding '<namespace>' denied request: only images of the release branch may run here. Nothing was changed in the cluster.",
    ),
  );
  expect(await stage.state()).toEqual(untouched());
});

scenario('a policy that refuses the new pods', async ({ stage, policy }) => {
  await stage.start({ image: stage.images.v1 });
  await policy('pods', `object.spec.containers.all(each, each.image != '${stage.images.v2}')`);
  const step = await stage.deploy('v2', { inputs: { patience: 'create-denied: 3s' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      "deployment/web: a new pod cannot be created: ValidatingAdmissionPolicy '<namespace>' with binding '<namespace>' denied request: only images of the release branch may run here. Rolled back to <v1> in <time>.",
    ),
  );
  expect(await stage.state()).toEqual(restored('v2'));
});
