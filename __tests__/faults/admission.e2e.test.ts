import { expect } from 'vitest';
import { green, red, shipped, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { loseReply, patch, patchTo } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';
import { CANNOT_START } from './words.ts';

/** What stands at the cluster's door has a say in what we send. */

const DENIED =
  "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy '<namespace>' with binding '<namespace>' denied request: only images of the release branch may run here";
const IMAGE = 'object.spec.template.spec.containers[0].image';
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';

scenario(
  '18: the new image is denied: told in the words of who denied it',
  async ({ stage, policy, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    await policy('deployments', `${IMAGE} != '${stage.images.v2}'`);
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(
      red(
        'failed',
        `deployment/web: the API server refused the new image: ${DENIED}. Nothing was changed in the cluster.`,
      ),
    );
    expect(api.seen.filter(patch).map(({ status }) => status)).toEqual([422]);
    expect(await stage.state()).toEqual(untouched());
  },
);

scenario(
  '20: the old image is denied when it is to be put back',
  async ({ stage, policy, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    void api.once(patchTo(stage.images.v1), async ({ pass }) => {
      await policy('deployments', `${IMAGE} != '${stage.images.v1}'`);
      await pass();
    });
    const step = await stage.deploy('no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(
      red('rollback-failed', `${CANNOT_START} The rollback to <v1> failed: ${DENIED}.`),
    );
    expect(step.errors[0]).toContain(
      `Put deployment/web back by hand: kubectl -n ${stage.namespace} set image deployment/web web=${stage.images.v1}`,
    );
    expect(api.seen.filter(patch).map(({ status }) => status)).toEqual([200, 422]);
    expect(await stage.state()).toMatchObject({
      image: 'no-entrypoint',
      history: ['v1', 'no-entrypoint'],
      available: 2,
      kept: 2,
    });
  },
);

scenario(
  '18: the image is sent to a mirror: what runs is gated and told',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    await mutate(stage, onTestFinished, stage.images.v2, stage.images.v3);
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <v3> and is healthy.'));
    expect(stage.plain(step.log)).toContain(
      'deployment/web: a webhook or policy of the cluster made <v3> of <v2> in container web.',
    );
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v3'));
  },
);

scenario(
  '18: the image is sent to a mirror, and the reply to the patch is lost: known for ours all the same',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    await mutate(stage, onTestFinished, stage.images.v2, stage.images.v3);
    void api.once(patch, loseReply);
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <v3> and is healthy.'));
    expect(stage.plain(step.log)).toContain(
      'deployment/web: a webhook or policy of the cluster made <v3> of <v2> in container web.',
    );
    expect(api.seen.filter(patch)).toHaveLength(1);
    expect(await stage.state()).toEqual(shipped('v3'));
  },
);

scenario(
  '18: the image is sent to the mirror that has it already: gated as what it is, and not called dropped',
  async ({ stage, onTestFinished }) => {
    const mirror = stage.images.v1.replace('@', ':mirror@');
    await stage.start({ image: mirror });
    const api = await FaultyApi.before(stage, onTestFinished);
    await mutate(stage, onTestFinished, stage.images.v1, mirror);
    const step = await stage.deploy('v1', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toMatchObject({ result: 'succeeded', exitCode: 0, errors: 0 });
    expect(step.log).toContain(
      `deployment/web: a webhook or policy of the cluster made ${mirror} of ${stage.images.v1} in container web.`,
    );
    expect(api.patches).toEqual([stage.images.v1]);
    expect(await stage.state()).toMatchObject({ available: 2, kept: 2 });
  },
);

scenario(
  '18: the reply to the patch is lost, and then somebody else sets another image: theirs',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    void api.once(patch, async (exchange) => {
      await exchange.forward();
      await stage.kubectl('set', 'image', 'deployment/web', `web=${stage.images.v3}`);
      exchange.response.destroy();
    });
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toMatchObject({
      result: 'superseded',
      reason: expect.stringContaining('somebody else set container web of deployment/web to <v3> in between'),
    });
    await stage.settled();
    expect(await stage.state()).toMatchObject({ image: 'v3', available: 2 });
  },
);

scenario('18: the image that it was sent to is bad: put back', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  await mutate(stage, onTestFinished, stage.images.v2, stage.images['no-entrypoint']);
  const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
  expect(stage.ending(step)).toEqual(red('rolled-back', `${CANNOT_START} Rolled back to <v1> in <time>.`));
  expect(api.patches).toEqual([stage.images.v2, stage.images.v1]);
  expect(await stage.state()).toMatchObject({ image: 'v1', history: ['v1', 'no-entrypoint', 'v1'], kept: 2 });
});

scenario('18: the new image is silently dropped: no success', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  await mutate(stage, onTestFinished, stage.images.v2, stage.images.v1);
  const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'deployment/web: the API server refused the new image: it took the patch, but container web still has <v1>: a mutating webhook or policy of the cluster put that back. Nothing was changed in the cluster.',
    ),
  );
  expect(api.patches).toEqual([stage.images.v2]);
  expect(await stage.state()).toEqual(untouched());
});

/** A MutatingAdmissionPolicy of the namespace that makes one image of another; it is in force when this resolves. */
async function mutate(
  stage: Stage,
  finished: (cleanUp: () => Promise<void>) => void,
  from: string,
  to: string,
): Promise<void> {
  const { kube, namespace: name } = stage;
  const object = (kind: string, spec: object) => {
    return { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name }, spec };
  };
  const rule = {
    apiGroups: ['apps'],
    apiVersions: ['v1'],
    operations: ['UPDATE'],
    resources: ['deployments'],
  };
  const path = '"/spec/template/spec/containers/0/image"';
  const expression = `${IMAGE} == '${from}' ? [JSONPatch{op: "replace", path: ${path}, value: '${to}'}] : []`;
  finished(async () => {
    await kube.delete(`${ADMISSION}/mutatingadmissionpolicybindings/${name}`);
    await kube.delete(`${ADMISSION}/mutatingadmissionpolicies/${name}`);
  });
  await kube.apply(
    `${ADMISSION}/mutatingadmissionpolicies`,
    object('MutatingAdmissionPolicy', {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      matchConstraints: { resourceRules: [rule] },
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
    }),
  );
  await kube.apply(
    `${ADMISSION}/mutatingadmissionpolicybindings`,
    object('MutatingAdmissionPolicyBinding', {
      policyName: name,
      matchResources: { namespaceSelector: { matchLabels: { e2e: name } } },
    }),
  );
  const probe = [
    'set',
    'image',
    'deployment/web',
    `web=${from}`,
    '--dry-run=server',
    '-o',
    'jsonpath={..image}',
  ];
  while ((await stage.kubectl(...probe)) !== to) await new Promise(setImmediate);
}
