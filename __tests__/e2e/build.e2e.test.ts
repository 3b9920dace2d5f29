import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../cluster/command.ts';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import { compile } from '../harness/images.ts';
import type { StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

/** A repository with the app, as actions/checkout leaves it; answers the commit. */
async function checkOut(workspace: string, cmd: readonly string[], more = ''): Promise<string> {
  const { app } = await compile();
  await copyFile(app, join(workspace, 'app'));
  const dockerfile = `FROM scratch\nCOPY app /app\n${more}ENTRYPOINT ["/app"]\nCMD ${JSON.stringify(cmd)}\n`;
  await writeFile(join(workspace, 'Dockerfile'), dockerfile);
  const git = (...args: readonly string[]): Promise<string> => {
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
    return run('git', [...identity, '-C', workspace, ...args]);
  };
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '.');
  await git('commit', '--quiet', '--message=Ship it');
  return (await git('rev-parse', 'HEAD')).trim();
}

/** The processes below this one, with their command lines, as the kernel has them now. */
function descendants(pid: number): readonly { readonly pid: number; readonly command: string }[] {
  const all = readdirSync('/proc').flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z') return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), parent: Number(parent), command }];
    } catch {
      // No process, or one that has ended meanwhile.
      return [];
    }
  });
  const below = (of: number): typeof all =>
    all.filter(({ parent }) => parent === of).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid);
}

/** The smallest use: build what was checked out, push it, deploy it. */
async function ship(stage: Stage, workspace: string, inputs = {}, environment = {}): Promise<StepResult> {
  const { cluster } = stage.setup;
  const repository = `${cluster.registry}/e2e/${stage.namespace}`;
  const step = await stage.deploy('v2', {
    workspace,
    environment: { ...cluster.env, ...environment },
    inputs: { build: 'true', image: repository, ...inputs },
  });
  if (step.outputs['image']) stage.know('built', step.outputs['image']);
  return step;
}

scenario('build, push, deploy', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const commit = await checkOut(workspace, ['-version', 'built']);
  const step = await ship(stage, workspace);
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
  expect(step.outputs).toMatchObject({ tag: commit });
  expect(await stage.state()).toEqual(
    shipped('built', { annotations: ['steadyship.dev/revision', 'steadyship.dev/run'] }),
  );
});

scenario('a release gets the tags of its version, and no cache of its own', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const commit = await checkOut(workspace, ['-version', 'built']);
  const release = { GITHUB_REF: 'refs/tags/v1.2.3', GITHUB_SHA: commit };
  const step = await ship(stage, workspace, { tags: '{semver},{branch},stable' }, release);
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
  expect(step.log).toContain('Tags that this run has no value for: {branch}');
  const list = await fetch(`http://${stage.setup.cluster.registry}/v2/e2e/${stage.namespace}/tags/list`);
  const { tags } = (await list.json()) as { tags: string[] };
  expect(tags.sort()).toEqual(['1', '1.2', '1.2.3', 'stable', commit].sort());
});

scenario('a branch has its cache beside the image', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const commit = await checkOut(workspace, ['-version', 'built']);
  const push = { GITHUB_REF: 'refs/heads/main', GITHUB_SHA: commit };
  const step = await ship(stage, workspace, { tags: '{branch}' }, push);
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
  expect(step.warnings).toEqual([]);
  const list = await fetch(`http://${stage.setup.cluster.registry}/v2/e2e/${stage.namespace}/tags/list`);
  const { tags } = (await list.json()) as { tags: string[] };
  expect(tags.sort()).toEqual(['cache-main', 'main', commit].sort());
});

scenario('build, push, deploy, and back', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  await checkOut(workspace, ['-crash', 'no such table: orders']);
  const step = await ship(stage, workspace);
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web exits 1 on every new pod (3 crashes): "no such table: orders". Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('built'));
});

