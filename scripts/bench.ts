/**
 * `npm run bench`: SteadyShip against `kubectl set image && kubectl rollout status || kubectl rollout undo`, in
 * turn, on the same real cluster. Writes the table of docs/benchmarks.md. A bar that is missed is marked; it is
 * no failure. `npm run bench -- many` and `npm run bench -- large` measure thousands of pods instead, on a control plane
 * of their own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keying } from './bench/keying.ts';
import { crashes, goodRollouts, type Images } from './bench/rollouts.ts';
import { benchScale, SCENES } from './bench/scale.ts';
import type { Bench } from './bench/sides.ts';
import { bundleSize, startups } from './bench/startup.ts';
import { figuresOf, type Measured } from './bench/summary.ts';
import { renderTable, writeBetweenMarkers } from './bench/table.ts';
import { unchangedRuns } from './bench/unchanged.ts';
import { Watcher } from './bench/watch.ts';
import { setStage, Undo } from './demo/stage.ts';
import { ship } from './demo/step.ts';
import { openApi } from './shop/api.ts';
import { Checkout } from './shop/checkout.ts';
import { run } from './shop/command.ts';
import { applyManifest, makeNamespace, removeNamespace, type Shop } from './shop/workload.ts';

const PAGE = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
const ROUNDS = { startups: 15, good: 8, crash: 4, keying: 5, unchanged: 8 };

const print = (line: string): void => console.log(line);

async function bench(undo: Undo, signal: AbortSignal): Promise<void> {
  const { cluster } = await setStage({ print, undo, signal });
  const folder = await mkdtemp(join(tmpdir(), 'steadyship-bench-'));
  undo.add(`removing ${folder}`, () => rm(folder, { recursive: true, force: true }));
  const shop: Shop = { cluster, namespace: 'steadyship-bench', signal };
  undo.add('removing the namespace', () => removeNamespace({ ...shop, signal: undefined }));
  const checkout = new Checkout(join(folder, 'shop'), shop.signal);
  const images = await prepare(shop, checkout, folder);
  const api = await openApi(cluster);
  undo.add('ending kubectl proxy', api.close);
  const watcher = await new Watcher(api, shop.namespace).open();
  undo.add('ending the watches', () => watcher.close());

  const load = loadavg()[0] ?? 0;
  const subject: Bench = { shop, watcher, folder };
  const step = <T>(result: T): T => {
    signal.throwIfAborted();
    return result;
  };
  const tell = (line: string): void => step(print(line));
  const measured: Measured = {
    sizes: { main: bundleSize('main'), post: bundleSize('post') },
    startups: step(await startups(folder, ROUNDS.startups)),
    good: await goodRollouts(subject, images, ROUNDS.good, tell),
    crash: await crashes(subject, images, ROUNDS.crash, tell),
    keying: step(await keying(folder, ROUNDS.keying)),
    unchanged: step(await unchangedRuns(shop, checkout, folder, ROUNDS.unchanged)),
  };
  const table = renderTable(figuresOf(measured));
  const version = /Server Version: (\S+)/.exec(
    await run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, 'version']),
  )?.[1];
  const where = `Measured with ${availableParallelism()} cores, Kubernetes ${version}, Node.js ${process.version}, ${ROUNDS.good} rounds of a good image, ${ROUNDS.crash} of a crashing one, ${ROUNDS.startups} of a wrong input; load when it began: ${load.toFixed(1)}. Medians, in brackets the least and the most.`;
  print(`\n${where}\n\n${table}\n`);
  await writeBetweenMarkers(PAGE, 'bench', `${where}\n\n${table}`);
  print('written to docs/benchmarks.md');
}

/** Three images, and the shop open with the first. */
async function prepare(shop: Shop, checkout: Checkout, folder: string): Promise<Images> {
  await checkout.open();
  const build = async (): Promise<string> => {
    await checkout.compile();
    const image = `${shop.cluster.registry}/steadyship-bench/shop`;
    const inputs = { command: 'build', image };
    const built = await ship({ shop, checkout: checkout.folder, folder, inputs, print: () => undefined });
    if (built.exitCode !== 0)
      throw new Error(`The shop could not be built: ${built.outputs['reason'] ?? built.log}`);
    return built.outputs['image'] ?? '';
  };
  await makeNamespace(shop);
  const v1 = await build();
  await applyManifest(shop, checkout.folder, v1, (manifest) =>
    manifest
      .replace('replicas: 3', 'replicas: 3\n  progressDeadlineSeconds: 30')
      .replace('periodSeconds: 2', 'periodSeconds: 1')
      .replace('    spec:\n', '    spec:\n      terminationGracePeriodSeconds: 1\n'),
  );
  await checkout.commit('v2');
  const v2 = await build();
  await checkout.commit('v3');
  return { v1, v2, v3: await build() };
}

const undo = new Undo();
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
}
try {
  const wanted = process.argv[2];
  if (wanted === 'many' || wanted === 'large') {
    const text = await benchScale(SCENES[wanted], undo, interrupted.signal, print);
    print(`\n${text}\n`);
    await writeBetweenMarkers(PAGE, wanted, text);
  } else await bench(undo, interrupted.signal);
} catch (error) {
  console.error(`The bench failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
for (const failure of await undo.run()) console.error(`could not clean up: ${failure}`);
