import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { KubeObject } from '../../src/model/kube.ts';
import { red, restored, shipped } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { deploying } from './deploying.ts';

/** The token stands in a file that somebody else renews, as a projected service account token does. */

const NOT_READY =
  'deployment/web: container web is not ready on any new pod (no progress for 25 s): "Readiness probe failed: HTTP probe failed with statuscode: 503".';

/** A token of the stage's user that the API server refuses from the moment on in which it is withdrawn. */
async function mint(stage: Stage, name: string) {
  const secrets = stage.path('secrets');
  const { metadata } = await stage.kube.create<KubeObject>(secrets, { metadata: { name } });
  const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name, uid: metadata?.uid };
  const { status } = await stage.kube.create<{ readonly status: { readonly token: string } }>(
    `${stage.path('serviceaccounts')}/steadyship/token`,
    { spec: { boundObjectRef } },
  );
  return { token: status.token, withdraw: () => stage.kube.delete(`${secrets}/${name}`) };
}

scenario('the token in a file is withdrawn and replaced: read again', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const tokenFile = join(workspace, 'token');
  const [first, second] = await Promise.all([mint(stage, 'first'), mint(stage, 'second')]);
  await writeFile(tokenFile, first.token);
  const inputs = { kubeconfig: stage.kubeconfigWith({ tokenFile }), timeout: '25s' };
  const deploy = await deploying(stage, 'not-ready', { workspace, inputs });
  await deploy.patched();
  await writeFile(`${tokenFile}.new`, second.token);
  await rename(`${tokenFile}.new`, tokenFile);
  await first.withdraw();
  const step = await deploy.step;
  expect(stage.ending(step)).toEqual(red('rolled-back', `${NOT_READY} Rolled back to <v1> in <time>.`));
  const shown = step.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  const tokens = [first.token, second.token];
  expect(shown.filter((line) => tokens.some((token) => line.includes(token)))).toEqual([]);
  expect(await stage.state()).toEqual(restored('not-ready'));
});

scenario(
  'the token in a file is withdrawn, and nobody replaces it: unknown',
  async ({ stage, workspace }) => {
    await stage.start({ image: stage.images.v1 });
    const tokenFile = join(workspace, 'token');
    const only = await mint(stage, 'only');
    await writeFile(tokenFile, only.token);
    const inputs = { kubeconfig: stage.kubeconfigWith({ tokenFile }), timeout: '25s' };
    const deploy = await deploying(stage, 'not-ready', { workspace, inputs });
    await deploy.patched();
    await only.withdraw();
    expect(stage.ending(await deploy.step)).toEqual(
      red(
        'unknown',
        'The cluster at <server> does not accept the credentials of the kubeconfig (401): Unauthorized. Take a fresh kubeconfig, or check the login that it runs. deployment/web has the new image and is left as it is: whether it is healthy is unknown.',
      ),
    );
    expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
  },
);
