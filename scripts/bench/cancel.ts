/**
 * `npm run bench -- cancel`: a rollout that is called off as soon as its patch is in the API, by both in turn: how soon
 * the patch back is there.
 */
import type { ChildProcess } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import type { Undo } from '../demo/stage.ts';
import { isAtRest, record } from './facts.ts';
import { openShop, watchShop } from './open-shop.ts';
import { inTurn } from './rollouts.ts';
import { type Bench, deploy, kubectlIn } from './sides.ts';
import { toSeconds } from './summary.ts';
import { renderTable } from './table.ts';

const ROUNDS = 15;

interface Images {
  readonly v1: string;
  readonly v2: string;
}

/** Milliseconds from the call to the patch back. */
interface Cancellations {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

interface Rollout {
  /** Calls it off, and waits until the command is over. */
  readonly callOff: () => Promise<void>;
}

export async function benchCancel(
  undo: Undo,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<string> {
  const { shop, checkout, folder, image: v1, build } = await openShop(undo, signal, print);
  await checkout.commit('v2');
  const v2 = await build();
  const watcher = await watchShop(shop, undo);
  const load = loadavg()[0] ?? 0;
  const { ours, theirs } = await cancellations({ shop, watcher, folder }, { v1, v2 }, (line) => {
    signal.throwIfAborted();
    print(line);
  });
  const table = renderTable([
    {
      name: "From the runner's SIGINT to the patch that puts back",
      note: 'peer: `kubectl rollout undo`, from its start',
      unit: 's',
      ours: ours.map(toSeconds),
      theirs: theirs.map(toSeconds),
      bar: { most: 2, of: 'value' },
    },
  ]);
  const where = `Measured with ${availableParallelism()} cores, Node.js ${process.version}, ${ROUNDS} rounds; load when it began: ${load.toFixed(1)}. Medians, in brackets the least and the most.`;
  return `${where}\n\n${table}`;
}

/** v1 runs, and each of these ends with it. The first round fills kubectl's cache and does not count. */
async function cancellations(
  bench: Bench,
  images: Images,
  tell: (line: string) => void,
): Promise<Cancellations> {
  const samples = { ours: [] as number[], theirs: [] as number[] };
  const into = [
    [steadyship, samples.ours],
    [kubectl, samples.theirs],
  ] as const;
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [begin, kept] of inTurn(into, round)) {
      const milliseconds = await calledOff(bench, images, begin);
      if (round > 0) kept.push(milliseconds);
    }
    tell(round === 0 ? 'cancelled: caches are warm' : `cancelled: round ${round} of ${ROUNDS}`);
  }
  return samples;
}

async function calledOff(
  bench: Bench,
  { v1, v2 }: Images,
  begin: (bench: Bench, image: string) => Promise<Rollout>,
): Promise<number> {
  const { watcher } = bench;
  const { facts, stop } = record(watcher, v2, v1);
  try {
    const { callOff } = await begin(bench, v2);
    await watcher.until('the patch', () => facts.patched !== undefined);
    const called = performance.now();
    await callOff();
    await watcher.until('the cluster at rest', () => isAtRest(watcher, v1));
    if (facts.putBack === undefined) throw new Error('The patch back was not seen.');
    return facts.putBack - called;
  } finally {
    stop();
  }
}

/** The signal with which GitHub's runner begins to cancel. */
async function steadyship(bench: Bench, image: string): Promise<Rollout> {
  const { promise: started, resolve: onStart } = Promise.withResolvers<ChildProcess>();
  const step = deploy(bench, image, { onStart });
  const child = await started;
  const callOff = async (): Promise<void> => {
    child.kill('SIGINT');
    const { outputs, state, log } = await step;
    if (outputs['result'] !== 'rolled-back')
      throw new Error(`A cancelled run ended as ${outputs['result']}:\n${log}`);
    // As the runner does: it gives back the lock, for which the next run would wait.
    const post = await deploy(bench, image, { entry: 'post', state });
    if (post.exitCode !== 0) throw new Error(`The post step of a cancelled run failed:\n${post.log}`);
  };
  return { callOff };
}

async function kubectl(bench: Bench, image: string): Promise<Rollout> {
  const call = kubectlIn(bench.folder, bench);
  const checked = async (...args: readonly string[]): Promise<void> => {
    const { exitCode, lines } = await call(...args);
    if (exitCode !== 0) throw new Error(lines.map(({ text }) => text).join('\n'));
  };
  await checked('set', 'image', 'deployment/shop', `shop=${image}`);
  return { callOff: () => checked('rollout', 'undo', 'deployment/shop') };
}
