/**
 * `npm run bench`: SteadyShip against `kubectl set image && kubectl rollout status || kubectl rollout undo`, in
 * turn, on the same real cluster. Writes the table of docs/benchmarks.md. A bar that is missed is marked; it is
 * no failure. `npm run bench -- build` measures builds instead, `npm run bench -- cancel` cancelled runs;
 * `npm run bench -- many` and `npm run bench -- large` measure thousands of pods, on a control plane of their own.
 */
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { benchBuild } from './bench/build.ts';
import { benchCancel } from './bench/cancel.ts';
import { openShop, watchShop } from './bench/open-shop.ts';
import { crashes, goodRollouts, type Images } from './bench/rollouts.ts';
import { benchScale, SCENES } from './bench/scale.ts';
import type { Bench } from './bench/sides.ts';
import { bundleSize, startups } from './bench/startup.ts';
import { figuresOf, type Measured } from './bench/summary.ts';
import { renderTable, writeBetweenMarkers } from './bench/table.ts';
import { Undo } from './demo/stage.ts';
import { run } from './shop/command.ts';

const PAGE = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
/** Of good images an odd number: with the round that warms up, and three rollouts in each, they end where they began. */
const ROUNDS = { startups: 15, good: 13, crash: 4 };

const print = (line: string): void => console.log(line);

async function bench(undo: Undo, signal: AbortSignal): Promise<void> {
  const { shop, checkout, folder, image: v1, build } = await openShop(undo, signal, print);
  const { cluster } = shop;
  await checkout.commit('v2');
  const v2 = await build();
  await checkout.commit('v3');
  const images: Images = { v1, v2, v3: await build() };
  const watcher = await watchShop(shop, undo);

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

/** Of another scene, its table with what it says of itself. */
async function scene(name: string): Promise<string> {
  if (name === 'build') return await benchBuild(undo, interrupted.signal, print);
  if (name === 'cancel') return await benchCancel(undo, interrupted.signal, print);
  if (name === 'many' || name === 'large') {
    return await benchScale(SCENES[name], undo, interrupted.signal, print);
  }
  throw new Error(`There is no scene "${name}": build, cancel, many and large are there.`);
}

const undo = new Undo();
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
}
try {
  const wanted = process.argv[2];
  if (wanted === undefined) await bench(undo, interrupted.signal);
  else {
    const text = await scene(wanted);
    print(`\n${text}\n`);
    await writeBetweenMarkers(PAGE, wanted, text);
    print('written to docs/benchmarks.md');
  }
} catch (error) {
  console.error(`The bench failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
for (const failure of await undo.run()) console.error(`could not clean up: ${failure}`);
