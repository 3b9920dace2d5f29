import type { TestProject } from 'vitest/node';
import type { KubeObject } from '../../src/model/kube.ts';
import { run } from '../cluster/command.ts';
import { type Cluster, unavailable, up } from '../cluster/index.ts';
import { pushFixtures } from './images.ts';
import { Kube, startProxy } from './kube.ts';
import { APISERVICES } from './metrics.ts';
import type { Setup } from './namespace.ts';
import { POLICY_LISTS } from './policies.ts';
import { WEBHOOK_LISTS } from './webhook.ts';

/**
 * Brings up the cluster before the end-to-end tests and puts their images into its registry. It is left
 * running for the next run; `npm run cluster:down` ends it. In CI a machine that can not run it is a failure:
 * a skipped test proves nothing.
 */
export default async function setup(project: TestProject): Promise<(() => void) | undefined> {
  const problem = unavailable();
  if (problem !== undefined) {
    if (process.env['CI'] === 'true') throw new Error(problem);
    console.log(`The end-to-end tests are skipped: ${problem}`);
    project.provide('setup', undefined);
    return undefined;
  }
  const cluster = await up((line) => console.log(line));
  const [images, server, proxy] = await Promise.all([
    pushFixtures(cluster.registry),
    readServer(cluster),
    startProxy(cluster),
  ]);
  await sweep(new Kube(proxy.socket));
  project.provide('setup', { cluster, images, server, socket: proxy.socket });
  return proxy.stop;
}

/** What an interrupted run left behind, if nobody can be using it any more. */
async function sweep(kube: Kube): Promise<void> {
  const old = Date.now() - 3_600_000;
  const lists = ['/api/v1/namespaces', '/api/v1/nodes', APISERVICES, ...POLICY_LISTS, ...WEBHOOK_LISTS];
  const found = await Promise.all(lists.map((path) => kube.list<KubeObject>(`${path}?labelSelector=e2e`)));
  const paths = found.flatMap(({ items }, index) =>
    items
      .filter(({ metadata }) => Date.parse(metadata?.creationTimestamp ?? '') < old)
      .map(({ metadata }) => `${lists[index]}/${metadata?.name}`),
  );
  await Promise.all(paths.map((path) => kube.delete(path)));
}

/** The cluster's part of the administrator's kubeconfig, with its certificates in it. */
async function readServer({ kubectl, kubeconfig }: Cluster): Promise<Setup['server']> {
  const args = ['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json', '--kubeconfig', kubeconfig];
  const { clusters } = JSON.parse(await run(kubectl, args)) as { clusters: [{ cluster: Setup['server'] }] };
  return clusters[0].cluster;
}
