import { expect, type onTestFinished } from 'vitest';
import { FaultProxy } from '../cluster-adapter/fault-proxy.ts';
import { green, red, shipped } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

/** A way to the API server that can be broken, and a kubeconfig that leads over it. */
async function detour(stage: Stage, finished: typeof onTestFinished): Promise<readonly [FaultProxy, string]> {
  const proxy = await FaultProxy.to(Number(new URL(stage.server).port), finished);
  const host = `127.0.0.1:${proxy.port}`;
  stage.know('detour', host);
  return [proxy, stage.kubeconfigWith(stage.user, { server: `https://${host}` })];
}

scenario(
  'an API server that goes away: unknown is no reason to roll back',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const [proxy, kubeconfig] = await detour(stage, onTestFinished);
    const deploy = stage.deploy('not-ready', { inputs: { kubeconfig, timeout: '6s' } });
    await stage.untilPods('not-ready', (pods) => pods.length === 1);
    await proxy.stop();
    expect(stage.ending(await deploy)).toEqual(
      red(
        'unknown',
        'The cluster at https://<detour> answered until <clock>, but can no longer be reached: the connection was refused, so nothing listens there (connect ECONNREFUSED <detour>). Look at the API server and at the load balancer and network in front of it, then run this again. deployment/web has the new image and is left as it is: whether it is healthy is unknown.',
      ),
    );
    expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
  },
);

scenario('connections that break are made anew', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const [proxy, kubeconfig] = await detour(stage, onTestFinished);
  const deploy = stage.deploy('slow', { inputs: { kubeconfig } });
  await stage.untilPods('slow', (pods) => pods.length === 1);
  proxy.reset();
  await stage.untilPods('slow', (pods) => pods.length === 2);
  proxy.reset();
  expect(stage.ending(await deploy)).toEqual(
    green('succeeded', 'deployment/web runs <slow> and is healthy.'),
  );
  expect(await stage.state()).toEqual(shipped('slow'));
});
