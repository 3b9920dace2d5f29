/** One run of a program that may hang, ask for a person, or leave children behind. */
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../model/clock.ts';
import type { Timing } from './timing.ts';

const OUTPUT_LIMIT = 1024 * 1024;
/** Between asking a process group to end and ending it. */
const KILL_AFTER = 2_000;

/** What tools say when they wait for a person: az, kubelogin, aws sso, gcloud, tsh, OIDC helpers. */
const WAITS_FOR_PERSON =
  /devicelogin|device code|to sign in, use a web browser|visit the following url|go to the following link|open the following url|opening (your |a )?browser|your browser has been opened/i;

export interface RunOptions {
  readonly clock: Clock;
  readonly timing: Timing;
  readonly signal: AbortSignal;
}

export interface Ended {
  readonly end: 'exit' | 'timeout' | 'waits' | 'failed' | 'closed';
  readonly code: number | null;
  readonly signal: string | null;
  readonly why: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run. Whoever ends it first says why; its whole process group goes. */
export class Run {
  readonly done: Promise<Ended>;
  #end: Ended['end'] | undefined;
  #stdout = '';
  #stderr = '';
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  #takeBack: (() => void)[] = [];

  constructor(file: string, args: readonly string[], env: Record<string, string>, options: RunOptions) {
    const { clock, signal, timing } = options;
    this.#clock = clock;
    const { spawn } = process.getBuiltinModule('node:child_process');
    this.#child = spawn(file, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (this.#stdout.length < OUTPUT_LIMIT) this.#stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (this.#stderr.length < OUTPUT_LIMIT) this.#stderr += text;
      if (WAITS_FOR_PERSON.test(this.#stderr)) this.#stop('waits');
    });
    const closed = (): void => this.#stop('closed');
    signal.addEventListener('abort', closed, { once: true });
    this.#takeBack.push(
      () => signal.removeEventListener('abort', closed),
      clock.timer(timing.exec, () => this.#stop('timeout')),
    );
    this.done = new Promise((resolve) => {
      const settle = (end: Ended['end'], code: number | null, by: string | null, why: string): void => {
        for (const undo of this.#takeBack) undo();
        resolve({ end: this.#end ?? end, code, signal: by, why, stdout: this.#stdout, stderr: this.#stderr });
      };
      this.#child.once('error', (error) => settle('failed', null, null, error.message));
      // Not `close`: a grandchild that was left behind would hold the pipes open for ever.
      this.#child.once('exit', (code, by) => {
        // Its children may have outlived the SIGTERM that ended it.
        if (this.#end !== undefined) this.#kill('SIGKILL');
        const last = clock.timer(100, () => settle('exit', code, by, ''));
        this.#child.once('close', () => {
          last();
          settle('exit', code, by, '');
        });
      });
    });
  }

  #stop(why: Ended['end']): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    this.#kill('SIGTERM');
    this.#takeBack.push(this.#clock.timer(KILL_AFTER, () => this.#kill('SIGKILL')));
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended in the meantime.
    }
  }
}
