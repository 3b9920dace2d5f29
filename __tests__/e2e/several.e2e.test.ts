import { expect } from 'vitest';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

const BOTH = { inputs: { workloads: 'deployment/web\ndeployment/api' } };

/** `web` is healthy with every image, since its arguments are its own; `api` does what the image says. */
async function startTwo(stage: Stage): Promise<void> {
  const image = stage.images.v1;
  await stage.start({ image, container: { args: ['-version', 'any'] } }, { image, name: 'api' });
}

scenario('two Deployments, both good', async ({ stage }) => {
  await startTwo(stage);
  const step = await stage.deploy('v2', BOTH);
  expect(stage.ending(step)).toEqual(
    green('succeeded', '2 workloads run <v2> and are healthy: deployment/web and deployment/api.'),
  );
  expect(await stage.state('web')).toEqual(shipped('v2'));
  expect(await stage.state('api')).toEqual(shipped('v2'));
});

scenario(
  'two Deployments, of which the second fails: both are put back, the last first',
  async ({ stage }) => {
    await startTwo(stage);
    const step = await stage.deploy('crash', BOTH);
    expect(stage.ending(step)).toEqual(
      red(
        'rolled-back',
        'deployment/api: container api exits 1 on every new pod (3 crashes): "cannot connect to database at db:5432". Rolled back to <v1> in <time>. deployment/web was put back too.',
      ),
    );
    expect(await stage.state('web')).toEqual(restored('crash', { kept: 0 }));
    expect(await stage.state('api')).toEqual(restored('crash'));
    expect(step.log.match(/^deployment\/\w+: put back/gm)).toEqual([
      'deployment/api: put back',
      'deployment/web: put back',
    ]);
  },
);

scenario(
  'three Deployments, of which the second is refused: the first is put back, the third never touched',
  async ({ stage, policy }) => {
    await startTwo(stage);
    await stage.start({ image: stage.images.v1, name: 'jobs' });
    await policy(
      'deployments',
      `object.metadata.name != 'api' || object.spec.template.spec.containers[0].image != '${stage.images.v2}'`,
    );
    const step = await stage.deploy('v2', {
      inputs: { workloads: 'deployment/web, deployment/api, deployment/jobs' },
    });
    expect(stage.ending(step)).toEqual(
      red(
        'rolled-back',
        "deployment/api: the API server refused the new image: deployments.apps \"api\" is forbidden: ValidatingAdmissionPolicy '<namespace>' with binding '<namespace>' denied request: only images of the release branch may run here. deployment/web was put back. deployment/api and deployment/jobs were not touched.",
      ),
    );
    expect(await stage.state('web')).toMatchObject({
      image: 'v1',
      history: ['v1', 'v2', 'v1'],
      available: 2,
      pods: { v1: 2 },
    });
    expect(await stage.state('api')).toEqual(untouched());
    expect(await stage.state('jobs')).toEqual(untouched());
  },
);

/** `api` needs half a minute for what `web` does at once. */
async function startUneven(stage: Stage): Promise<void> {
  const image = stage.images.v1;
  const slowly = { args: ['-version', 'any', '-slow', '30s'] };
  await stage.start({ image, replicas: 1 }, { image, replicas: 1, name: 'api', container: slowly });
}

const ANEW =
  'deployment/web: it was healthy before the others were, and it is not complete any more: gated anew';

scenario(
  'two Deployments, of which the first is healthy, and then fails while the second is on its way: both are put back',
  async ({ stage, policy }) => {
    await startUneven(stage);
    const { v2 } = stage.images;
    let broken: Promise<unknown> | undefined;
    const step = await stage.deploy('v2', {
      inputs: { ...BOTH.inputs, patience: 'create-denied: 3s' },
      onLine: (line) => {
        if (!line.includes('deployment/web: 1/1 ready, held')) return;
        broken ??= policy(
          'pods',
          `object.spec.containers.all(each, each.name != 'web' || each.image != '${v2}')`,
        ).then(() => stage.kubectl('delete', 'pod', '--selector=app=web', '--wait=false'));
      },
    });
    await broken;
    expect(stage.ending(step)).toEqual(
      red(
        'rolled-back',
        "deployment/web: a new pod cannot be created: ValidatingAdmissionPolicy '<namespace>' with binding '<namespace>' denied request: only images of the release branch may run here. Rolled back to <v1> in <time>. deployment/api was put back too.",
      ),
    );
    expect(step.log).toContain(ANEW);
    const one = { available: 1, pods: { v1: 1 }, kept: 0 };
    expect(await stage.state('web')).toEqual(restored('v2', one));
    expect(await stage.state('api')).toEqual(restored('v2', one));
  },
);

scenario(
  'two Deployments, of which the first is healthy, and its pod is replaced while the second is on its way: green',
  async ({ stage }) => {
    await startUneven(stage);
    let replaced: Promise<unknown> | undefined;
    const step = await stage.deploy('v2', {
      ...BOTH,
      onLine: (line) => {
        if (line.includes('deployment/web: 1/1 ready, held'))
          replaced ??= stage.kubectl('delete', 'pod', '--selector=app=web');
      },
    });
    expect(await replaced).toContain('deleted');
    expect(stage.ending(step)).toEqual(
      green('succeeded', '2 workloads run <v2> and are healthy: deployment/web and deployment/api.'),
    );
    expect(step.log).not.toContain(ANEW);
    const one = { available: 1, pods: { v2: 1 } };
    expect(await stage.state('web')).toEqual(shipped('v2', one));
    expect(await stage.state('api')).toEqual(shipped('v2', one));
  },
);
