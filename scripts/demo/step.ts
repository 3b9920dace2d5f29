/** A workflow's step that uses the bundled action, shown as GitHub shows it. */
import { readFile } from 'node:fs/promises';
import { runStep, type StepResult } from '../../__tests__/harness/runner.ts';
import type { Shop } from '../shop/workload.ts';
import { paint, StepLog } from './log.ts';

export interface ShipOptions {
  readonly shop: Shop;
  readonly checkout: string;
  /** Where the runner keeps its files. */
  readonly folder: string;
  /** As in the workflow file; the kubeconfig is added, as a secret would be. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly print: (line: string) => void;
}

/** Runs the action's main entry and, as the job ends, its post entry. */
export async function ship(options: ShipOptions): Promise<StepResult> {
  const { shop, checkout, folder, inputs, print } = options;
  const { cluster, signal } = shop;
  print(`  ${paint('dim', '- uses: steadyship/steadyship@v1')}`);
  for (const [name, value] of Object.entries(inputs)) print(`  ${paint('dim', `    ${name}: ${value}`)}`);
  const kubeconfig = await readFile(cluster.kubeconfig);
  const step = {
    inputs: { ...inputs, kubeconfig: kubeconfig.toString('base64') },
    workspace: checkout,
    folder,
    environment: cluster.env,
    onStart: (child: { kill(signal: 'SIGTERM'): boolean }): void =>
      signal?.addEventListener('abort', () => child.kill('SIGTERM'), { once: true }),
  };
  const log = new StepLog(print);
  const main = await runStep({ ...step, onLine: (line) => log.line(line) });
  signal?.throwIfAborted();
  const post = await runStep({ ...step, entry: 'post', state: main.state, onLine: (line) => log.line(line) });
  if (post.exitCode !== 0) throw new Error(`The post step ended with exit code ${post.exitCode}.`);
  return main;
}
