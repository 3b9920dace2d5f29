/** The shop, open in a namespace of the bench's own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setStage, type Undo } from '../demo/stage.ts';
import { ship } from '../demo/step.ts';
import { openApi } from '../shop/api.ts';
import { Checkout } from '../shop/checkout.ts';
import { applyManifest, makeNamespace, removeNamespace, type Shop } from '../shop/workload.ts';
import { Watcher } from './watch.ts';

export interface OpenShop {
  readonly shop: Shop;
  readonly checkout: Checkout;
  /** For whatever a scene lays; gone afterwards. */
  readonly folder: string;
  /** What the Deployment runs. */
  readonly image: string;
  /** Compiles, builds and pushes what is checked out; the image by its digest. */
  readonly build: () => Promise<string>;
}

export async function openShop(
  undo: Undo,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<OpenShop> {
  const { cluster } = await setStage({ print, undo, signal });
  const folder = await mkdtemp(join(tmpdir(), 'steadyship-bench-'));
  undo.add(`removing ${folder}`, () => rm(folder, { recursive: true, force: true }));
  const shop: Shop = { cluster, namespace: 'steadyship-bench', signal };
  undo.add('removing the namespace', () => removeNamespace({ ...shop, signal: undefined }));
  const checkout = new Checkout(join(folder, 'shop'), signal);
  await checkout.open();
  const build = async (): Promise<string> => {
    await checkout.compile();
    const inputs = { command: 'build', image: `${cluster.registry}/steadyship-bench/shop` };
    const built = await ship({ shop, checkout: checkout.folder, folder, inputs, print: () => undefined });
    if (built.exitCode !== 0)
      throw new Error(`The shop could not be built: ${built.outputs['reason'] ?? built.log}`);
    return built.outputs['image'] ?? '';
  };
  await makeNamespace(shop);
  const image = await build();
  await applyManifest(shop, checkout.folder, image, (manifest) =>
    manifest
      .replace('replicas: 3', 'replicas: 3\n  progressDeadlineSeconds: 30')
      .replace('periodSeconds: 2', 'periodSeconds: 1')
      .replace('    spec:\n', '    spec:\n      terminationGracePeriodSeconds: 1\n'),
  );
  return { shop, checkout, folder, image, build };
}

/** The bench's own watches of the shop, until everything is undone. */
export async function watchShop({ cluster, namespace }: Shop, undo: Undo): Promise<Watcher> {
  const api = await openApi(cluster);
  undo.add('ending kubectl proxy', api.close);
  const watcher = await new Watcher(api, namespace).open();
  undo.add('ending the watches', () => watcher.close());
  return watcher;
}
