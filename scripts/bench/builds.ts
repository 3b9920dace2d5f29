/** The same build and push by SteadyShip, by plain buildx and by build-push-action, in turn. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runStep } from '../../__tests__/harness/runner.ts';
import { Checkout } from '../shop/checkout.ts';
import type { Shop } from '../shop/workload.ts';
import { type BuildPushAction, runBuildPushAction } from './build-push-action.ts';
import { layFiles } from './files.ts';
import { execute } from './process.ts';

/** Milliseconds. */
export interface Builds {
  readonly ours: readonly number[];
  readonly plain: readonly number[];
  /** Empty where it can not be measured. */
  readonly action: readonly number[];
}

type Build = () => Promise<{ readonly milliseconds: number; readonly digest: string }>;

/**
 * A layer that lies in the cache and one that is new in each build. Each side has a tag and a cache of its own,
 * and a commit of its own before each build, so that none of them finds what another has just built.
 */
export async function builds(
  { cluster, signal }: Pick<Shop, 'cluster' | 'signal'>,
  folder: string,
  action: BuildPushAction | undefined,
  rounds: number,
): Promise<Builds> {
  const workspace = join(folder, 'context');
  const checkout = new Checkout(workspace, signal);
  await checkout.open();
  await layFiles(join(workspace, 'more'));
  const image = `${cluster.registry}/steadyship-bench/build`;
  await writeFile(join(workspace, 'Dockerfile'), 'FROM scratch\nCOPY more /more\nCOPY version /version\n');
  await writeFile(join(workspace, '.dockerignore'), '.git\n');
  // One home for all: what buildx notes of a context that it sent before serves each of them.
  const home = join(folder, 'home');
  await mkdir(join(home, '.docker', 'buildx'), { recursive: true });
  const machine = { PATH: process.env['PATH'] ?? '', ...cluster.env, HOME: home };
  const cacheOf = (side: string): { readonly from: string; readonly to: string } => {
    const from = `type=registry,ref=${image}:cache-${side}`;
    // What SteadyShip writes by default, to the letter.
    return { from, to: `${from},mode=min,image-manifest=true,oci-mediatypes=true,ignore-error=true` };
  };
  const onMain = async (): Promise<Record<string, string>> => ({
    GITHUB_REF: 'refs/heads/main',
    GITHUB_SHA: await checkout.git('rev-parse', 'HEAD'),
  });

  const ours: Build = async () => {
    const step = await runStep({
      inputs: { command: 'build', image, reuse: 'never' },
      workspace,
      folder,
      environment: { ...machine, ...(await onMain()) },
    });
    if (step.exitCode !== 0) throw new Error(`The build failed: ${step.outputs['reason'] ?? step.log}`);
    return { milliseconds: step.milliseconds, digest: step.outputs['digest'] ?? '' };
  };
  const plain: Build = async () => {
    const metadata = join(folder, 'metadata.json');
    const cache = cacheOf('buildx');
    const words = ['--push', '--provenance=false', '--metadata-file', metadata, '--tag', `${image}:buildx`];
    const caches = ['--cache-from', cache.from, '--cache-to', cache.to];
    const { began, ended, exitCode, lines } = await execute(
      'docker',
      ['buildx', 'build', ...words, ...caches, '.'],
      machine,
      { cwd: workspace },
    );
    if (exitCode !== 0) throw new Error(`buildx failed:\n${lines.map(({ text }) => text).join('\n')}`);
    const said = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, string>;
    return { milliseconds: ended - began, digest: said['containerimage.digest'] ?? '' };
  };
  const theirs = async (peer: BuildPushAction): ReturnType<Build> => {
    const cache = cacheOf('action');
    const inputs = {
      context: '.',
      push: 'true',
      provenance: 'false',
      tags: `${image}:action`,
      'cache-from': cache.from,
      'cache-to': cache.to,
    };
    return await runBuildPushAction(peer, {
      inputs,
      workspace,
      folder,
      environment: { ...machine, ...(await onMain()) },
    });
  };

  const sides: [keyof Builds, Build][] = [
    ['ours', ours],
    ['plain', plain],
    ...(action === undefined ? [] : [['action', () => theirs(action)] as [keyof Builds, Build]]),
  ];
  const samples = { ours: [] as number[], plain: [] as number[], action: [] as number[] };
  const seen = new Set<string>();
  // The first round only fills the caches.
  for (let round = 0; round <= rounds; round += 1) {
    for (let turn = 0; turn < sides.length; turn += 1) {
      const [side, build] = sides[(round + turn) % sides.length] ?? ['ours', ours];
      const version = `${side} ${round}`;
      await writeFile(join(workspace, 'version'), `${version}\n`);
      await checkout.git('add', '--all');
      await checkout.git('commit', '--quiet', `--message=${version}`);
      const { milliseconds, digest } = await build();
      signal?.throwIfAborted();
      if (digest === '' || seen.has(digest))
        throw new Error(`${version}: nothing new was pushed (${digest}).`);
      seen.add(digest);
      if (round > 0) samples[side].push(milliseconds);
    }
  }
  return samples;
}
