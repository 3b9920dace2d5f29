import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import { compile } from '../harness/images.ts';
import { Repository } from '../harness/repository.ts';
import type { StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { helper, READY } from '../harness/workload.ts';

const OURS = ['steadyship.dev/revision', 'steadyship.dev/run'];
/** What a command of the image is given: good, or bad. */
const GOOD = ['-version', 'new'];
const CRASH = ['-crash', 'no such table: orders'];

/** Two programs in one repository, as a bake file builds them. */
class Shop {
  readonly repository: Repository;
  readonly host: string;
  readonly #stage: Stage;

  constructor(stage: Stage, workspace: string) {
    this.#stage = stage;
    this.host = stage.setup.cluster.registry;
    this.repository = new Repository(workspace);
  }

  /** Where a target goes: a repository of this test alone. */
  image(target: string): string {
    return `${this.host}/e2e/${this.#stage.namespace}-${target}`;
  }

  /** @param api the last lines of the Dockerfile in the folder api */
  async begin(api: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
    const { app } = await compile();
    await this.repository.write({
      Dockerfile: dockerfile(GOOD, 'LABEL part=web'),
      'api/Dockerfile': api,
      'docker-bake.hcl': bakeFile({ web: '.', api: 'api' }, ['web', 'api']),
      ...files,
    });
    await copyFile(app, join(this.repository.folder, 'app'));
    await copyFile(app, join(this.repository.folder, 'api', 'app'));
    return await this.repository.begin({});
  }

  lines(...targets: readonly string[]): string {
    return targets.map((target) => `${target}=${this.image(target)}`).join('\n');
  }

  async ship(inputs: Readonly<Record<string, string>> = {}, environment = {}): Promise<StepResult> {
    const step = await this.#stage.deploy('v2', {
      workspace: this.repository.folder,
      environment: { ...this.#stage.setup.cluster.env, ...environment },
      inputs: {
        build: 'true',
        image: this.lines('web', 'api'),
        'bake-file': 'docker-bake.hcl',
        workloads: 'deployment/web=web\ndeployment/api=api',
        ...inputs,
      },
    });
    for (const reference of step.outputs['image']?.split('\n') ?? []) {
      const name = /-(\w+)@/.exec(reference)?.[1];
      if (name !== undefined) this.#stage.know(`new ${name}`, reference);
    }
    return step;
  }

  async tags(target: string): Promise<readonly string[]> {
    const name = this.image(target).slice(this.host.length + 1);
    const list = await fetch(`http://${this.host}/v2/${name}/tags/list`);
    const { tags } = (await list.json()) as { tags: string[] };
    return tags.sort();
  }
}

function dockerfile(cmd: readonly string[], more = ''): string {
  return `FROM scratch\nCOPY app /app\n${more}\nENTRYPOINT ["/app"]\nCMD ${JSON.stringify(cmd)}\n`;
}

function bakeFile(contexts: Readonly<Record<string, string>>, group: readonly string[]): string {
  const targets = Object.entries(contexts).map(
    ([name, context]) => `target "${name}" {\n  context = "${context}"\n}\n`,
  );
  return `group "default" {\n  targets = ${JSON.stringify(group)}\n}\n${targets.join('')}`;
}

/** Both on the old image. */
async function startTwo(stage: Stage): Promise<void> {
  const image = stage.images.v1;
  await stage.start({ image }, { image, name: 'api' });
}

