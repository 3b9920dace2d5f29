/** `npm run bench -- many|large`: hundreds of Deployments in one step, one large one among strangers; on kwok. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Crowd, openCrowd } from '../../__tests__/cluster/kwok/crowd.ts';
import type { Undo } from '../demo/stage.ts';
import { openApi } from '../shop/api.ts';
import { atRest, createDeployments, followCrowd, IMAGES, kubectl, NAMESPACE } from './crowd.ts';
import { type CrowdRun, type CrowdSide, oneEach, oneStep } from './crowd-sides.ts';
import type { Figure } from './figures.ts';
import { renderTable } from './table.ts';
import { Watcher } from './watch.ts';
import { followRequests, openMeter, type Request } from './wire.ts';

const MANY = { deployments: 300, replicas: 20 };
const LARGE = { replicas: 1_000, others: 200 };

interface Bench {
  readonly crowd: Crowd;
  readonly watcher: Watcher;
  readonly folder: string;
  readonly print: (line: string) => void;
}

interface Sample extends Pick<CrowdRun, 'began' | 'ended' | 'peakMemory'> {
  readonly requests: readonly Request[];
  /** Megabytes on the wire. */
  readonly bytes: number;
  /** Processor time in seconds, of all processes of the side. */
  readonly cpu: number;
  /** Seconds from the start to the last patch, and for each Deployment from the fact to its verdict. */
  readonly patched: number;
  readonly lags: readonly number[];
}

interface Scene {
  readonly title: string;
  /** Deployments that are rolled out, and others beside them, with their replicas. */
  readonly rolled: Readonly<Record<string, number>>;
  readonly others: Readonly<Record<string, number>>;
}

function crowdOf(count: number): Readonly<Record<string, number>> {
  const names = Array.from({ length: count }, (_, index) => `web-${String(index).padStart(3, '0')}`);
  return Object.fromEntries(names.map((name) => [name, MANY.replicas]));
}

export const SCENES = {
  many: {
    title: `${MANY.deployments} Deployments of ${MANY.replicas} pods, rolled out in one step`,
    rolled: crowdOf(MANY.deployments),
    others: {},
  },
  large: {
    title: `One Deployment of ${LARGE.replicas} pods in a namespace of ${LARGE.replicas + LARGE.others * MANY.replicas}`,
    rolled: { large: LARGE.replicas },
    others: crowdOf(LARGE.others),
  },
} as const satisfies Record<string, Scene>;

/** Measures one scene on a control plane of its own, and answers with the text for docs/benchmarks.md. */
export async function benchScale(
  { title, rolled, others }: Scene,
  undo: Undo,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<string> {
  const crowd = await openCrowd(print);
  undo.add('ending the crowd', () => crowd.close());
  const folder = await mkdtemp(join(tmpdir(), 'steadyship-bench-'));
  undo.add(`removing ${folder}`, () => rm(folder, { recursive: true, force: true }));
  await kubectl(crowd, 'create', 'namespace', NAMESPACE);
  const api = await openApi({ ...crowd, registry: '', env: {}, logs: '', embedded: true });
  undo.add('ending kubectl proxy', api.close);
  const watcher = await new Watcher(api, NAMESPACE, ['deployments']).open();
  undo.add('ending the watches', () => watcher.close());
  const bench: Bench = { crowd, watcher, folder, print };
  const all = { ...others, ...rolled };
  await createDeployments(crowd, folder, all);
  await atRest(watcher, Object.keys(all).length, IMAGES[0]);
  signal.throwIfAborted();
  const names = Object.keys(rolled);
  const both = await bothSides(bench, names, Object.keys(all).length);
  const where = `Measured with ${availableParallelism()} cores that the control plane and kwok shared, Node.js ${process.version}; one round.`;
  return [`### ${title}`, where, renderTable(figures(both, names.length > 1))].join('\n\n');
}

type Both = Readonly<Record<'ours' | 'theirs', Sample>>;

async function bothSides(bench: Bench, names: readonly string[], all: number): Promise<Both> {
  const ours = await measure(bench, oneStep, 'steadyship', { names, all, image: IMAGES[1] });
  const theirs = await measure(bench, oneEach, 'kubectl', { names, all, image: IMAGES[0] });
  return { ours, theirs };
}

async function measure(
  { crowd, watcher, folder, print }: Bench,
  side: CrowdSide,
  client: string,
  { names, all, image }: { readonly names: readonly string[]; readonly all: number; readonly image: string },
): Promise<Sample> {
  const text = await readFile(crowd.kubeconfig, 'utf8');
  const server = /"server": "([^"]+)"/.exec(text)?.[1] ?? '';
  const meter = await openMeter(new URL(server));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, text.replace(server, `https://127.0.0.1:${meter.port}`), { mode: 0o600 });
  const facts = followCrowd(watcher, names, image);
  const requests = await followRequests(crowd.audit, client);
  const before = await childrenCpu();
  try {
    const job = {
      kubectl: crowd.kubectl,
      kubeconfig,
      namespace: NAMESPACE,
      deployments: names,
      image,
      folder,
    };
    const run = await side(job);
    const cpu = (await childrenCpu()) - before;
    await atRest(watcher, all, image);
    const lags = names.map(
      (name) => ((run.verdicts.get(name) ?? NaN) - (facts.complete.get(name) ?? NaN)) / 1000,
    );
    if (lags.some(Number.isNaN)) throw new Error(`${client}: a verdict or a fact was not seen.`);
    const sample = {
      ...run,
      requests: await requests.read(),
      bytes: meter.bytes() / 1e6,
      cpu,
      patched: (Math.max(...facts.patched.values()) - run.began) / 1000,
      lags,
    };
    const seconds = ((run.ended - run.began) / 1000).toFixed(1);
    print(
      `${client}: ${names.length} Deployment(s) in ${seconds} s, ${cpu.toFixed(1)} s of processor, ${run.peakMemory.toFixed(0)} MB, ` +
        `${sample.requests.length} requests, ${sample.bytes.toFixed(1)} MB on the wire, patched after ${sample.patched.toFixed(1)} s, ` +
        `verdict lag p50 ${percentile(lags, 0.5).toFixed(3)} p99 ${percentile(lags, 0.99).toFixed(3)} s`,
    );
    for (const [kind, count] of countsOf(sample.requests)) print(`  ${count} × ${kind}`);
    return sample;
  } finally {
    facts.stop();
    meter.close();
  }
}

