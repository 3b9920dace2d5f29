import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { rightsToDeploy } from '../../src/deploy/permissions.ts';
import { makeAuthority } from '../cluster/certificate.ts';
import { green, red, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

/** What is wrong with the way to the cluster or with the names, told before anything is touched. */
interface Row {
  readonly name: string;
  inputs(stage: Stage): Readonly<Record<string, string>>;
  readonly reason: string;
}

const rows: readonly Row[] = [
  {
    name: 'a workload that is not there: those that are',
    inputs: () => ({ workloads: 'deployment/wep' }),
    reason: 'deployment/wep is not in namespace "<namespace>". There: deployment/web.',
  },
  {
    name: 'a namespace that is not there, for somebody who may do everything',
    inputs: ({ setup }) => ({ namespace: 'no-such-place', kubeconfig: setup.cluster.kubeconfig }),
    reason:
      'The namespace "no-such-place" is not in this cluster (<server>). Check `namespace` and the kubeconfig\'s context.',
  },
  {
    name: 'a namespace that is not there, for somebody who may nothing there',
    inputs: () => ({ namespace: 'no-such-place' }),
    reason:
      'The kubeconfig\'s user may do nothing of what is needed in namespace "no-such-place". Check that name, or bind the Role that the log and the summary show to this user.',
  },
  {
    name: "a workload named twice, in two ways, as only the kubeconfig's context can tell",
    inputs: ({ namespace }) => ({ namespace: '', workloads: `deployment/web, ${namespace}/deploy/web` }),
    reason: 'workloads: <namespace>/deployment/web is named twice. Name it once.',
  },
  {
    name: 'a kubeconfig that is not YAML',
    inputs: () => ({ kubeconfig: 'apiVersion: v1\nclusters:\n- name: a\n b: c\nusers: []\n' }),
    reason:
      'The kubeconfig (the input kubeconfig) is not YAML: missing char in line 4, column 1. If it was pasted into a secret, its indentation may be lost: store its base64 instead (base64 -w0).',
  },
  {
    name: 'a context that the kubeconfig does not have',
    inputs: () => ({ 'kube-context': 'staging' }),
    reason:
      'The kubeconfig (the input kubeconfig) has no context "staging", which the input kube-context names. It has: test.',
  },
  {
    name: 'a kubeconfig that points at a file of the runner',
    inputs: (stage) => ({ kubeconfig: stage.kubeconfigWith({ tokenFile: '/etc/hostname' }) }),
    reason:
      'The kubeconfig (the input kubeconfig) points at the file /etc/hostname (tokenFile of "deployer"), which is outside the workspace; a kubeconfig that is given as text may not. Make a kubeconfig that holds its certificates itself: kubectl config view --raw --flatten --minify.',
  },
  {
    name: 'no kubeconfig',
    inputs: () => ({ kubeconfig: '' }),
    reason:
      "No cluster is given: the input kubeconfig is empty, $KUBECONFIG is not set, and this runner is no pod of a cluster. Set kubeconfig to a secret, as in the README's example. A secret that does not exist here is empty too: check its name, the job's environment, and that the run is not a pull request of a fork.",
  },
  {
    name: 'a registry that is away',
    inputs: () => ({ image: '127.0.0.1:1/acme/shop:v1' }),
    reason:
      'The registry 127.0.0.1:1 can not be reached (4 tries): the connection was refused. Check its name and the network between this runner and it.',
  },
  {
    name: 'an API server that does not answer',
    inputs: (stage) => ({
      kubeconfig: stage.kubeconfigWith({ token: 'x' }, { server: 'https://127.0.0.1:1' }),
    }),
    reason:
      'Cannot reach the cluster at https://127.0.0.1:1: the connection was refused, so nothing listens there (connect ECONNREFUSED 127.0.0.1:1). Check the server address in the kubeconfig, and that the API server is running.',
  },
  {
    name: 'an API server whose certificate another authority signed',
    inputs: (stage) => {
      const { certificate } = makeAuthority('another');
      const data = Buffer.from(certificate).toString('base64');
      return { kubeconfig: stage.kubeconfigWith({ token: 'x' }, { 'certificate-authority-data': data }) };
    },
    reason:
      "Cannot reach the cluster at <server>: its certificate is not signed by the kubeconfig's certificate authority (unable to verify the first certificate). Take a fresh kubeconfig of this cluster, with its certificate-authority-data. Where a proxy opens TLS, add the proxy's authority to that (it may hold several), or name the server in NO_PROXY.",
  },
  {
    name: 'a token that is not valid',
    inputs: (stage) => ({ kubeconfig: stage.kubeconfigWith({ token: 'expired' }) }),
    reason:
      'The cluster at <server> does not accept the credentials of the kubeconfig (401): Unauthorized. Take a fresh kubeconfig, or check the login that it runs.',
  },
  {
    name: 'a kubeconfig without a user',
    inputs: (stage) => ({ kubeconfig: stage.kubeconfigWith({}) }),
    reason:
      'The kubeconfig gives no credentials that the cluster at <server> knows, so it takes the run for an anonymous one and forbids it (403). Take a fresh kubeconfig, with a token or a client certificate.',
  },
];

for (const { name, inputs, reason } of rows) {
  scenario(name, async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    const step = await stage.deploy('v2', { inputs: inputs(stage) });
    expect(stage.ending(step)).toEqual(red('failed', `${reason} Nothing was changed in the cluster.`));
    expect(await stage.state()).toEqual(untouched());
  });
}

