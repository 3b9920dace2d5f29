/**
 * The cluster's processes. They outlive the command that starts them, so each is recorded by pid and start
 * time (a pid alone may by now be somebody else's) and marked in its environment, which shims and children
 * inherit: by the mark even those are found whose record is lost.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machinePath, type Place } from './place.ts';

export interface Component {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Running {
  readonly pid: number;
  readonly start: string;
}

/** The line of an environment that says whose a process is. */
export function mark({ state }: Place): Record<string, string> {
  return { STEADYSHIP_CLUSTER: state };
}

/** Starts a component in a session of its own, its output going to `logs/<name>.log`. */
export function start(place: Place, { name, command, args, env }: Component): void {
  const log = openSync(join(place.logs, `${name}.log`), 'a');
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: place.state,
    // All of them are written in Go. Processors are scarce here and memory is not: collect garbage less often.
    env: { PATH: machinePath(), HOME: place.state, GOGC: '300', ...env, ...mark(place) },
  });
  closeSync(log);
  child.on('error', (error) =>
    writeFileSync(join(place.logs, `${name}.log`), `${error.message}\n`, { flag: 'a' }),
  );
  child.unref();
  const pid = child.pid ?? 0;
  mkdirSync(join(place.state, 'run'), { recursive: true });
  writeFileSync(
    record(place, name),
    JSON.stringify({ pid, start: startOf(pid) ?? 'dead' } satisfies Running),
  );
}

/** Whether a component that was started still runs. */
export function runs(place: Place, name: string): boolean {
  try {
    return isAlive(JSON.parse(readFileSync(record(place, name), 'utf8')) as Running);
  } catch {
    return false;
  }
}

/** Whether this very process still runs; a zombie does not. */
export function isAlive({ pid, start: since }: Running): boolean {
  return startOf(pid) === since;
}

/** When a process began, in the kernel's ticks, or undefined when there is none or it has died. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold anything: count fields from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Every process that bears the mark, recorded or not. */
export function marked(place: Place): number[] {
  const wanted = `STEADYSHIP_CLUSTER=${place.state}\0`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => startOf(pid) !== undefined && environment(pid).includes(wanted));
}

/** The last lines that a component wrote. */
export function lastLines(place: Place, name: string, count = 8): string {
  try {
    return readFileSync(join(place.logs, `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-count)
      .join('\n');
  } catch {
    return '';
  }
}

function record({ state }: Place, name: string): string {
  return join(state, 'run', `${name}.json`);
}

function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}
