/** A whole run after which nothing has changed: from the start of the step to `unchanged`, and no builder. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runStep, type StepResult } from '../../__tests__/harness/runner.ts';
import type { Checkout } from '../shop/checkout.ts';
import type { Shop } from '../shop/workload.ts';
import { layFiles } from './files.ts';

/**
 * The shop with 2,000 files more in its context, deployed once and then again and again.
 *
 * @returns milliseconds
 */
export async function unchangedRuns(
  { cluster, namespace }: Shop,
  checkout: Checkout,
  folder: string,
  rounds: number,
): Promise<readonly number[]> {
  await layFiles(join(checkout.folder, 'more'));
  const ignore = join(checkout.folder, '.dockerignore');
  await writeFile(ignore, `${await readFile(ignore, 'utf8')}\n!more\n`);
  await checkout.git('add', '--all');
  await checkout.git('commit', '--quiet', '--message=More');
  const kubeconfig = (await readFile(cluster.kubeconfig)).toString('base64');
  const deploy = async (): Promise<StepResult> => {
    const sha = await checkout.git('rev-parse', 'HEAD');
    return await runStep({
      inputs: {
        image: `${cluster.registry}/steadyship-bench/shop`,
        workloads: 'deployment/shop',
        namespace,
        kubeconfig,
        'stable-for': '0s',
      },
      workspace: checkout.folder,
      folder,
      environment: { ...cluster.env, GITHUB_REF: 'refs/heads/main', GITHUB_SHA: sha },
    });
  };
  await deploy();
  const samples: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    await checkout.git('commit', '--quiet', '--allow-empty', '--message=Nothing');
    const { outputs, milliseconds } = await deploy();
    if (outputs['result'] !== 'unchanged' || outputs['built'] !== 'false') {
      throw new Error(`A run without a change: ${outputs['reason']}`);
    }
    if (round > 0) samples.push(milliseconds);
  }
  return samples;
}