scenario('two targets, each on its Deployment', async ({ stage, workspace }) => {
  await startTwo(stage);
  const shop = new Shop(stage, workspace);
  const commit = await shop.begin(dockerfile(GOOD, 'LABEL part=api'));
  const step = await shop.ship();
  expect(stage.ending(step)).toEqual(
    green(
      'succeeded',
      '2 workloads run the images of this run and are healthy: deployment/web and deployment/api.',
    ),
  );
  expect(step.outputs['image']?.split('\n').map((line) => line.replace(/@.*/, ''))).toEqual([
    shop.image('web'),
    shop.image('api'),
  ]);
  expect(step.outputs).toMatchObject({ tag: commit, built: 'true' });
  expect(step.outputs['digest']?.split('\n').map((digest) => digest.length)).toEqual([71, 71]);
  expect(await stage.state('web')).toEqual(shipped('new web', { annotations: OURS }));
  expect(await stage.state('api')).toEqual(shipped('new api', { annotations: OURS }));
  expect(await shop.tags('web')).toEqual([commit]);
  expect(step.warnings).toEqual([]);
  expect(step.report?.image).toBeUndefined();
  expect(step.report?.images?.map(({ target, reference }) => [target, stage.plain(reference)])).toEqual([
    ['web', '<new web>'],
    ['api', '<new api>'],
  ]);
  for (const { build, size } of step.report?.images ?? []) {
    // COPY is one step for both, and BuildKit tells it of either.
    expect(build?.steps?.map(({ name }) => name)).toContain('exporting to image');
    expect(size?.change?.from).toBe(stage.images.v1);
  }
  expect(step.log).toContain('\nImage of target api: ');
  expect(step.summary).toContain('### Images');
});

scenario('two targets, of which one crashes: both are put back', async ({ stage, workspace }) => {
  await startTwo(stage);
  const shop = new Shop(stage, workspace);
  await shop.begin(dockerfile(CRASH));
  const step = await shop.ship();
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/api: container api exits 1 on every new pod (3 crashes): "no such table: orders". Rolled back to <v1> in <time>. deployment/web was put back too.',
    ),
  );
  // How far the good one came until then is a race.
  const web = await stage.state('web');
  expect(web).toMatchObject({ image: 'v1', history: ['v1', 'new web', 'v1'], annotations: [] });
  expect(await stage.state('api')).toEqual(restored('new api'));
});

scenario('a target that does not build', async ({ stage, workspace }) => {
  await startTwo(stage);
  const shop = new Shop(stage, workspace);
  await shop.begin(dockerfile(GOOD, 'RUN ["/app", "-crash", "ENOENT: package.json"]'));
  const step = await shop.ship();
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'Target api: The build failed at api/Dockerfile:3: `RUN ["/app", "-crash", "ENOENT: package.json"]` ended with exit code 1. Its last lines: "ENOENT: package.json". Nothing was changed in the cluster.',
    ),
  );
  expect(step.report?.place).toEqual({ file: 'api/Dockerfile', line: 3, endLine: 3 });
  expect(await stage.state('web')).toEqual(untouched());
  expect(await stage.state('api')).toEqual(untouched());
});

scenario('a Dockerfile that can not be read, of two of that name', async ({ stage, workspace }) => {
  await startTwo(stage);
  const shop = new Shop(stage, workspace);
  await shop.begin(dockerfile(GOOD, 'INSTALL node'));
  const step = await shop.ship();
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'Target api: The Dockerfile api/Dockerfile is wrong at line 3: unknown instruction: INSTALL. Nothing was changed in the cluster.',
    ),
  );
});

scenario('a target whose registry refuses: nothing is built', async ({ stage, workspace, closed }) => {
  await startTwo(stage);
  const shop = new Shop(stage, workspace);
  await shop.begin(dockerfile(GOOD));
  const image = `web=${shop.image('web')}\napi=${closed.host}/e2e/api`;
  const step = await shop.ship({ image });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      '<registry> refused a push to <registry>/e2e/api without a login: "authentication required". Set the inputs username and password. Nothing was changed in the cluster.',
    ),
  );
  expect(step.log).not.toContain('docker-bake.hcl');
  expect(await stage.state('web')).toEqual(untouched());
  expect(await stage.state('api')).toEqual(untouched());
});

