/** `npm run bench -- build`: what it takes to build and push, to recognise a context, and to find that nothing changed. */
import { availableParallelism, loadavg } from 'node:os';
import type { Undo } from '../demo/stage.ts';
import { run } from '../shop/command.ts';
import { type BuildPushAction, findBuildPushAction } from './build-push-action.ts';
import { type Builds, builds } from './builds.ts';
import type { Figure } from './figures.ts';
import { type Keying, keying } from './keying.ts';
import { openShop } from './open-shop.ts';
import { toSeconds } from './summary.ts';
import { renderTable } from './table.ts';
import { unchangedRuns } from './unchanged.ts';

const ROUNDS = { builds: 12, unchanged: 8, keying: 5 };

type Found = BuildPushAction | { readonly missing: string };

export async function benchBuild(
  undo: Undo,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<string> {
  const { shop, checkout, folder } = await openShop(undo, signal, print);
  const load = loadavg()[0] ?? 0;
  const found = await findBuildPushAction(folder, signal);
  const action = 'missing' in found ? undefined : found;
  if ('missing' in found) print(`build-push-action is left out: ${found.missing}`);
  const built = await builds(shop, folder, action, ROUNDS.builds);
  print('builds: done');
  const unchanged = await unchangedRuns(shop, checkout, folder, ROUNDS.unchanged);
  print('nothing changed: done');
  const keys = await keying(folder, ROUNDS.keying);
  signal.throwIfAborted();
  const versions = await run('docker', ['buildx', 'version'], { env: shop.cluster.env });
  const buildx = /v?\d+\.\d+\.\d+/.exec(versions)?.[0] ?? versions.trim();
  const where = `Measured with ${availableParallelism()} cores, buildx ${buildx} and Docker's own builder, Node.js ${process.version}, ${ROUNDS.builds} rounds of builds, ${ROUNDS.unchanged} of unchanged runs, ${ROUNDS.keying} of keying; load when it began: ${load.toFixed(1)}. Medians, in brackets the least and the most.`;
  return `${where}\n\n${renderTable(figuresOf(built, found, unchanged, keys))}`;
}

function figuresOf(
  built: Builds,
  found: Found,
  unchanged: readonly number[],
  keys: Keying,
): readonly Figure[] {
  return [
    {
      name: 'Build and push, on top of plain buildx',
      note: '2,000 files in a cached layer, one changed file; peer: `docker buildx build --push --metadata-file`',
      unit: 's',
      ours: built.ours.map(toSeconds),
      theirs: built.plain.map(toSeconds),
      bar: { most: 0.5, of: 'difference' },
    },
    {
      name: 'Build and push, against build-push-action',
      note:
        'missing' in found
          ? `the same build; peer not measured: ${found.missing}`
          : `the same build; peer: its bundle ${found.version}, without the steps that go before it`,
      unit: 's',
      ours: built.ours.map(toSeconds),
      theirs: built.action.map(toSeconds),
      bar: { most: 1, of: 'ratio' },
    },
    {
      name: 'Nothing changed: from the start to `unchanged`, nothing built',
      note: '2,000 files in the context, clean git tree; `stable-for: 0s`',
      unit: 's',
      ours: unchanged.map(toSeconds),
      theirs: [],
      bar: { most: 1, of: 'value' },
    },
    {
      name: 'Recognising a context that git knows',
      note: '50,000 files, 500 MB, clean git tree',
      unit: 's',
      ours: keys.clean.map(toSeconds),
      theirs: [],
      bar: { most: 0.5, of: 'value' },
    },
    {
      name: 'Recognising a context that git does not know',
      note: 'the same files; peer: `cat` of all of them',
      unit: 's',
      ours: keys.unknown.map(toSeconds),
      theirs: keys.cat.map(toSeconds),
      bar: { most: 2, of: 'ratio' },
    },
  ];
}
