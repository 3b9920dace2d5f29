import { expect } from 'vitest';
import { untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';

scenario('all mistakes of the inputs at once', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('v2', {
    inputs: {
      image: 'https://ghcr.io/acme/shop:v1',
      workloads: 'web, cronjob/backup',
      namespace: 'Production',
      timeout: '10',
      'max-restarts': 'two',
      patience: 'unshedulable: 5m',
      logs: 'sometimes',
      rolback: 'never',
      push: 'true',
    },
  });
  expect({ ...step.outputs, exitCode: step.exitCode }).toMatchObject({ result: 'failed', exitCode: 1 });
  expect(step.errors.flatMap((error) => error.split('\n'))).toEqual([
    'push: SteadyShip always pushes what it builds, since the cluster must be able to pull it. Remove `push`; to build without pushing, use docker/build-push-action.',
    'rolback: there is no such input; did you mean rollback?',
    'image: The image "https://ghcr.io/acme/shop:v1" begins with "https://": an image has no scheme, write "ghcr.io/acme/shop:v1".',
    'workloads: "web" names no kind. Write kind/name, kind/name:container or namespace/kind/name, for example deployment/web.',
    'workloads: "cronjob/backup" is of the kind "cronjob", which is not gated; the kinds that are: deployment, statefulset, daemonset. Write kind/name, kind/name:container or namespace/kind/name, for example deployment/web.',
    'namespace: "Production" can not be the name of a namespace (RFC 1123: lower-case letters, digits and hyphens, at most 63).',
    'max-restarts: "two" is no whole number from 0 to 999 (default: 2).',
    'patience: "unshedulable" is no sign of trouble. The signs: image-missing, image-denied, config-error, cannot-start, unschedulable, create-denied, volume.',
    'timeout: "10" is no duration. Write a number with a unit, such as 90s, 10m or 1h30m (default: 10m).',
    'logs: "sometimes" is not one of auto, never (default: auto).',
  ]);
  expect(await stage.state()).toEqual(untouched());
});

scenario('an input that does not exist: a mistyped `rollback` must not roll back', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('crash', { inputs: { rolback: 'never' } });
  expect(stage.ending(step)).toEqual({
    result: 'failed',
    exitCode: 1,
    errors: 1,
    reason: 'rolback: there is no such input; did you mean rollback?',
  });
  expect(await stage.state()).toEqual(untouched());
});
