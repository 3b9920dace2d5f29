import { expect } from 'vitest';
import { ConnectProxy } from '../harness/connect-proxy.ts';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { deploying } from './deploying.ts';
import { healthy, ROLLED_BACK } from './words.ts';

/** The cluster is behind a proxy, which alone knows its name. */

const HOST = 'k8s.corp.invalid:6443';
const ADVICE =
  'Check HTTPS_PROXY, or proxy-url in the kubeconfig; NO_PROXY names the servers that need no proxy.';

function kubeconfig(stage: Stage, cluster: object = {}): string {
  stage.know('server', `https://${HOST}`);
  return stage.kubeconfigWith(stage.user, {
    server: `https://${HOST}`,
    'tls-server-name': 'localhost',
    ...cluster,
  });
}

scenario('the cluster is reached through HTTPS_PROXY alone', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const proxy = await ConnectProxy.to(Number(new URL(stage.server).port), onTestFinished);
  const inputs = { kubeconfig: kubeconfig(stage) };
  const step = await stage.deploy('v2', { inputs, environment: { HTTPS_PROXY: `http://${proxy.host}` } });
  expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
  expect(new Set(proxy.asked)).toEqual(new Set([HOST]));
  expect(await stage.state()).toEqual(shipped('v2'));
});

scenario("the kubeconfig's proxy-url counts more", async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const proxy = await ConnectProxy.to(Number(new URL(stage.server).port), onTestFinished);
  const inputs = { kubeconfig: kubeconfig(stage, { 'proxy-url': `http://${proxy.host}` }) };
  const environment = { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '*' };
  const step = await stage.deploy('v2', { inputs, environment });
  expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
  expect(await stage.state()).toEqual(shipped('v2'));
});

scenario('what NO_PROXY names is not asked of the proxy', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const proxy = await ConnectProxy.to(Number(new URL(stage.server).port), onTestFinished);
  const inputs = { kubeconfig: kubeconfig(stage) };
  const environment = { HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: '.corp.invalid' };
  const step = await stage.deploy('v2', { inputs, environment });
  expect(stage.ending(step)).toMatchObject({
    result: 'failed',
    reason: expect.stringMatching(
      /^Cannot reach the cluster at <server>: its name (is not known to DNS|could not be looked up, DNS did not answer) /,
    ),
  });
  expect(proxy.asked).toEqual([]);
  expect(await stage.state()).toEqual(untouched());
});

scenario('a proxy that is away is told as such', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const inputs = { kubeconfig: kubeconfig(stage) };
  const environment = { HTTPS_PROXY: 'http://jane:s3cr3t@127.0.0.1:1' };
  const step = await stage.deploy('v2', { inputs, environment });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      `Cannot reach the cluster at <server>: the proxy 127.0.0.1:1 can not be reached (connect ECONNREFUSED 127.0.0.1:1). ${ADVICE} Nothing was changed in the cluster.`,
    ),
  );
  expect(step.log).not.toContain('s3cr3t');
  expect(await stage.state()).toEqual(untouched());
});

scenario('a proxy ends all that passes it, in the middle', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const proxy = await ConnectProxy.to(Number(new URL(stage.server).port), onTestFinished);
  const inputs = { kubeconfig: kubeconfig(stage) };
  const environment = { HTTPS_PROXY: `http://${proxy.host}` };
  const deploy = await deploying(stage, 'slow', { inputs, environment });
  await deploy.patched();
  const before = proxy.asked.length;
  await proxy.away();
  await stage.untilPods('slow', (pods) => pods.length > 0);
  await proxy.back();
  expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('slow')));
  expect(proxy.asked.length).toBeGreaterThan(before);
  expect(await stage.state()).toEqual(shipped('slow'));
});

scenario('a proxy is away when it is to be put back', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const proxy = await ConnectProxy.to(Number(new URL(stage.server).port), onTestFinished);
  const inputs = { kubeconfig: kubeconfig(stage) };
  const environment = { HTTPS_PROXY: `http://${proxy.host}` };
  const deploy = await deploying(stage, 'no-entrypoint', { inputs, environment });
  await deploy.patched();
  await proxy.away();
  await stage.untilPods('no-entrypoint', (pods) =>
    pods.some(({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.message !== undefined),
  );
  await proxy.back();
  expect(stage.ending(await deploy.step)).toEqual(red('rolled-back', ROLLED_BACK));
  expect(await stage.state()).toEqual(restored('no-entrypoint'));
});
