import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { run } from '../cluster/command.ts';
import { type Answer, example, GitHubApi } from '../github/github-api.ts';
import { green, shipped } from '../harness/expected.ts';
import { compile } from '../harness/images.ts';
import { nameOf, readLease, runNumber } from '../harness/lease.ts';
import type { StepOptions, StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

const TOKEN = 'ghs_order';

/** One for each test: they run at the same time, and each has GitHub say something else. */
const github = { behind: new GitHubApi(), forbidden: new GitHubApi() };
const urls = { behind: '', forbidden: '', down: '' };

beforeAll(async () => {
  const compared = (status: string): Answer => ({
    status: 200,
    body: { ...example('commit-comparison'), status },
  });
  github.behind.answer = () => compared('behind');
  github.forbidden.answer = () => ({
    status: 403,
    body: { message: 'Resource not accessible by integration' },
  });
  urls.behind = await github.behind.start();
  urls.forbidden = await github.forbidden.start();
  const gone = new GitHubApi();
  urls.down = await gone.start();
  gone.stop();
});
afterAll(() => {
  for (const api of Object.values(github)) api.stop();
});

/** A checkout and its commits, the oldest first. */
class Checkout {
  readonly stage: Stage;
  readonly workspace: string;
  commits: readonly string[] = [];

  constructor(stage: Stage, workspace: string) {
    this.stage = stage;
    this.workspace = workspace;
  }

  /** Each commit is a version of its own. */
  async commit(count: number): Promise<void> {
    const { app } = await compile();
    await copyFile(app, join(this.workspace, 'app'));
    await this.git('init', '--quiet', '--initial-branch=main');
    for (let version = 1; version <= count; version += 1) {
      const cmd = JSON.stringify(['-version', `commit ${version}`]);
      const dockerfile = `FROM scratch\nCOPY app /app\nENTRYPOINT ["/app"]\nCMD ${cmd}\n`;
      await writeFile(join(this.workspace, 'Dockerfile'), dockerfile);
      await this.git('add', '.');
      await this.git('commit', '--quiet', `--message=Version ${version}`);
      this.commits = [...this.commits, await this.git('rev-parse', 'HEAD')];
    }
  }

  /** Builds and deploys a commit in a run. */
  async ship(
    version: number,
    { environment }: Required<Pick<StepOptions, 'environment'>>,
    { inputs, ...options }: Partial<StepOptions> = {},
  ): Promise<StepResult> {
    const { stage, workspace } = this;
    const { cluster } = stage.setup;
    await this.git('checkout', '--quiet', this.commits[version - 1] ?? '');
    const image = `${cluster.registry}/e2e/${stage.namespace}`;
    const step = await stage.deploy('v2', {
      ...options,
      workspace,
      environment: { ...cluster.env, ...environment },
      inputs: { build: 'true', image, ...inputs },
    });
    if (step.outputs['image']) stage.know(`commit ${version}`, step.outputs['image']);
    return step;
  }

  short(version: number): string {
    return (this.commits[version - 1] ?? '').slice(0, 7);
  }

  /** "Commit 1 is older than commit 2, which deployment/web runs already, brought by run 3". */
  older(version: number, deployed: number, by: number): string {
    return `Commit ${this.short(version)} is older than commit ${this.short(deployed)}, which deployment/web runs already, brought by ${nameOf(by)}.`;
  }

  async git(...args: readonly string[]): Promise<string> {
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
    return (await run('git', [...identity, '-C', this.workspace, ...args])).trim();
  }
}

const TO_GO_BACK = 'To go back to it on purpose, re-run this run, or set `allow-older: true`.';
const withToken = { 'github-token': TOKEN };

scenario(
  '12: a late run of an older commit, as GitHub knows: skipped, unless it is wished',
  async ({ stage, workspace }) => {
    await stage.start({ image: stage.images.v1 });
    const checkout = new Checkout(stage, workspace);
    await checkout.commit(3);
    // The late run has the higher number: it is GitHub's word that counts.
    const at = (number: number, more = {}) => runNumber(number, { GITHUB_API_URL: urls.behind, ...more });
    await checkout.ship(3, at(1), { inputs: withToken });
    const late = await checkout.ship(2, at(2), { inputs: withToken });
    expect(stage.ending(late)).toEqual({
      ...{ result: 'skipped', exitCode: 0, errors: 0 },
      reason: `${checkout.older(2, 3, 1)} ${TO_GO_BACK}`,
    });
    expect(await stage.state()).toMatchObject({
      image: 'commit 3',
      history: ['v1', 'commit 3'],
      available: 2,
    });
    expect(await readLease(stage)).toMatchObject({
      ...{ holder: undefined, open: undefined },
      stable: { commit: checkout.commits[2], order: { number: 1 } },
    });

    const wished = await checkout.ship(2, at(2), { inputs: { ...withToken, 'allow-older': 'true' } });
    expect(wished.log).toContain(
      `${checkout.older(2, 3, 1)} It is deployed all the same: \`allow-older\` is true.`,
    );
    expect(stage.ending(wished)).toEqual(
      green('succeeded', 'deployment/web runs <commit 2> and is healthy.'),
    );

    const byHand = await checkout.ship(1, at(3), { eventName: 'workflow_dispatch', inputs: withToken });
    expect(byHand.log).toContain(
      `${checkout.older(1, 2, 2)} It is deployed all the same: somebody started this run by hand.`,
    );
    expect(stage.ending(byHand)).toEqual(
      green('succeeded', 'deployment/web runs <commit 1> and is healthy.'),
    );

    // An image that exists is somebody's wish too, and of no commit that anybody knows.
    const named = await stage.deploy('v2', { ...at(4), inputs: withToken });
    expect(stage.ending(named)).toEqual(green('succeeded', 'deployment/web runs <v2> and is healthy.'));
    expect(github.behind.violations).toEqual([]);
    expect(
      github.behind.requests.map(({ path, authorization }) => [path['basehead'], authorization]),
    ).toEqual([
      [`${checkout.commits[2]}...${checkout.commits[1]}`, `token ${TOKEN}`],
      [`${checkout.commits[2]}...${checkout.commits[1]}`, `token ${TOKEN}`],
      [`${checkout.commits[1]}...${checkout.commits[0]}`, `token ${TOKEN}`],
    ]);
  },
);

scenario(
  '12: without a token the run numbers decide; a second attempt is obeyed',
  async ({ stage, workspace }) => {
    await stage.start({ image: stage.images.v1 });
    const checkout = new Checkout(stage, workspace);
    await checkout.commit(2);
    await checkout.ship(2, runNumber(8));
    const late = await checkout.ship(1, runNumber(7));
    expect(stage.ending(late)).toEqual({
      ...{ result: 'skipped', exitCode: 0, errors: 0 },
      reason: `${checkout.older(1, 2, 8)} ${TO_GO_BACK}`,
    });
    expect(await stage.state()).toMatchObject({ image: 'commit 2', history: ['v1', 'commit 2'] });
    const again = await checkout.ship(1, runNumber(7, { GITHUB_RUN_ATTEMPT: '2' }));
    expect(again.log).toContain(
      `${checkout.older(1, 2, 8)} It is deployed all the same: this is attempt 2 of the run, so somebody started it again by hand.`,
    );
    expect(stage.ending(again)).toEqual(green('succeeded', 'deployment/web runs <commit 1> and is healthy.'));
    expect(await stage.state()).toEqual(
      shipped('commit 1', {
        history: ['v1', 'commit 2', 'commit 1'],
        annotations: ['steadyship.dev/revision', 'steadyship.dev/run'],
      }),
    );
  },
);

scenario('22: GitHub that refuses or is down does not stop a delivery', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const checkout = new Checkout(stage, workspace);
  await checkout.commit(3);
  const unsaid = (version: number, deployed: number, why: string): string =>
    `GitHub did not say whether commit ${checkout.short(version)} is older than the deployed ${checkout.short(deployed)} (${why}), so the run numbers decide.`;
  await checkout.ship(1, runNumber(1));
  const refused = await checkout.ship(2, runNumber(2, { GITHUB_API_URL: urls.forbidden }), {
    inputs: withToken,
  });
  expect(refused.warnings).toEqual([unsaid(2, 1, 'the token may not read the repository: contents: read')]);
  expect(stage.ending(refused)).toEqual(green('succeeded', 'deployment/web runs <commit 2> and is healthy.'));
  const down = await checkout.ship(3, runNumber(3, { GITHUB_API_URL: urls.down }), { inputs: withToken });
  expect(down.warnings).toEqual([unsaid(3, 2, `connect ECONNREFUSED ${urls.down.replace('http://', '')}`)]);
  expect(stage.ending(down)).toEqual(green('succeeded', 'deployment/web runs <commit 3> and is healthy.'));
  expect(github.forbidden.violations).toEqual([]);
});
