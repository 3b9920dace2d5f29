/** One rollout by each of the two, seen by the same watches. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runStep, type StepOptions, type StepResult } from '../../__tests__/harness/runner.ts';
import type { Shop } from '../shop/workload.ts';
import { type Facts, isAtRest, record } from './facts.ts';
import { execute, type Line, MemoryGauge, type Ran } from './process.ts';
import type { Watcher } from './watch.ts';

export interface Bench {
  readonly shop: Shop;
  readonly watcher: Watcher;
  /** For the runner's files and kubectl's cache. */
  readonly folder: string;
}

export interface Rollout {
  readonly wanted: string;
  readonly before: string;
}

/** Times are of performance.now(). */
export interface Sample {
  readonly facts: Facts;
  readonly began: number;
  /** When the line with the verdict was printed. */
  readonly verdict: number;
  readonly ended: number;
  /** When the command that patches was over; undefined where one process does everything. */
  readonly set?: number;
  readonly exitCode: number | null;
  readonly peakMemory: number;
  /** Requests to the API, watches not counted; undefined where nobody counts them. */
  readonly requests?: number;
  readonly watches?: number;
}

export type Side = (bench: Bench, rollout: Rollout) => Promise<Sample>;

/** SteadyShip with an image that exists, and no hold: what kubectl does too. */
export const steadyship: Side = async (bench, rollout) => {
  const lines: Line[] = [];
  let began = 0;
  let gauge: MemoryGauge | undefined;
  return await observed(bench, rollout, async () => {
    const step = await deploy(bench, rollout.wanted, {
      onStart: (child) => {
        began = performance.now();
        gauge = new MemoryGauge(child);
      },
      onLine: (text) => lines.push({ text, at: performance.now() }),
    });
    const ended = performance.now();
    const peakMemory = gauge?.stop() ?? 0;
    const verdict = find(lines, /^deployment\/shop: (container shop exits .*\(3 crashes\)$|3\/3 ready$)/);
    const { requests, watches } = step.report?.api ?? { requests: 0, watches: 0 };
    return { began, verdict, ended, exitCode: step.exitCode, peakMemory, requests, watches };
  });
};

/** One step, from its start to its end. */
export async function deploy(
  { shop, folder }: Bench,
  image: string,
  options: Partial<StepOptions>,
): Promise<StepResult> {
  const kubeconfig = await readFile(shop.cluster.kubeconfig);
  return await runStep({
    inputs: {
      build: 'false',
      image,
      workloads: 'deployment/shop',
      namespace: shop.namespace,
      kubeconfig: kubeconfig.toString('base64'),
      'stable-for': '0s',
    },
    folder,
    environment: shop.cluster.env,
    ...options,
  });
}

/** `kubectl set image && kubectl rollout status || kubectl rollout undo` */
export const kubectl: Side = (bench, rollout) => kubectlAt(bench.folder, bench, rollout);

/** The same in a home without a discovery cache, as that of every job on a hosted runner is. */
export const freshKubectl: Side = async (bench, rollout) =>
  await kubectlAt(await mkdtemp(join(bench.folder, 'home-')), bench, rollout);

async function kubectlAt(home: string, bench: Bench, rollout: Rollout): Promise<Sample> {
  const call = kubectlIn(home, bench);
  return await observed(bench, rollout, async () => {
    const set = await call('set', 'image', 'deployment/shop', `shop=${rollout.wanted}`);
    const patched = performance.now();
    if (set.exitCode !== 0) throw new Error(set.lines.map(({ text }) => text).join('\n'));
    const status = await call('rollout', 'status', 'deployment/shop');
    const verdict = find(status.lines, /successfully rolled out|exceeded its progress deadline/);
    if (status.exitCode !== 0) await call('rollout', 'undo', 'deployment/shop');
    const peakMemory = Math.max(set.peakMemory, status.peakMemory);
    const { began } = set;
    const ended = performance.now();
    return { began, set: patched, verdict, ended, exitCode: status.exitCode, peakMemory };
  });
}

/** kubectl in the bench's namespace, with what this home has in its cache. */
export function kubectlIn(home: string, { shop }: Bench): (...args: readonly string[]) => Promise<Ran> {
  const { cluster, namespace } = shop;
  const env = { ...cluster.env, HOME: home, KUBECONFIG: cluster.kubeconfig };
  return (...args) => execute(cluster.kubectl, ['--namespace', namespace, ...args], env);
}

/** Records the facts around one run; ends when the cluster is at rest. */
async function observed(
  { watcher }: Bench,
  { wanted, before }: Rollout,
  body: () => Promise<Omit<Sample, 'facts'>>,
): Promise<Sample> {
  const { facts, stop } = record(watcher, wanted, before);
  try {
    const sample = await body();
    await watcher.until('the cluster at rest', () =>
      isAtRest(watcher, sample.exitCode === 0 ? wanted : before),
    );
    return { ...sample, facts };
  } finally {
    stop();
  }
}

function find(lines: readonly Line[], pattern: RegExp): number {
  const found = lines.find(({ text }) => pattern.test(text));
  if (found === undefined) {
    const shown = lines.map(({ text }) => text).filter((text) => !text.startsWith('::add-mask::'));
    throw new Error(`No line is a verdict (${pattern}):\n${shown.join('\n')}`);
  }
  return found.at;
}
