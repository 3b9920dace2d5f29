import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Clock } from '../model/clock.ts';
import { Lines, Tail } from './lines.ts';

export interface Command {
  readonly file: string;
  /** Handed to the program as they are: no shell ever reads them. */
  readonly args: readonly string[];
  /** The child's whole environment; see environment.ts. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly stdin?: string;
  /** Milliseconds until the tree is ended and the result is `timed-out`. */
  readonly timeout?: number;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly grace?: number;
  readonly signal?: AbortSignal;
  /** Called for each line as it comes, without colours and with only the last state of a progress line. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** What the program puts before each line of another's output; see Lines. */
  readonly label?: RegExp;
  /** How many characters of the end of each stream are kept; 1 MiB by default. */
  readonly keep?: number;
}

/** How a child ended, and the end of what it said. Only `exited` with code 0 is a success. */
export interface Ended {
  readonly kind: 'exited' | 'killed' | 'timed-out';
  /** Of `exited`; otherwise undefined. */
  readonly exitCode: number | undefined;
  /** Of `killed`, when it was not we who killed: `SIGKILL` is often the machine's memory running out. */
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program is not on PATH (or may not be executed). */
export class CommandNotFound extends Error {
  override readonly name = 'CommandNotFound';
  readonly file: string;

  constructor(file: string, options?: ErrorOptions) {
    super(`The program "${file}" was not found on PATH.`, options);
    this.file = file;
  }
}

/** buildx hands an interrupted build to the daemon and tidies up well within this. */
const GRACE = 5_000;
const KEEP = 1024 * 1024;
/** A grandchild may hold the pipes open after the child's exit; what it still says is not waited for longer. */
const DRAIN = 500;
/** The runner kills a step that does not end in time; its children would live on. One listener for all of them. */
const living = new Set<ChildProcess>();
const killLiving = (): void => {
  for (const child of living) signalTree(child, 'SIGKILL');
};

/**
 * Runs a program to its end. An abort ends the whole process tree, politely at first, and rejects with the
 * signal's reason once it is gone: @actions/exec cannot be cancelled (actions/toolkit#1656), and ending only
 * the child leaves buildx running behind a `docker` that is gone.
 */
export function run(command: Command, clock: Clock): Promise<Ended> {
  return new Promise((resolve, reject) => {
    if (command.signal?.aborted) {
      reject(command.signal.reason);
      return;
    }
    // Loaded with the first child: a run that needs none starts sooner without it.
    const { spawn } = process.getBuiltinModule('node:child_process');
    const child = spawn(command.file, command.args, {
      cwd: command.directory,
      env: { ...command.environment },
      // A group of its own, so that the tree can be signalled and the runner's Ctrl-C does not hit it first.
      detached: process.platform !== 'win32',
      stdio: [command.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const stdout = new Tail(command.keep ?? KEEP);
    const stderr = new Tail(command.keep ?? KEEP);
    const finishLines = [listen(child, 'stdout', stdout, command), listen(child, 'stderr', stderr, command)];
    child.stdin?.on('error', () => {
      // EPIPE: a child that does not read its input says by its exit code what it thinks of it.
    });
    child.stdin?.end(command.stdin);

    // Whoever ends the run first writes the reason; later ones cannot.
    let ending: { readonly by: 'abort'; readonly reason: unknown } | { readonly by: 'timeout' } | undefined;
    let cancelKill = (): void => {};
    let cancelDrain = (): void => {};
    const end = (why: NonNullable<typeof ending>): void => {
      if (ending !== undefined) return;
      ending = why;
      signalTree(child, 'SIGTERM');
      cancelKill = clock.timer(command.grace ?? GRACE, () => signalTree(child, 'SIGKILL'));
    };
    const abort = (): void => end({ by: 'abort', reason: command.signal?.reason });
    command.signal?.addEventListener('abort', abort, { once: true });
    const cancelTimeout =
      command.timeout === undefined ? () => {} : clock.timer(command.timeout, () => end({ by: 'timeout' }));
    if (living.size === 0) process.once('exit', killLiving);
    living.add(child);
    const stop = (): void => {
      cancelTimeout();
      cancelKill();
      cancelDrain();
      command.signal?.removeEventListener('abort', abort);
      living.delete(child);
      if (living.size === 0) process.removeListener('exit', killLiving);
    };

    child.once('error', (error: NodeJS.ErrnoException) => {
      // An error after the start (a signal that could not be delivered) is followed by an exit of its own.
      if (child.pid !== undefined) return;
      stop();
      const missing = (error.code === 'ENOENT' || error.code === 'EACCES') && isDirectory(command.directory);
      reject(missing ? new CommandNotFound(command.file, { cause: error }) : error);
    });
    child.once('exit', () => {
      if (ending !== undefined) signalTree(child, 'SIGKILL');
      cancelDrain = clock.timer(DRAIN, () => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      });
    });
    child.once('close', (exitCode, signal) => {
      if (child.pid === undefined) return;
      stop();
      for (const finish of finishLines) finish();
      if (ending?.by === 'abort') {
        reject(ending.reason);
        return;
      }
      resolve({
        kind: ending?.by === 'timeout' ? 'timed-out' : exitCode === null ? 'killed' : 'exited',
        exitCode: ending === undefined ? (exitCode ?? undefined) : undefined,
        signal: ending === undefined ? (signal ?? undefined) : undefined,
        stdout: stdout.text(),
        stderr: stderr.text(),
      });
    });
  });
}

function listen(
  child: ChildProcess,
  name: 'stdout' | 'stderr',
  tail: Tail,
  { onLine, label }: Pick<Command, 'onLine' | 'label'>,
): () => void {
  const stream = child[name];
  const lines = onLine === undefined ? undefined : new Lines((line) => onLine(line, name), label);
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    tail.push(text);
    lines?.push(text);
  });
  return () => lines?.end();
}

function signalTree(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  if (process.platform === 'win32') {
    // Windows has no process groups to signal; taskkill is its only way to end a tree.
    const { spawn } = process.getBuiltinModule('node:child_process');
    spawn('taskkill', ['/pid', String(child.pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true }).on(
      'error',
      () => child.kill(),
    );
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: nobody is left in the group. EPERM: what is left changed its user, and is not ours to end.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function isDirectory(path: string | undefined): boolean {
  return path === undefined || (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);
}
