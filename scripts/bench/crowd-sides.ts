/** One rollout of a crowd by each of the two. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { runStep } from '../../__tests__/harness/runner.ts';
import { MemoryGauge } from './process.ts';

/** Times are of performance.now(). */
export interface CrowdRun {
  readonly began: number;
  readonly ended: number;
  /** Deployment → when the line with its verdict was printed. */
  readonly verdicts: ReadonlyMap<string, number>;
  /** Megabytes. */
  readonly peakMemory: number;
  readonly log: string;
}

export interface CrowdJob {
  readonly kubectl: string;
  /** By way of the meter. */
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly deployments: readonly string[];
  readonly image: string;
  readonly folder: string;
}

export type CrowdSide = (job: CrowdJob) => Promise<CrowdRun>;

/** All in one step. */
export const oneStep: CrowdSide = async ({ kubeconfig, namespace, deployments, image, folder }) => {
  const verdicts = new Map<string, number>();
  let began = 0;
  let gauge: MemoryGauge | undefined;
  const step = await runStep({
    inputs: {
      build: 'false',
      resolve: 'false',
      image,
      workloads: deployments.map((name) => `deployment/${name}`).join('\n'),
      namespace,
      kubeconfig: Buffer.from(readFileSync(kubeconfig)).toString('base64'),
      'stable-for': '0s',
    },
    folder,
    onStart: (child) => {
      began = performance.now();
      gauge = new MemoryGauge(child);
    },
    onLine: (line) => {
      const name = /^deployment\/(\S+): (\d+)\/\2 ready$/.exec(line)?.[1];
      if (name !== undefined) verdicts.set(name, performance.now());
    },
  });
  const ended = performance.now();
  if (step.exitCode !== 0)
    throw new Error(`The step failed: ${step.outputs['reason'] ?? step.log.slice(-2000)}`);
  return { began, ended, verdicts, peakMemory: gauge?.stop() ?? 0, log: step.log };
};

/** Processes of kubectl that have not said anything yet. */
const CONNECTING = 16;

/** `kubectl set image` once, then `kubectl rollout status` for each Deployment, all beside each other. */
export const oneEach: CrowdSide = async ({ kubectl, kubeconfig, namespace, deployments, image, folder }) => {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, KUBECONFIG: kubeconfig };
  const verdicts = new Map<string, number>();
  const memory = new SharedGauge();
  const call = (args: readonly string[], line: (text: string) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = spawn(kubectl, ['--namespace', namespace, ...args], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      memory.add(child.pid ?? 0);
      child.stdout.setEncoding('utf8').on('data', (text: string) => text.split('\n').forEach(line));
      child.once('error', reject);
      child.once('close', (code) => {
        memory.remove(child.pid ?? 0);
        if (code === 0) resolve();
        else reject(new Error(`kubectl ${args.slice(0, 3).join(' ')} ended with ${code}`));
      });
    });
  const began = performance.now();
  try {
    const names = deployments.map((name) => `deployment/${name}`);
    await call(['set', 'image', ...names, `app=${image}`], () => undefined);
    // So many connect at a time: three hundred TLS handshakes at once run into kubectl's own time limit.
    const waiting = [...deployments];
    const ends: Promise<void>[] = [];
    const begin = async (): Promise<void> => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const { promise: connected, resolve } = Promise.withResolvers<void>();
        const end = call(['rollout', 'status', `deployment/${name}`], (line) => {
          resolve();
          if (/successfully rolled out/.test(line)) verdicts.set(name, performance.now());
        });
        // Whoever waits for all of them hears of it.
        end.catch(() => undefined);
        ends.push(end);
        await Promise.race([connected, end]);
      }
    };
    await Promise.all(Array.from({ length: CONNECTING }, begin));
    await Promise.all(ends);
    return { began, ended: performance.now(), verdicts, peakMemory: memory.peak, log: '' };
  } finally {
    memory.stop();
  }
};

/** Milliseconds: hundreds of processes are looked at each time. */
const MEMORY_EVERY = 500;

/** What many processes of one program need together: each one's own memory, and the program's text once. */
class SharedGauge {
  peak = 0;
  readonly #pids = new Set<number>();
  readonly #timer = setInterval(() => this.#look(), MEMORY_EVERY);

  add(pid: number): void {
    this.#pids.add(pid);
  }

  remove(pid: number): void {
    this.#pids.delete(pid);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    let own = 0;
    let shared = 0;
    for (const pid of this.#pids) {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        own += Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
        shared = Math.max(shared, Number(/^RssFile:\s+(\d+)/m.exec(status)?.[1] ?? 0));
      } catch {
        // It has ended, or the machine has no /proc.
      }
    }
    this.peak = Math.max(this.peak, ((own + shared) * 1024) / 1e6);
  }
}
