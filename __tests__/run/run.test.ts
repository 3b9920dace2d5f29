import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { readInputs } from '../../src/inputs.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { World } from '../../src/run/world.ts';
import { run } from '../../src/run.ts';
import { fakeWorld } from './fake-world.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;

/** Nothing listens at its server; a context without a namespace. */
function kubeconfig(namespace?: string, server = 'https://127.0.0.1:1'): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 'not-a-real-token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...(namespace && { namespace }) } }],
    'current-context': 'x',
  });
}

async function runWith(raw: Readonly<Record<string, string>>, clock?: Clock, changes: Partial<World> = {}) {
  const { world, lines, saved } = fakeWorld({ ...(clock && { clock }), ...changes });
  const inputs = await readInputs({
    image: `ghcr.io/acme/shop@${DIGEST}`,
    ...{ build: 'false', resolve: 'false', workloads: 'deployment/web', kubeconfig: kubeconfig() },
    ...raw,
  });
  return { report: await run(inputs, world), lines, saved };
}

/**
 * A cluster that has `deployment/web` when it is asked first, and no longer when it is asked again. A run left its
 * Lease with a marker, so that the lock is taken before anything else.
 */
async function shortLived(): Promise<{ readonly url: string; readonly holder: () => unknown }> {
  let asked = 0;
  const marker = { version: 1, uid: 'u', changes: [], annotationsBefore: {}, run: { title: 'r' }, time: 't' };
  let lease: { metadata: object; spec: { holderIdentity?: string } } = {
    metadata: {
      name: 'steadyship-deployment-web',
      annotations: { 'steadyship.dev/open': JSON.stringify(marker) },
    },
    spec: {},
  };
  const template = { spec: { containers: [{ name: 'web', image: 'shop:1' }] } };
  const web = {
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', uid: 'u' },
    spec: { template },
  };
  const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { method, url = '' } = request;
      const isGone = url.includes('/deployments/web') && ++asked > 1;
      if (method === 'PUT') lease = JSON.parse(body);
      response.writeHead(isGone ? 404 : 200, { 'content-type': 'application/json' });
      const answer = url.includes('selfsubjectrulesreviews')
        ? { kind: 'SelfSubjectRulesReview', status: { resourceRules: rules, incomplete: false } }
        : url.includes('/leases')
          ? method === 'PUT'
            ? { kind: 'Lease', ...lease }
            : { kind: 'LeaseList', metadata: { resourceVersion: '1' }, items: [lease] }
          : isGone
            ? { kind: 'Status', reason: 'NotFound', message: 'not found' }
            : web;
      response.end(JSON.stringify(answer));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, holder: () => lease.spec.holderIdentity };
}

describe('a run', () => {
  test('tells the post step of its locks as soon as it has them, and of none when it turned back', async () => {
    const { url, holder } = await shortLived();
    const { report, saved } = await runWith({ kubeconfig: kubeconfig('shop', url) }, systemClock);
    expect(report.reason).toContain('(404');
    const web = { kind: 'Deployment', namespace: 'shop', name: 'web' };
    expect(saved.map(({ open, locked }) => ({ open, locked }))).toEqual([
      { open: [], locked: [web] },
      { open: [], locked: [] },
    ]);
    expect(holder()).toBeUndefined();
  });

  const fullDisk = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const environment = { GITHUB_STATE: '/runner/state' };

  test('that can not tell the post step of its locks gives them back, and says so', async () => {
    const { url, holder } = await shortLived();
    const { report, lines } = await runWith({ kubeconfig: kubeconfig('shop', url) }, systemClock, {
      environment,
      save: () => {
        throw fullDisk;
      },
    });
    expect(report).toMatchObject({
      result: 'failed',
      reason:
        'Could not write the state for the post step to /runner/state: ENOSPC: no space left on device, write. Without it nobody would put back what this run changes, should it be killed: it stops before its first patch. Make room on that disk of the runner. Nothing was changed in the cluster.',
    });
    expect(lines.filter((line) => line.includes('Could not write'))).toEqual([]);
    expect(holder()).toBeUndefined();
  });

  test('whose disk filled up in the middle keeps its real cause', async () => {
    const { url, holder } = await shortLived();
    const saved: unknown[] = [];
    const { report, lines } = await runWith({ kubeconfig: kubeconfig('shop', url) }, systemClock, {
      environment,
      save: (state) => {
        if (saved.push(state) > 1) throw fullDisk;
      },
    });
    expect(report.reason).toContain('(404');
    expect(saved).toHaveLength(2);
    expect(lines.filter((line) => line.includes('Could not write'))).toEqual([
      'Could not write the state for the post step to /runner/state: ENOSPC: no space left on device, write. This run goes on. Its post step may not know what became of it, and looks by what was saved last. Make room on that disk of the runner.',
    ]);
    expect(holder()).toBeUndefined();
  });

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
