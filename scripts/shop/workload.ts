/** The shop in the cluster. SteadyShip changes images and creates no workloads: that is kubectl's part. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../../__tests__/cluster/index.ts';
import { kubectl } from './command.ts';

/** Marks a namespace as made by these scripts, so that none of somebody else's is ever removed. */
const MARK = 'steadyship.dev/made-for';

export interface Shop {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly signal?: AbortSignal | undefined;
}

/** Makes the namespace anew; one that an earlier run left goes first. */
export async function makeNamespace(shop: Shop): Promise<void> {
  const { cluster, namespace, signal } = shop;
  const query = ['get', 'namespace', namespace, '--ignore-not-found', '--output', 'json'];
  const found = await kubectl(cluster, query, { signal });
  if (found !== '') {
    const { metadata } = JSON.parse(found) as { metadata?: { labels?: Record<string, string> } };
    if (metadata?.labels?.[MARK] === undefined) {
      throw new Error(
        `The cluster has a namespace ${namespace} that these scripts did not make. Remove or rename it.`,
      );
    }
    await removeNamespace(shop);
  }
  await kubectl(cluster, ['create', 'namespace', namespace], { signal });
  await kubectl(cluster, ['label', 'namespace', namespace, `${MARK}=${namespace}`], { signal });
}

/** By the mark and not by the name: a namespace of somebody else's stays. */
export async function removeNamespace({ cluster, namespace, signal }: Shop): Promise<void> {
  const options = ['--selector', `${MARK}=${namespace}`, '--wait', '--timeout=90s'];
  await kubectl(cluster, ['delete', 'namespace', ...options], { signal });
}

/** Applies the checkout's manifest with an image, changed by `edit`, and waits until the shop is open. */
export async function applyManifest(
  shop: Shop,
  folder: string,
  image: string,
  edit: (manifest: string) => string = (manifest) => manifest,
): Promise<void> {
  const { cluster, namespace, signal } = shop;
  const manifest = await readFile(join(folder, 'kubernetes.yaml'), 'utf8');
  const file = join(folder, 'bin', 'kubernetes.yaml');
  await writeFile(file, edit(manifest.replace('ghcr.io/acme/shop', image)));
  await kubectl(cluster, ['apply', '--namespace', namespace, '--filename', file], { signal });
  const status = ['rollout', 'status', 'deployment/shop', '--namespace', namespace, '--timeout=120s'];
  await kubectl(cluster, status, { signal });
}

/** The image in the Deployment's template. */
export async function imageOf({ cluster, namespace, signal }: Shop): Promise<string> {
  const path = '{.spec.template.spec.containers[0].image}';
  const query = ['get', 'deployment', 'shop', '--namespace', namespace, '--output', `jsonpath=${path}`];
  return await kubectl(cluster, query, { signal });
}
