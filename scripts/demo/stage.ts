/** The cluster that the demo plays on, and leaving the machine as it was found. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Cluster, down, status, unavailable, up } from '../../__tests__/cluster/index.ts';

const CLI = fileURLToPath(new URL('../../__tests__/cluster/cli.ts', import.meta.url));

/** What is to be undone at the end, the last first. */
export class Undo {
  readonly #steps: { readonly what: string; readonly step: () => Promise<unknown> | unknown }[] = [];

  add(what: string, step: () => Promise<unknown> | unknown): void {
    this.#steps.push({ what, step });
  }

  /** One that fails does not keep the others from being done; the failures are told at the end. */
  async run(): Promise<readonly string[]> {
    const failures: string[] = [];
    for (let next = this.#steps.pop(); next !== undefined; next = this.#steps.pop()) {
      try {
        await next.step();
      } catch (error) {
        failures.push(`${next.what}: ${error instanceof Error ? error.message : error}`);
      }
    }
    return failures;
  }
}

export interface Stage {
  readonly cluster: Cluster;
  /** It was up before the demo, or is somebody else's: it is left up. */
  readonly wasUp: boolean;
}

export interface StageOptions {
  readonly print: (line: string) => void;
  readonly undo: Undo;
  readonly signal: AbortSignal;
}

/** The cluster that is up, else one that is started now and ended by `undo`. */
export async function setStage({ print, undo, signal }: StageOptions): Promise<Stage> {
  const { cluster, reason } = await status();
  if (cluster !== undefined) return { cluster, wasUp: true };
  const problem = unavailable();
  if (problem !== undefined) throw new Error(problem);
  print(`no cluster is up (${reason})`);
  undo.add('ending the cluster', () => down(print));
  await start(print, signal);
  return { cluster: await up(print), wasUp: false };
}

/**
 * Started by a process of its own, so that an interrupt ends the compiler, gives back the lock, and leaves us
 * to clean up.
 */
function start(print: (line: string) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, 'up'], { stdio: ['ignore', 'ignore', 'pipe'], signal });
    let rest = '';
    let last = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) print(line);
      last = lines.at(-1) ?? last;
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`The cluster did not come up: ${last}`)),
    );
  });
}
