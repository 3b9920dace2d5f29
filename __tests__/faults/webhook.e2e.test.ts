import { expect } from 'vitest';
import type { Deployment, Pod } from '../../src/model/kube.ts';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import { type Decision, WEBHOOK, Webhook } from '../harness/webhook.ts';
import { helper } from '../harness/workload.ts';
import { patch, patchTo } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';
import { CANNOT_START, healthy, ROLLED_BACK } from './words.ts';

/** Real admission webhooks, which can do what a policy cannot: be away, and act on the pods. */

const AWAY = `Internal error occurred: failed calling webhook "${WEBHOOK}": failed to call webhook: Post "https://<webhook>/?timeout=10s": dial tcp <webhook>: connect: connection refused`;

function imageOf({ spec }: Deployment): string | undefined {
  return spec?.template?.spec?.containers?.[0]?.image;
}

scenario(
  'a webhook makes another image of it: what runs is gated and told',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    await Webhook.before<Deployment>(stage, onTestFinished, 'deployments', (deployment) =>
      imageOf(deployment) === stage.images.v2
        ? {
            patch: [
              { op: 'replace', path: '/spec/template/spec/containers/0/image', value: stage.images.v3 },
            ],
          }
        : undefined,
    );
    const step = await stage.deploy('v2');
    expect(stage.ending(step)).toEqual(green('succeeded', healthy('v3')));
    expect(stage.plain(step.log)).toContain(
      'deployment/web: a webhook or policy of the cluster made <v3> of <v2> in container web.',
    );
    expect(await stage.state()).toEqual(shipped('v3'));
  },
);

scenario('a webhook denies it: told in its own words', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  await Webhook.before<Deployment>(stage, onTestFinished, 'deployments', (deployment) =>
    imageOf(deployment) === stage.images.v2 ? { denied: 'the image is not signed' } : undefined,
  );
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      `deployment/web: the API server refused the new image: admission webhook "${WEBHOOK}" denied the request: the image is not signed. Nothing was changed in the cluster.`,
    ),
  );
  expect(await stage.state()).toEqual(untouched());
});

scenario(
  'a webhook that must be asked is away: told which, and nothing is touched',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const webhook = await Webhook.before(stage, onTestFinished, 'deployments', () => undefined);
    await webhook.away();
    const step = await stage.deploy('v2');
    expect(stage.ending(step)).toEqual(
      red(
        'failed',
        `deployment/web could not be patched. The cluster at <server> answered 500 to "patch /apis/apps/v1/namespaces/<namespace>/deployments/web": ${AWAY}. Bring the admission webhook ${WEBHOOK} back, or take its registration away, and run it again. Nothing was changed in the cluster.`,
      ),
    );
    expect(await stage.state()).toEqual(untouched());
  },
);

scenario(
  'a webhook that must be asked is away when it is to be put back: put back once it is there',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const webhook = await Webhook.before(stage, onTestFinished, 'deployments', () => undefined);
    void api.once(patchTo(stage.images.v1), async ({ pass }) => {
      await webhook.away();
      // The next try finds it back.
      void api.once(patchTo(stage.images.v1), async (second) => {
        await webhook.back();
        await second.pass();
      });
      await pass();
    });
    const step = await stage.deploy('no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(red('rolled-back', ROLLED_BACK));
    expect(api.seen.filter(patch).map(({ status }) => status)).toEqual([200, 500, 200]);
    expect(await stage.state()).toEqual(restored('no-entrypoint'));
  },
);

scenario('a webhook denies the old image when it is to be put back', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const signed = new Set<string | undefined>([stage.images.v1, stage.images['no-entrypoint']]);
  await Webhook.before<Deployment>(stage, onTestFinished, 'deployments', (deployment) => {
    const image = imageOf(deployment);
    if (!signed.has(image)) return { denied: 'the signature was withdrawn' };
    if (image !== stage.images.v1) signed.delete(stage.images.v1);
    return undefined;
  });
  const step = await stage.deploy('no-entrypoint');
  expect(stage.ending(step)).toEqual(
    red(
      'rollback-failed',
      `${CANNOT_START} The rollback to <v1> failed: admission webhook "${WEBHOOK}" denied the request: the signature was withdrawn.`,
    ),
  );
  expect(await stage.state()).toMatchObject({ image: 'no-entrypoint', available: 2, kept: 2 });
});

/** What a service mesh and a registry mirror do: the pods are not what the template says. */
function meshed(stage: { readonly images: Readonly<Record<'v1' | 'v2' | 'v3', string>> }, sidecar: string) {
  return ({ spec }: Pod): Decision => {
    const value = spec?.containers?.[0]?.image === stage.images.v2 ? stage.images.v3 : undefined;
    return {
      patch: [
        { op: 'add', path: '/spec/containers/-', value: helper(sidecar) },
        ...(value === undefined ? [] : [{ op: 'replace', path: '/spec/containers/0/image', value } as const]),
      ],
    };
  };
}

scenario(
  'a webhook gives the pods a sidecar and another image: they are the ones that are gated',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    await Webhook.before<Pod>(stage, onTestFinished, 'pods', meshed(stage, stage.images.helper));
    const step = await stage.deploy('v2');
    expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
    expect(await stage.state()).toEqual(shipped('v2', { pods: { 'v3 + helper': 2 } }));
  },
);

scenario(
  'the sidecar that a webhook gives the pods is bad: it is named',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    await Webhook.before<Pod>(stage, onTestFinished, 'pods', meshed(stage, stage.images['helper-crash']));
    const step = await stage.deploy('v2');
    expect(stage.ending(step)).toEqual(
      red(
        'rolled-back',
        'deployment/web: container helper exits 1 on every new pod (3 crashes): "no certificate for the proxy". Rolled back to <v1> in <time>.',
      ),
    );
    expect(await stage.state()).toEqual(restored('v2'));
  },
);
