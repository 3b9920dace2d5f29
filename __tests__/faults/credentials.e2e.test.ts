import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { rightsToDeploy } from '../../src/deploy/permissions.ts';
import { green, red, restored, shipped } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { deploying } from './deploying.ts';
import { type Passing, patchTo, refuse } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';
import { CANNOT_START, healthy, ROLLED_BACK } from './words.ts';

/** Who we are, and what we may, changes in the middle. */

const unauthorized = refuse(401, 'Unauthorized', 'Unauthorized');

/** A login that mints a token of the stage's user whenever it is run; the folder must not be in a workspace. */
interface Login {
  readonly user: object;
  readonly inputs: Readonly<Record<string, string>>;
  /** Every token so far, the last one last. */
  tokens(): Promise<readonly string[]>;
  /** From now on it fails. */
  spoil(): Promise<void>;
  /** Resolves when it has failed so many times. */
  failed(times: number): Promise<void>;
  /** From now on it mints tokens again. */
  mend(): Promise<void>;
}

async function loginOf(stage: Stage, folder: string): Promise<Login> {
  const { kubectl, kubeconfig } = stage.setup.cluster;
  const command = join(folder, 'mint');
  const minted = join(folder, 'minted');
  const broken = join(folder, 'broken');
  const failed = join(folder, 'failed');
  for (const file of [minted, failed]) await writeFile(file, '');
  const lines = async (file: string) =>
    (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  const script = `#!/bin/sh
set -e
if [ -e ${broken} ]; then
  echo failed >> ${failed}
  echo "no route to host" >&2
  exit 1
fi
token=$(${kubectl} --kubeconfig ${kubeconfig} -n ${stage.namespace} create token steadyship)
echo "$token" >> ${minted}
printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}' "$token"
`;
  await writeFile(command, script);
  await chmod(command, 0o755);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' };
  return {
    user: { exec },
    inputs: { 'kubeconfig-exec-allow': command },
    tokens: () => lines(minted),
    spoil: () => writeFile(broken, ''),
    failed: async (times) => {
      while ((await lines(failed)).length < times) await sleep(100);
    },
    mend: () => rm(broken),
  };
}

const bears = (token: string | undefined) => (request: Passing) => request.token === token;

for (const [image, ending, state] of [
  ['slow', green('succeeded', healthy('slow')), shipped('slow')],
  ['no-entrypoint', red('rolled-back', ROLLED_BACK), restored('no-entrypoint')],
] as const) {
  scenario(
    `8: the token expires in the middle (${image}): a new one`,
    async ({ stage, workspace: folder, onTestFinished }) => {
      await stage.start({ image: stage.images.v1 });
      const api = await FaultyApi.before(stage, onTestFinished);
      const login = await loginOf(stage, folder);
      const inputs = { ...login.inputs, kubeconfig: api.kubeconfig(login.user) };
      const deploy = await deploying(stage, image, { inputs });
      await deploy.patched();
      const [first] = await login.tokens();
      api.always(bears(first), unauthorized);
      api.reset();
      const step = await deploy.step;
      expect(stage.ending(step)).toEqual(ending);
      const tokens = await login.tokens();
      expect(tokens).toHaveLength(2);
      const shown = step.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
      expect(shown.filter((line) => tokens.some((token) => line.includes(token)))).toEqual([]);
      expect(api.patches).toHaveLength(state.history.length - 1);
      expect(await stage.state()).toEqual(state);
    },
  );
}

scenario(
  '8: the token expires in the middle, and the login fails for a while: waited for',
  async ({ stage, workspace: folder, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const login = await loginOf(stage, folder);
    const inputs = { ...login.inputs, kubeconfig: api.kubeconfig(login.user) };
    const deploy = await deploying(stage, 'slow', { inputs });
    await deploy.patched();
    const [first] = await login.tokens();
    await login.spoil();
    api.always(bears(first), unauthorized);
    api.reset();
    // It is asked three times before a request gives up: once more, and the gate has heard of it.
    await login.failed(4);
    await login.mend();
    expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('slow')));
    expect(await login.tokens()).toHaveLength(2);
    expect(api.patches).toEqual([stage.images.slow]);
    expect(await stage.state()).toEqual(shipped('slow'));
  },
);

scenario(
  '8: the token expires just when it is to be put back',
  async ({ stage, workspace: folder, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const login = await loginOf(stage, folder);
    const inputs = { ...login.inputs, kubeconfig: api.kubeconfig(login.user) };
    void api.once(patchTo(stage.images.v1), unauthorized);
    const step = await stage.deploy('no-entrypoint', { inputs });
    expect(stage.ending(step)).toEqual(red('rolled-back', ROLLED_BACK));
    expect(await login.tokens()).toHaveLength(2);
    expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('no-entrypoint'));
  },
);

scenario('8: the token expires, and there is no other: unknown', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig: api.kubeconfig() } });
  await deploy.patched();
  await stage.untilPods('not-ready', (pods) => pods.length === 1);
  api.always(() => true, unauthorized);
  api.reset();
  expect(stage.ending(await deploy.step)).toEqual(
    red(
      'unknown',
      'The cluster at <api> does not accept the credentials of the kubeconfig (401): Unauthorized. Take a fresh kubeconfig, or check the login that it runs. deployment/web has the new image and is left as it is: whether it is healthy is unknown.',
    ),
  );
  expect(api.patches).toEqual([stage.images['not-ready']]);
  expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
});

