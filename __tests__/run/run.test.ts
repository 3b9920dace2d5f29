import { describe, expect, test } from 'vitest';
import { readInputs } from '../../src/inputs.ts';
import { run } from '../../src/run.ts';
import { fakeWorld } from './fake-world.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;

/** Nothing listens at its server; a context without a namespace. */
function kubeconfig(namespace?: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: { token: 'not-a-real-token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...(namespace && { namespace }) } }],
    'current-context': 'x',
  });
}

async function runWith(raw: Readonly<Record<string, string>>) {
  const { world, lines } = fakeWorld();
  const inputs = await readInputs({
    image: `ghcr.io/acme/shop@${DIGEST}`,
    ...{ build: 'false', resolve: 'false', workloads: 'deployment/web', kubeconfig: kubeconfig() },
    ...raw,
  });
  return { report: await run(inputs, world), lines };
}

describe('a run', () => {
  test('without a namespace anywhere says where one can be given', async () => {
    const { report } = await runWith({});
    expect(report).toMatchObject({
      result: 'failed',
      reason:
        "namespace: it is missing, and the kubeconfig's context names none either. Set `namespace`, or write namespace/kind/name in `workloads`. Nothing was changed in the cluster.",
      workloads: [],
    });
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['the input', { namespace: 'shop' }],
    ['the workload', { workloads: 'shop/deployment/web' }],
    ["the kubeconfig's context", { kubeconfig: kubeconfig('shop') }],
  ])('with a namespace in %s goes on to the cluster', async (_, raw) => {
    const { report } = await runWith(raw);
    expect(report.reason).toMatch(
      /^Cannot reach the cluster at https:\/\/127\.0\.0\.1:1: the connection was refused/,
    );
  });

  test("finds a workload that is named twice only by the kubeconfig's context", async () => {
    const { report } = await runWith({
      kubeconfig: kubeconfig('shop'),
      workloads: 'deployment/web, shop/deploy/web',
    });
    expect(report.reason).toBe(
      'workloads: shop/deployment/web is named twice. Name it once. Nothing was changed in the cluster.',
    );
  });

  const LOWERED = 'Registries know lower-case names only, so the image is ghcr.io/acme/shop.';

  test('tells that an image with upper-case letters was lowered', async () => {
    const { lines } = await runWith({ image: `ghcr.io/Acme/Shop@${DIGEST}` });
    expect(lines[0]).toBe(LOWERED);
  });

  test('says nothing of an image in lower case', async () => {
    expect((await runWith({})).lines).not.toContain(LOWERED);
  });
});
