/** Runs a command to its end; a failure tells the command and what it said. */
import { spawn } from 'node:child_process';

export interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Told each line of standard error as it comes. */
  readonly line?: (text: string) => void;
}

/** Standard output, when the exit code is 0. */
export function run(command: string, args: readonly string[], options: Options = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...options.env };
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env, cwd: options.cwd });
    // An interrupted `up` takes its compiler along; what is compiled by then stays in Go's cache.
    const end = (): boolean => child.kill();
    process.once('exit', end);
    const out: string[] = [];
    let said = '';
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => out.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-4000);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) options.line?.(text);
    });
    const done = (problem?: string): void => {
      process.removeListener('exit', end);
      if (problem === undefined) resolve(out.join(''));
      else
        reject(new Error(`${[command, ...args].join(' ')} ${problem}\n${said || out.join('').slice(-4000)}`));
    };
    child.on('error', (error) => done(`cannot be run: ${error.message}`));
    child.on('close', (code, signal) => done(code === 0 ? undefined : `ended with ${signal ?? code}:`));
  });
}