scenario('`command: build` stops after the push', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const commit = await checkOut(workspace, ['-version', 'built']);
  const step = await ship(stage, workspace, { command: 'build', workloads: '', kubeconfig: '' });
  expect(stage.ending(step)).toEqual(green('succeeded', `Built and pushed <built> (tag ${commit}).`));
  expect(await stage.state()).toEqual(untouched());
  const later = await stage.deploy('v2', { inputs: { image: step.outputs['image'] ?? '' } });
  expect(stage.ending(later)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
});

scenario('a step of the Dockerfile that fails', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  await checkOut(workspace, [], 'RUN ["/app", "-crash", "ENOENT: package.json"]\n');
  const step = await ship(stage, workspace);
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'The build failed at Dockerfile:3: `RUN ["/app", "-crash", "ENOENT: package.json"]` ended with exit code 1. Its last lines: "ENOENT: package.json". Nothing was changed in the cluster.',
    ),
  );
  expect(await stage.state()).toEqual(untouched());
});

scenario('a workspace without a Dockerfile', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  await checkOut(workspace, []);
  const step = await ship(stage, workspace, { file: 'docker/Dockerfile' });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'There is no Dockerfile at <workspace>/docker/Dockerfile. There is Dockerfile: name it in the input file. Nothing was changed in the cluster.',
    ),
  );
  expect(await stage.state()).toEqual(untouched());
});

scenario('a job without a checkout', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await ship(stage, workspace);
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'The workspace <workspace> is empty: the job has not checked the repository out. Add the step `- uses: actions/checkout@v4` before this one. Nothing was changed in the cluster.',
    ),
  );
  expect(await stage.state()).toEqual(untouched());
});

scenario('a password that is wrong', async ({ stage, workspace, closed }) => {
  await stage.start({ image: stage.images.v1 });
  await checkOut(workspace, ['-version', 'built']);
  const image = `${closed.host}/e2e/shop`;
  const step = await ship(stage, workspace, { image, username: 'octocat', password: 'wrong-horse' });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      '<registry> refused the login as "octocat" from the inputs username and password: "authentication required". Check both for the right registry and for a token that has expired or was revoked. Nothing was changed in the cluster.',
    ),
  );
  expect(await stage.state()).toEqual(untouched());
  expect(step.log.replaceAll('::add-mask::wrong-horse', '')).not.toContain('wrong-horse');
});

scenario(
  'a run that is cancelled in the middle of a build leaves no process of it',
  async ({ stage, workspace }) => {
    await stage.start({ image: stage.images.v1 });
    // The app serves for ever, so that this step of the build never ends by itself.
    await checkOut(workspace, ['-version', 'built'], 'RUN ["/app", "-version", "endless"]\n');
    const { promise: started, resolve: start } = Promise.withResolvers<ChildProcess>();
    const { promise: building, resolve: builds } = Promise.withResolvers<void>();
    const { cluster } = stage.setup;
    const step = stage.deploy('v2', {
      workspace,
      environment: cluster.env,
      inputs: { build: 'true', image: `${cluster.registry}/e2e/${stage.namespace}` },
      onStart: start,
      onLine: (line) => {
        if (/RUN .*endless/.test(line)) builds();
      },
    });
    const child = await started;
    await building;
    const tree = descendants(child.pid ?? 0);
    expect(tree.map(({ command }) => command)).toContainEqual(expect.stringMatching(/docker.*buildx/));
    const began = performance.now();
    child.kill('SIGINT');
    const { exitCode, errors } = await step;
    const took = performance.now() - began;
    expect({ exitCode, errors }).toEqual({
      exitCode: 1,
      errors: ['The run was cancelled (SIGINT). Nothing was changed in the cluster.'],
    });
    const alive = new Set(tree.map(({ pid }) => pid));
    expect(descendants(1).filter(({ pid }) => alive.has(pid))).toEqual([]);
    expect(await stage.state()).toEqual(untouched());
    expect(took).toBeLessThan(7_500);
  },
);