function figures({ ours, theirs }: Both, several: boolean): readonly Figure[] {
  const row = (
    name: string,
    unit: Figure['unit'],
    of: (sample: Sample) => number,
    more: Partial<Figure> = {},
  ): Figure => ({
    name,
    unit,
    ours: [of(ours)],
    theirs: [of(theirs)],
    ...more,
  });
  const peer = several
    ? '`kubectl set image`, then a `kubectl rollout status` for each, beside each other'
    : '`kubectl rollout status`';
  return [
    row('From the start to the end', 's', ({ began, ended }) => (ended - began) / 1000, {
      note: `peer: ${peer}`,
    }),
    row('From the start to the last patch', 's', ({ patched }) => patched),
    row('Verdict after the rollout is complete in the API, median', 's', ({ lags }) => percentile(lags, 0.5)),
    row('Verdict after the rollout is complete in the API, p99', 's', ({ lags }) => percentile(lags, 0.99), {
      bar: { most: 0.5, of: 'value' },
    }),
    row('Requests to the API', 'requests', ({ requests }) => requests.length),
    row('Lists of one kind in the namespace, at most', 'requests', ({ requests }) => mostLists(requests), {
      note: 'within the five minutes of its history that the server keeps; Leases and what is asked before the first patch left out: the rest is for the gate',
      bar: { most: 1, of: 'value' },
    }),
    row('Watches of one kind at a time, at most', 'requests', ({ requests }) => mostWatches(requests), {
      note: 'the server ends each after some minutes, and another goes on where it ended',
      bar: { most: 1, of: 'value' },
    }),
    row('On the wire', 'MB', ({ bytes }) => bytes),
    row('Processor time', 's', ({ cpu }) => cpu),
    row('Peak memory', 'MB', ({ peakMemory }) => peakMemory, {
      note: 'peer: of all processes together, the program itself counted once',
      bar: { most: 250, of: 'value' },
    }),
  ];
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** A short watch that looks whether a silent one is still alive, and further pages of a list, are part of it. */
function isOneMore({ uri, verb }: Request): boolean {
  const query = new URL(uri, 'https://api').searchParams;
  return verb === 'watch' ? query.get('timeoutSeconds') === '1' : query.has('continue');
}

function countsOf(requests: readonly Request[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const each of requests) {
    const kind = `${each.verb} ${each.resource}${isOneMore(each) ? ' (page or probe)' : ''}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function ofTheGate(requests: readonly Request[], verb: 'list' | 'watch'): readonly Request[] {
  return requests.filter(
    (each) =>
      each.verb === verb && each.namespace === NAMESPACE && each.resource !== 'leases' && !isOneMore(each),
  );
}

/**
 * Milliseconds. A watch that had nothing to tell for longer cannot be resumed, and a list is due (etcd is compacted
 * every five minutes: `--etcd-compaction-interval` of kube-apiserver).
 */
const HISTORY = 300_000;

/** How many lists of one kind were asked for in the time for which the first would have done. */
function mostLists(requests: readonly Request[]): number {
  const lists = ofTheGate(requests, 'list');
  const together = lists.map(
    ({ resource, began }) =>
      lists.filter(
        (other) => other.resource === resource && other.began >= began && other.began < began + HISTORY,
      ).length,
  );
  return Math.max(0, ...together);
}

/** How many watches of one kind were open together. */
function mostWatches(requests: readonly Request[]): number {
  const watches = ofTheGate(requests, 'watch');
  const together = watches.map(
    ({ resource, began }) =>
      watches.filter((other) => other.resource === resource && other.began <= began && other.ended > began)
        .length,
  );
  return Math.max(0, ...together);
}

/** Seconds of processor time of the children that have ended, as the kernel keeps it (ticks of 10 ms). */
async function childrenCpu(): Promise<number> {
  const text = await readFile('/proc/self/stat', 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