scenario('rights that are missing: all of them at once, and the Role that grants them', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  await stage.restrict(
    rightsToDeploy({ logs: true }).filter(
      ({ verb, resource }) => verb !== 'patch' && resource !== 'pods/log',
    ),
  );
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'The kubeconfig\'s user may not patch deployments.apps, get pods/log in namespace "<namespace>". Bind the Role that the log and the summary show to this user. Nothing was changed in the cluster.',
    ),
  );
  expect(step.summary).toContain(
    '  - {apiGroups: ["apps"], resources: [deployments], verbs: [get, list, watch, patch]}',
  );
  expect(step.log).toContain('resources: [pods/log], verbs: [get]');
  expect(await stage.state()).toEqual(untouched());
});

/** The lines of the README, for `web` in place of `shop`. */
function boundRules(): readonly object[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, lines = ''] = /<!-- bound:begin -->\n```yaml\n(.*?)```/s.exec(readme) ?? [];
  return parse(lines.replaceAll('shop', 'web')) as readonly object[];
}

for (const { image, ending } of [
  { image: 'v2', ending: green('succeeded', 'deployment/web runs <v2> and is healthy.') },
  {
    image: 'crash',
    ending: red(
      'rolled-back',
      'deployment/web: container web exits 1 on every new pod (3 crashes): "cannot connect to database at db:5432". Rolled back to <v1> in <time>.',
    ),
  },
] as const) {
  scenario(`rights that are bound to names are enough: ${ending.result}`, async ({ stage }) => {
    await stage.start({ image: stage.images.v1 }, { image: stage.images.v1, name: 'api' });
    const others = rightsToDeploy({ logs: true }).filter(
      ({ resource }) => resource !== 'deployments' && resource !== 'leases',
    );
    await stage.bind(others, boundRules());
    const step = await stage.deploy(image);
    expect(stage.ending(step)).toEqual(ending);
    const other = await stage.deploy(image, { inputs: { workloads: 'deployment/api' } });
    expect(stage.ending(other)).toEqual(
      red(
        'failed',
        'The kubeconfig\'s user may not get/list/watch/patch deployments.apps, get/update leases.coordination.k8s.io in namespace "<namespace>". Bind the Role that the log and the summary show to this user. Nothing was changed in the cluster.',
      ),
    );
    expect(await stage.state('api')).toEqual(untouched());
  });
}

scenario('`logs: never` does not ask for the right to read them', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  await stage.restrict(rightsToDeploy({ logs: false }));
  const step = await stage.deploy('crash', { inputs: { logs: 'never' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web exits 1 on every new pod (3 crashes). Rolled back to <v1> in <time>.',
    ),
  );
});
