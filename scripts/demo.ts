/**
 * `npm run demo`: SteadyShip's whole story on a real cluster, in front of your eyes. Ends with exit code 0 only
 * when everything that it promises was seen.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { paint } from './demo/log.ts';
import { countRequests, promises, times } from './demo/promises.ts';
import { type Stage, setStage, Undo } from './demo/stage.ts';
import { chapter, NAMESPACE, play, type Seen } from './demo/story.ts';

const USAGE = `usage: npm run demo [-- --keep]

Ships three versions of examples/shop to a real Kubernetes: v1, v2 (healthy), v3 (crashes at its start).
--keep   leaves the cluster and the shop running, to look around
STEADYSHIP_KUBECONFIG and STEADYSHIP_REGISTRY name a cluster and a registry of yours instead of the embedded.`;

const print = (line: string): void => console.log(line);
const began = performance.now();
const elapsed = (): string => `${((performance.now() - began) / 1000).toFixed(0)} s`;

/** The exit code. */
async function demo(keep: boolean): Promise<number> {
  const undo = new Undo();
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!interrupted.signal.aborted) print(`\n${signal}: cleaning up …`);
      interrupted.abort(new Error(`interrupted by ${signal}`));
    });
  }
  let kept = false;
  try {
    kept = await act(keep, undo, interrupted.signal);
  } catch (error) {
    const { signal } = interrupted;
    const told = signal.aborted ? signal.reason : error;
    print(paint(['bold', 'red'], `\nThe demo failed: ${told instanceof Error ? told.message : told}`));
  }
  const failures = await undo.run();
  for (const failure of failures) print(paint('red', `could not clean up: ${failure}`));
  print(
    `\n${kept ? paint(['bold', 'green'], 'The demo kept every promise') : 'The demo ended'} after ${elapsed()}.`,
  );
  if (interrupted.signal.aborted) return 130;
  return kept && failures.length === 0 ? 0 : 1;
}

async function act(keep: boolean, undo: Undo, signal: AbortSignal): Promise<boolean> {
  chapter(print, 'The cluster: a real Kubernetes, Docker with BuildKit, and a registry');
  // With --keep the cluster stays, and so nothing of it is undone.
  const stage = await setStage({
    print: (line) => print(`  ${line}`),
    undo: keep ? new Undo() : undo,
    signal,
  });
  print(`  ${stage.wasUp ? 'it was up already, and stays up' : 'it is up'} (${elapsed()})`);
  const folder = await mkdtemp(join(tmpdir(), 'steadyship-demo-'));
  undo.add(`removing ${folder}`, () => rm(folder, { recursive: true, force: true }));
  const seen = await play({ stage, folder, undo, keep, signal, print });
  const kept = tell(seen);
  if (keep) tellWhatStays(stage);
  return kept;
}

function tell(seen: Seen): boolean {
  chapter(print, "The job summary of v3's run, as markdown");
  for (const line of seen.v3.summary.trimEnd().split('\n')) print(`  ${line}`);
  chapter(print, 'What was seen');
  print(`  ${countRequests(seen)}`);
  for (const { at, why } of seen.traffic.failed.slice(0, 10)) print(`    ${at.toISOString()} ${why}`);
  print('');
  for (const [what, time] of times(seen)) print(`  ${what.padEnd(44)} ${time.padStart(8)}`);
  print('');
  const all = promises(seen);
  for (const { promise, kept } of all) {
    print(kept ? paint('green', `  ✔ ${promise}`) : paint(['bold', 'red'], `  ✘ ${promise}`));
  }
  return all.every(({ kept }) => kept);
}

function tellWhatStays({ cluster }: Stage): void {
  chapter(print, 'What stays');
  print(`  export KUBECONFIG='${cluster.kubeconfig}'`);
  print(`  ${cluster.kubectl} get pods --namespace ${NAMESPACE}`);
  print(
    cluster.embedded
      ? '  npm run cluster:down   ends it'
      : `  remove it with: kubectl delete namespace ${NAMESPACE}`,
  );
}

const options = process.argv.slice(2);
if (options.some((option) => option !== '--keep')) {
  console.error(USAGE);
  process.exitCode = options.includes('--help') ? 0 : 2;
} else {
  process.exitCode = await demo(options.includes('--keep'));
}