/** A kubeconfig that names a file of the workspace as the certificate authority. */
async function trusting(api: FaultyApi, workspace: string) {
  const file = join(workspace, 'authority.crt');
  await writeFile(file, api.authority);
  return {
    kubeconfig: api.kubeconfig(undefined, file),
    /** Whoever looks after the file replaces it as a mount does: all at once. */
    replace: async (certificate: string): Promise<void> => {
      await writeFile(`${file}.new`, certificate);
      await rename(`${file}.new`, file);
    },
  };
}

for (const [image, ending, state] of [
  ['slow', green('succeeded', healthy('slow')), shipped('slow')],
  ['no-entrypoint', red('rolled-back', ROLLED_BACK), restored('no-entrypoint')],
] as const) {
  scenario(
    `8: the authority is replaced in the middle (${image}): its file is read again`,
    async ({ stage, workspace, onTestFinished }) => {
      await stage.start({ image: stage.images.v1 });
      const api = await FaultyApi.before(stage, onTestFinished);
      const { kubeconfig, replace } = await trusting(api, workspace);
      const deploy = await deploying(stage, image, { workspace, inputs: { kubeconfig } });
      await deploy.patched();
      // The server is first, as it often is: nothing is lost while the file is still the old one.
      const next = api.rotate();
      await stage.untilPods(image, (pods) => pods.length > 0);
      await replace(next);
      expect(stage.ending(await deploy.step)).toEqual(ending);
      expect(api.patches).toHaveLength(state.history.length - 1);
      expect(await stage.state()).toEqual(state);
    },
  );
}

scenario(
  '8: the authority is replaced just when it is to be put back',
  async ({ stage, workspace, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const { kubeconfig, replace } = await trusting(api, workspace);
    void api.once(patchTo(stage.images.v1), () => replace(api.rotate()));
    const step = await stage.deploy('no-entrypoint', { workspace, inputs: { kubeconfig } });
    expect(stage.ending(step)).toEqual(red('rolled-back', ROLLED_BACK));
    expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('no-entrypoint'));
  },
);

scenario(
  '8: the authority is replaced, and the kubeconfig bears the old one itself: unknown',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig(), timeout: '8s' };
    const deploy = await deploying(stage, 'not-ready', { inputs });
    await deploy.patched();
    await stage.untilPods('not-ready', (pods) => pods.length === 1);
    api.rotate();
    expect(stage.ending(await deploy.step)).toEqual(
      red(
        'unknown',
        expect.stringMatching(
          /^The cluster at <api> answered until <clock>, but can no longer be reached: its certificate is not signed by the kubeconfig's certificate authority \(.*\)\. Its authority was replaced while this ran, .* deployment\/web has the new image and is left as it is: whether it is healthy is unknown\.$/,
        ),
      ),
    );
    expect(api.patches).toEqual([stage.images['not-ready']]);
    expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
  },
);

scenario(
  '9: all rights are taken away in the middle: unknown, said plainly',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig: api.kubeconfig() } });
    await deploy.patched();
    await stage.untilPods('not-ready', (pods) => pods.length === 1);
    await stage.kube.delete(`${stage.path('rolebindings')}/steadyship`);
    // Watches that are open stay open: the API server asks who may only when one begins.
    api.reset();
    const ending = stage.ending(await deploy.step);
    expect({
      ...ending,
      reason: ending.reason.replace(
        /: \w+(\.apps)?( "web")? is forbidden.*? in the namespace "<namespace>"\./,
        ': <what>.',
      ),
    }).toEqual(
      red(
        'unknown',
        'The cluster at <api> forbids it (403): <what>. Grant this user the Role that the README lists. deployment/web has the new image and is left as it is: whether it is healthy is unknown.',
      ),
    );
    expect(ending.reason).toContain(
      'User "system:serviceaccount:<namespace>:steadyship" cannot watch resource',
    );
    expect(api.patches).toEqual([stage.images['not-ready']]);
    expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
  },
);

scenario(
  '9: the right to patch is taken away before it is to be put back',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const rights = rightsToDeploy({ logs: true }).filter(({ verb }) => verb !== 'patch');
    void api.once(patchTo(stage.images.v1), async ({ pass }) => {
      await stage.restrict(rights);
      await pass();
    });
    const step = await stage.deploy('no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(
      red(
        'rollback-failed',
        `${CANNOT_START} The rollback to <v1> failed: The cluster at <api> forbids it (403): deployments.apps "web" is forbidden: User "system:serviceaccount:<namespace>:steadyship" cannot patch resource "deployments" in API group "apps" in the namespace "<namespace>". Grant this user the Role that the README lists.`,
      ),
    );
    expect(api.seen.filter(({ method }) => method === 'PATCH').map(({ status }) => status)).toEqual([
      200, 403,
    ]);
    expect(await stage.state()).toMatchObject({ image: 'no-entrypoint', available: 2, kept: 2 });
  },
);
