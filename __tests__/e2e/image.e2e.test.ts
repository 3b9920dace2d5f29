import { expect } from 'vitest';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';

const NOTHING = 'Nothing was changed in the cluster.';

scenario('an image that is not in the registry: the cluster is not touched', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('missing');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      `The image <missing> is not in the registry <registry>. Check its name and tag, and that the job that pushes it has run. ${NOTHING}`,
    ),
  );
  expect(await stage.state()).toEqual(untouched());
});

scenario(
  'an image without a platform that the one before had: the cluster is not touched',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    const step = await stage.deploy('other-architecture');
    expect(stage.ending(step)).toEqual(
      red(
        'failed',
        `The new image lacks linux/amd64, for which the image that runs now was built (deployment/web, container web): nodes of that kind could not run it. Build it for these too, with \`platforms\`. ${NOTHING}`,
      ),
    );
    expect(await stage.state()).toEqual(untouched());
  },
);

scenario('an image for one platform of two that the one before had', async ({ stage }) => {
  await stage.start({ image: stage.images.both });
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      `The new image lacks linux/arm64, for which the image that runs now was built (deployment/web, container web): nodes of that kind could not run it. Build it for these too, with \`platforms\`. ${NOTHING}`,
    ),
  );
  expect(await stage.state()).toEqual(untouched({ image: 'both', history: ['both'], pods: { both: 2 } }));
});

scenario('19: an image that nobody looked up and that is not there', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('missing', { inputs: { resolve: 'false' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web: image <missing> cannot be pulled: not found. Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('missing'));
});

scenario('a registry that the cluster may not read', async ({ stage, closed }) => {
  await stage.start({ image: stage.images.v1 });
  const inputs = { image: closed.image, ...closed.login, patience: 'image-denied: 3s' };
  const step = await stage.deploy('v2', { inputs });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web: image <closed> cannot be pulled: unauthorized: "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials". Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('closed'));
  expect(step.warnings.map((warning) => stage.plain(warning))).toEqual([
    "<registry> asks for a login, and deployment/web names no imagePullSecrets. Unless the service account or the nodes have one, the cluster can not pull the image: kubectl create secret docker-registry, then name it in the pod template's imagePullSecrets.",
  ]);
});

scenario('a registry that the cluster may read', async ({ stage, closed }) => {
  await stage.kubectl(...closed.pullSecret('pull'));
  await stage.start({ image: stage.images.v1, pod: { imagePullSecrets: [{ name: 'pull' }] } });
  const step = await stage.deploy('v2', { inputs: { image: closed.image, ...closed.login } });
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <closed> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('closed'));
  expect(step.warnings).toEqual([]);
});
