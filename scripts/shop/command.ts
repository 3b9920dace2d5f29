/** Runs a program to its end; a failure tells the command and what it said. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Cluster } from '../../__tests__/cluster/index.ts';

const execute = promisify(execFile);

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Standard output, when the exit code is 0. */
export async function run(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { stdout } = await execute(file, args, {
    ...options,
    env: { ...process.env, ...options.env },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** A kubectl that speaks to the cluster with all rights. */
export function kubectl(
  cluster: Cluster,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, ...args], options);
}
