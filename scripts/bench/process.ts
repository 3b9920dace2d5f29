/** Runs a program and measures it: when its lines came, how long it took, how much memory it needed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Ran {
  readonly exitCode: number | null;
  /** Of performance.now(). */
  readonly began: number;
  readonly ended: number;
  readonly lines: readonly Line[];
  /** Highest resident size in MB, as the kernel kept it; 0 where there is no /proc. */
  readonly peakMemory: number;
}

export interface Line {
  readonly text: string;
  readonly at: number;
}

/** The kernel keeps the highest value; only what grows in the last moments can be missed. */
const MEMORY_EVERY = 20;

export class MemoryGauge {
  #peak = 0;
  readonly #timer: NodeJS.Timeout;

  constructor({ pid }: ChildProcess) {
    this.#timer = setInterval(() => this.#look(pid ?? 0), MEMORY_EVERY);
  }

  stop(): number {
    clearInterval(this.#timer);
    return this.#peak;
  }

  #look(pid: number): void {
    try {
      const kilobytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      if (kilobytes !== undefined) this.#peak = (Number(kilobytes) * 1024) / 1e6;
    } catch {
      // It has ended, or the machine has no /proc.
    }
  }
}

export function execute(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: { readonly cwd?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(file, args, { ...options, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const gauge = new MemoryGauge(child);
    const lines: Line[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        const at = performance.now();
        for (const line of text.split('\n')) if (line !== '') lines.push({ text: line, at });
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode) =>
      resolve({ exitCode, began, ended: performance.now(), lines, peakMemory: gauge.stop() }),
    );
  });
}