scenario('two containers of one Deployment get two targets', async ({ stage, workspace }) => {
  const web = { name: 'web', image: stage.images.v1, readinessProbe: READY };
  const second = { ...helper(stage.images.helper), name: 'proxy' };
  await stage.start({ image: stage.images.v1, pod: { containers: [web, second] } });
  const shop = new Shop(stage, workspace);
  await shop.begin(dockerfile([...GOOD, '-listen', ':8081']));
  const step = await shop.ship({ workloads: 'deployment/web:web, deployment/web:proxy=api' });
  expect(stage.ending(step)).toEqual(
    green('succeeded', 'deployment/web runs the images of this run and is healthy.'),
  );
  expect((await stage.state()).image).toBe('new web + new api');
});

scenario('`command: build` bakes, with what the file and the job say', async ({ stage, workspace }) => {
  await startTwo(stage);
  const shop = new Shop(stage, workspace);
  const file = `
variable "RELEASE" {
  default = "none"
}
group "default" {
  targets = ["part"]
}
target "base" {
  dockerfile-inline = "FROM scratch\\nCOPY app /app"
}
target "part" {
  name = "part-\${item}"
  matrix = {
    item = ["a", "b"]
  }
  contexts = {
    base = "target:base"
  }
  dockerfile-inline = "FROM base\\nARG GREETING\\nENV GREETING=$GREETING"
  labels = {
    "org.opencontainers.image.title" = "mine"
  }
  output = ["type=local,dest=out"]
  tags = ["${shop.image('part')}:\${RELEASE}-\${item}"]
}
`;
  const commit = await shop.begin(dockerfile(GOOD), { 'docker-bake.hcl': file });
  const step = await shop.ship(
    {
      image: '',
      command: 'build',
      workloads: '',
      kubeconfig: '',
      'build-args': 'GREETING=hello',
      labels: 'shelf=7',
    },
    { RELEASE: '1.2' },
  );
  expect(step.outputs['result']).toBe('succeeded');
  expect(step.outputs['reason']).toMatch(
    /^Built and pushed 2 images: \S+-part@sha256:\S+ and \S+-part@sha256:\S+\.$/,
  );
  expect(await shop.tags('part')).toEqual([`1.2-a`, '1.2-b', `${commit}-part-a`, `${commit}-part-b`].sort());
  expect(step.outputs['tag']).toBe(`${commit}-part-a\n${commit}-part-b`);
  expect(await configOf(`${shop.image('part')}:1.2-b`)).toMatchObject({
    Env: expect.arrayContaining(['GREETING=hello']),
    Labels: {
      'org.opencontainers.image.title': 'mine',
      'org.opencontainers.image.revision': commit,
      shelf: '7',
    },
  });
  expect(await stage.state('web')).toEqual(untouched());
});

scenario('a mapping that is not plain is told before anything is built', async ({ stage, workspace }) => {
  await startTwo(stage);
  const shop = new Shop(stage, workspace);
  await shop.begin(dockerfile(GOOD));
  const step = await shop.ship({ image: shop.lines('web'), workloads: 'deployment/web, deployment/server' });
  expect(step.outputs['result']).toBe('failed');
  expect(step.outputs['reason']).toBe(
    'The target api of the bake file names no image. Name its repository in the input image: api=ghcr.io/owner/api; or in the bake file: tags = ["ghcr.io/owner/api"]. workloads: which image deployment/server gets is not plain, since no target is called so. Write deployment/server=target. There: web, api. Nothing was changed in the cluster.',
  );
  expect(await shop.repository.git('status', '--porcelain')).toBe('');
});

/** The config of an image, as a container is started by it. */
async function configOf(reference: string): Promise<unknown> {
  const [, host = '', name = '', tag = ''] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference) ?? [];
  const accept = [
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ].join(', ');
  const manifest = await fetch(`http://${host}/v2/${name}/manifests/${tag}`, { headers: { accept } });
  const { config } = (await manifest.json()) as { config: { digest: string } };
  const blob = await fetch(`http://${host}/v2/${name}/blobs/${config.digest}`);
  return ((await blob.json()) as { config: unknown }).config;
}
