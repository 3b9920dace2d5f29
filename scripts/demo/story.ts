/** v1 is there, v2 becomes healthy, v3 crashes at its start and v2 goes on serving. */
import { join } from 'node:path';
import type { StepResult } from '../../__tests__/harness/runner.ts';
import { openApi } from '../shop/api.ts';
import { type Change, Checkout } from '../shop/checkout.ts';
import { applyManifest, imageOf, makeNamespace, removeNamespace, type Shop } from '../shop/workload.ts';
import { paint } from './log.ts';
import type { Stage, Undo } from './stage.ts';
import { ship } from './step.ts';
import { Traffic } from './traffic.ts';

export const NAMESPACE = 'steadyship-demo';

export interface StoryOptions {
  readonly stage: Stage;
  /** For all that is made; whoever made it removes it. */
  readonly folder: string;
  readonly undo: Undo;
  readonly keep: boolean;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

/** All that was seen, to be held against what was promised. */
export interface Seen {
  readonly v1: StepResult;
  readonly v2: StepResult;
  readonly v3: StepResult;
  /** The image in the Deployment at the end. */
  readonly image: string;
  readonly traffic: Traffic;
  /** Answers by version from the moment at which v3 was pushed. */
  readonly during: ReadonlyMap<string, number>;
}

export async function play(options: StoryOptions): Promise<Seen> {
  const { stage, folder, undo, keep, signal, print } = options;
  const { cluster } = stage;
  const shop: Shop = { cluster, namespace: NAMESPACE, signal };
  const checkout = new Checkout(join(folder, 'shop'), signal);
  const image = `${cluster.registry}/steadyship-demo/shop`;
  const step = { shop, checkout: checkout.folder, folder, print };

  chapter(print, 'v1: the shop opens. SteadyShip builds; kubectl creates the workload, once');
  await checkout.open();
  await makeNamespace(shop);
  if (!keep && (stage.wasUp || !cluster.embedded)) {
    undo.add(`removing namespace ${NAMESPACE}`, () => removeNamespace({ ...shop, signal: undefined }));
  }
  await compile(checkout, print);
  const v1 = await ship({ ...step, inputs: { command: 'build', image } });
  if (v1.exitCode !== 0) throw new Error(`v1 could not be built: ${v1.outputs['reason'] ?? v1.log}`);
  print(`  $ kubectl apply -f kubernetes.yaml   ${paint('dim', '# with the image that was built')}`);
  await applyManifest(shop, checkout.folder, v1.outputs['image'] ?? '');

  const api = await openApi(cluster);
  undo.add('ending kubectl proxy', api.close);
  const url = `${api.url}/api/v1/namespaces/${NAMESPACE}/services/shop:http/proxy/products`;
  const traffic = new Traffic(url, (version) =>
    print(paint('cyan', `  ● customers are served by ${version}`)),
  );
  undo.add('ending the requests', () => traffic.stop());
  traffic.start();

  const inputs = { image, workloads: 'deployment/shop', namespace: NAMESPACE };
  chapter(print, 'v2: a commit on main');
  await push(checkout, 'v2', print);
  const v2 = await ship({ ...step, inputs });
  if (v2.exitCode !== 0) throw new Error(`v2 did not become healthy: ${v2.outputs['reason'] ?? v2.log}`);

  chapter(print, 'v3: a commit that can not work here: there is no database');
  await push(checkout, 'v3', print);
  const before = new Map(traffic.answers);
  const v3 = await ship({ ...step, inputs });
  const during = new Map(
    [...traffic.answers].map(([version, count]) => [version, count - (before.get(version) ?? 0)]),
  );
  const served = [...during].map(([version, count]) => `${version} answered ${count}`).join(', ');
  print(paint('cyan', `  ● customers meanwhile: ${served}; ${traffic.failed.length} requests failed`));
  await traffic.stop();
  return { v1, v2, v3, image: await imageOf(shop), traffic, during };
}

export function chapter(print: (line: string) => void, title: string): void {
  print('');
  print(paint(['bold', 'inverse'], ` ${title} `));
}

async function push(checkout: Checkout, change: Change, print: (line: string) => void): Promise<void> {
  await checkout.commit(change);
  const subject = await checkout.git('log', '-1', '--format=%h %s');
  print(`  $ git push   ${paint('dim', `# ${subject}`)}`);
  const diff = await checkout.git('show', '--format=', '--unified=0');
  for (const line of diff.split('\n')) {
    if (/^[+-](?![+-])/.test(line) && line.length > 1) {
      print(paint(line.startsWith('+') ? 'green' : 'red', `    ${line.replaceAll('\t', '  ')}`));
    }
  }
  await compile(checkout, print);
}

async function compile(checkout: Checkout, print: (line: string) => void): Promise<void> {
  print('  $ CGO_ENABLED=0 go build -trimpath -o bin/shop .');
  await checkout.compile();
}
