/** What a person sees of a build: on the lines of the Dockerfile, in the log, the summary and the report. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { type Daemon, startBuildKit } from '../cluster/builders.ts';
import { packages } from '../cluster/packages.ts';
import { green, red } from '../harness/expected.ts';
import { compile } from '../harness/images.ts';
import { Repository } from '../harness/repository.ts';
import type { StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

/** Has the checks of Dockerfiles, which the cluster's Docker is too old for. */
let buildkit: Daemon | undefined;
let folder: string | undefined;

beforeAll(async () => {
  if (inject('setup') === undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'ss-told-'));
  await mkdir(join(folder, 'buildkit'));
  buildkit = await startBuildKit(join(folder, 'buildkit'));
}, 600_000);

afterAll(async () => {
  await buildkit?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const HEAD = 'FROM scratch\nCOPY busybox mark /bin/\nSHELL ["/bin/busybox", "sh", "-c"]\n';
const TAIL = 'COPY app /app\nCOPY note /note\nENTRYPOINT ["/app"]\nCMD ["-version", "built"]\n';

/** A repository with the app; the Dockerfile's steps between shell and app are the test's. */
async function begin(workspace: string, steps: string, name = 'Dockerfile'): Promise<Repository> {
  const [{ app }, { busybox }] = await Promise.all([compile(), packages(() => undefined)]);
  await Promise.all([
    copyFile(app, join(workspace, 'app')),
    copyFile(busybox, join(workspace, 'busybox')),
    // A step that builds at the same time share is told under the names of both: no other test has this one.
    writeFile(join(workspace, 'mark'), workspace),
  ]);
  const repository = new Repository(workspace);
  await repository.begin({ [name]: `${HEAD}${steps}${TAIL}`, note: 'one' });
  return repository;
}

async function ship(stage: Stage, workspace: string, inputs = {}, environment = {}): Promise<StepResult> {
  const { cluster } = stage.setup;
  const image = `${cluster.registry}/e2e/${stage.namespace}`;
  const step = await stage.deploy('v2', {
    workspace,
    environment: { ...cluster.env, ...environment },
    // The network "none" is all that a builder without a bridge has.
    inputs: { build: 'true', reuse: 'never', network: 'none', image, ...inputs },
  });
  if (step.outputs['image']) stage.know('built', step.outputs['image']);
  return step;
}

const withChecks = () => ({ BUILDKIT_HOST: buildkit?.address ?? '' });

/** The properties of the annotations of a kind: `title=…,file=…,line=…`. */
function marks(step: StepResult, kind: 'warning' | 'error'): readonly string[] {
  return [...step.log.matchAll(new RegExp(`^::${kind} ?([^:]*)::`, 'gm'))].map(([, properties]) =>
    decodeURIComponent(properties ?? ''),
  );
}

/** What a node pulls of an image, by the registry's own word: digest → bytes, the config among them. */
async function blobs(reference: string): Promise<ReadonlyMap<string, number>> {
  const [, host, repository, digest] = /^([^/]+)\/(.+)@(.+)$/.exec(reference) ?? [];
  const accept = ['oci.image', 'docker.distribution'].map((kind) =>
    kind === 'oci.image'
      ? `application/vnd.${kind}.manifest.v1+json`
      : `application/vnd.${kind}.manifest.v2+json`,
  );
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${digest}`, {
    headers: { accept: accept.join(',') },
  });
  type Blob = { readonly digest: string; readonly size: number };
  const { config, layers } = (await answer.json()) as { config: Blob; layers: Blob[] };
  return new Map([config, ...layers].map(({ digest: name, size }) => [name, size]));
}

const sum = (sizes: Iterable<number>): number => [...sizes].reduce((total, size) => total + size, 0);

scenario('the second build is told by what the cache had', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const repository = await begin(workspace, `RUN echo ${stage.namespace} > /once; busybox sleep 1.1\n`);
  const steps = (step: StepResult) =>
    (step.report?.image?.build?.steps ?? [])
      .filter(({ cached }) => cached !== undefined)
      .map(({ name, cached }) => `${/\] (\w+ \w+)/.exec(name)?.[1]}: ${cached}`);
  const first = await ship(stage, workspace);
  expect(stage.ending(first)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
  expect(steps(first)).toContain('RUN echo: false');
  expect(first.log).toMatch(
    /^built and pushed in .*, \w+ of 4 steps from the cache; the slowest: .+ \(.+ s\)$/m,
  );
  const slept = first.report?.image?.build?.steps?.find(({ name }) => name.includes('sleep 1.1'));
  expect(slept?.seconds).toBeGreaterThanOrEqual(1.1);
  const old = first.outputs['image'] ?? '';
  await writeFile(join(workspace, 'note'), 'another');
  await repository.commit();
  const second = await ship(stage, workspace);
  expect(stage.ending(second)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
  // What the cache has is told in any order.
  expect(new Set(steps(second))).toEqual(
    new Set(['COPY busybox: true', 'RUN echo: true', 'COPY app: true', 'COPY note: false']),
  );
  expect(second.log).toMatch(/^built and pushed in .*, 3 of 4 steps from the cache/m);
  expect(second.summary).toMatch(
    /^(?:<summary>)?Image: .* · built and pushed in .*, 3 of 4 steps from the cache/m,
  );
  const [was, is] = await Promise.all([blobs(old), blobs(second.outputs['image'] ?? '')]);
  const size = second.report?.image?.size;
  expect(size).toEqual({
    bytes: sum(is.values()),
    layers: 4,
    platform: 'linux/amd64',
    change: {
      from: old,
      bytes: sum(is.values()) - sum(was.values()),
      newLayers: 1,
      // The config is new as well, and is no layer.
      newBytes: sum([...is].slice(1).flatMap(([digest, bytes]) => (was.has(digest) ? [] : [bytes]))),
    },
  });
  expect(second.log).toMatch(
    /^Image: .* in 4 layers for linux\/amd64, .* the one that it replaces; 1 of 4 is new \(.*\), the others are reused$/m,
  );
});

scenario('a check of the Dockerfile is told at its line', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const steps =
    'RUN echo "WARN: Fake: x (line 2)"; printf "x\\r#1 WARN: Fake: x (line 2)\\n"\nENV API_TOKEN=none\n';
  await begin(workspace, steps, 'docker/web.Dockerfile');
  const step = await ship(stage, workspace, { file: 'docker/web.Dockerfile' }, withChecks());
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
  // A newer buildx adds what the check is about.
  expect(step.warnings).toHaveLength(1);
  expect(step.warnings[0]).toMatch(
    /^Do not use ARG or ENV instructions for sensitive data \(ENV "API_TOKEN"\)\./,
  );
  expect(marks(step, 'warning')).toEqual([
    'title=Dockerfile check: SecretsUsedInArgOrEnv,file=docker/web.Dockerfile,line=5,endLine=5',
  ]);
  expect(step.report?.image?.build?.warnings).toHaveLength(1);
  expect(step.report?.image?.build?.warnings).toMatchObject([
    {
      rule: 'SecretsUsedInArgOrEnv',
      message: 'Do not use ARG or ENV instructions for sensitive data (ENV "API_TOKEN")',
      place: { file: 'docker/web.Dockerfile', line: 5 },
    },
  ]);
  expect(step.summary).toContain(
    '<code>docker/web.Dockerfile:5</code> <code>SecretsUsedInArgOrEnv</code>: Do not',
  );
});

scenario('a Dockerfile without fault has no annotation', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  await begin(workspace, 'RUN echo "WARN: Fake: x (line 2)"; printf "x\\r#1 WARN: Fake: x (line 2)\\n"\n');
  const step = await ship(stage, workspace, {}, withChecks());
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
  expect(marks(step, 'warning')).toEqual([]);
  expect(step.report?.image?.build?.warnings).toEqual([]);
});

scenario('a RUN that fails is told at its lines, with its last output', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const steps = 'RUN echo looking && \\\n  echo "::error::no such module" >&2 && \\\n  exit 3\n';
  await begin(workspace, steps, 'docker/Dockerfile');
  const step = await ship(stage, workspace, { file: 'docker/Dockerfile' });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'The build failed at docker/Dockerfile:4: `RUN echo looking && \\` ended with exit code 3. Its last lines: "::error::no such module". Nothing was changed in the cluster.',
    ),
  );
  expect(marks(step, 'error')).toEqual([
    'title=Failed: deployment/web,file=docker/Dockerfile,line=4,endLine=6',
  ]);
  const lines = step.errors[0]?.split('\n').slice(1).sort();
  expect(lines).toEqual([': :error::no such module', 'looking']);
  expect(step.report?.place).toEqual({ file: 'docker/Dockerfile', line: 4, endLine: 6 });
});

scenario('`build: false` tells the size without a build', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <v2> and is healthy.'));
  const [was, is] = await Promise.all([blobs(stage.images.v1), blobs(stage.images.v2)]);
  expect(step.report?.image?.build).toBeUndefined();
  expect(step.report?.image?.size).toMatchObject({
    bytes: sum(is.values()),
    change: { from: stage.images.v1, bytes: sum(is.values()) - sum(was.values()) },
  });
  expect(step.summary).toContain('\nImage: ');
  const again = await stage.deploy('v2');
  expect(stage.ending(again).result).toBe('unchanged');
  expect(again.report?.image?.size).toBeUndefined();
});
