import { describe, expect, test } from 'vitest';
import { ApiError, type Cluster, UnreachableError } from '../../src/cluster/client.ts';
import { type Application, applyImages } from '../../src/deploy/apply.ts';
import { UnknownError } from '../../src/model/error.ts';
import type { Deployment } from '../../src/model/kube.ts';
import type { JsonPatchOperation } from '../../src/model/patch.ts';

const RUN = { 'steadyship.dev/run': 'https://github.com/acme/shop/actions/runs/2' };
const RUN_BEFORE = { 'steadyship.dev/run': 'https://github.com/acme/shop/actions/runs/1' };
const DROPPED =
  'it took the patch, but container web still has web:1: a mutating webhook or policy of the cluster put that back';

type Images = Readonly<Record<string, string>>;

function deployment(
  images: Images,
  annotations: Readonly<Record<string, string>> | undefined,
  manager?: string,
): Deployment {
  const fields = Object.keys(images).map((name) => [`k:${JSON.stringify({ name })}`, { 'f:image': {} }]);
  const fieldsV1 = {
    'f:spec': { 'f:template': { 'f:spec': { 'f:containers': Object.fromEntries(fields) } } },
  };
  return {
    metadata: {
      name: 'web',
      uid: 'u1',
      resourceVersion: '7',
      ...(annotations && { annotations: { ...annotations } }),
      ...(manager === undefined ? {} : { managedFields: [{ manager, operation: 'Update', fieldsV1 }] }),
    },
    spec: {
      template: { spec: { containers: Object.entries(images).map(([name, image]) => ({ name, image })) } },
    },
  };
}

/** What becomes of one PATCH: carried out, with what the cluster makes of it, or not; then the answer, or none. */
interface Patching {
  /** What the cluster makes of the images after it. */
  readonly mutate?: (images: Images) => Images;
  readonly refuse?: Error;
  readonly loseReply?: boolean;
  /** Under which name it is kept who wrote the images. */
  readonly manager?: string;
}

interface Server {
  readonly cluster: Cluster;
  readonly patches: (readonly JsonPatchOperation[])[];
  /** The images and annotations as they are in the end. */
  state(): { readonly images: Images; readonly annotations: Readonly<Record<string, string>> };
  delete(): void;
}

/** An API server that knows one object, a JSON patch, and what the test says of each. */
function serve(before: Deployment, ...steps: readonly Patching[]): Server {
  let now: Deployment | undefined = before;
  const patches: (readonly JsonPatchOperation[])[] = [];
  const request = { verb: 'PATCH', path: '/web' };
  const get = (): Promise<Deployment> =>
    now === undefined
      ? Promise.reject(new ApiError(request, { status: 404, reason: 'NotFound', message: 'not found' }))
      : Promise.resolve(now);
  const patch = (_: string, operations: readonly JsonPatchOperation[]): Promise<Deployment> => {
    patches.push(operations);
    const {
      mutate = (images: Images) => images,
      refuse,
      loseReply,
      manager,
    } = steps[patches.length - 1] ?? {};
    if (refuse !== undefined) return Promise.reject(refuse);
    const images = imagesOf(now);
    const annotations = new Map(Object.entries(now?.metadata?.annotations ?? {}));
    const names = Object.keys(images);
    for (const operation of operations) {
      const [, index, field] =
        /^\/spec\/template\/spec\/containers\/(\d+)\/(name|image)$/.exec(operation.path) ?? [];
      const name = names[Number(index)] ?? '';
      if (operation.op === 'test' && field === 'image' && images[name] !== operation.value)
        return Promise.reject(
          new ApiError(request, {
            status: 422,
            reason: 'Invalid',
            message: 'the server rejected our request due to an error in our request',
          }),
        );
      if (operation.op === 'replace') images[name] = String(operation.value);
      if (operation.op === 'add' && operation.path === '/metadata/annotations')
        for (const [key, value] of Object.entries(operation.value as Images)) annotations.set(key, value);
      const key = /^\/metadata\/annotations\/(.+)$/.exec(operation.path)?.[1]?.replaceAll('~1', '/');
      if (key !== undefined && operation.op === 'add') annotations.set(key, String(operation.value));
      if (key !== undefined && operation.op === 'remove') annotations.delete(key);
    }
    now = deployment(mutate(images), Object.fromEntries(annotations), manager);
    return loseReply === true ? Promise.reject(new UnreachableError(request, 'reset', true)) : get();
  };
  return {
    cluster: { server: 'https://fake:6443', get, patch } as unknown as Cluster,
    patches,
    state: () => ({ images: imagesOf(now), annotations: now?.metadata?.annotations ?? {} }),
    delete: () => {
      now = undefined;
    },
  };
}

function imagesOf(object: Deployment | undefined): Record<string, string> {
  const containers = object?.spec?.template?.spec?.containers ?? [];
  return Object.fromEntries(containers.map(({ name, image }) => [name ?? '', image ?? '']));
}

/** All containers from `:1` to `:2`. */
function application(workload: Deployment, annotations: Application['annotations'] = RUN): Application {
  const changes = Object.entries(imagesOf(workload)).map(([name, image], index) => ({
    ...{ list: 'containers' as const, index, name, image },
    to: image.replace(/:1$/, ':2'),
  }));
  return { id: { kind: 'Deployment', namespace: 'shop', name: 'web' }, workload, changes, annotations };
}

const drop = (name: string) => (images: Images) => ({ ...images, [name]: `${name}:1` });

describe('a cluster that drops a part of the patch', () => {
  const TWO = { web: 'web:1', proxy: 'proxy:1' };

  test.each<[string, Images, Readonly<Record<string, string>> | undefined]>([
    ['the only image: our annotations go', { web: 'web:1' }, { mine: '1' }],
    ['the only image: annotations of the run before come back', { web: 'web:1' }, RUN_BEFORE],
    ['the only image, where there were no annotations', { web: 'web:1' }, undefined],
    ['one of two images: the other is put back', TWO, RUN_BEFORE],
  ])('%s', async (_, images, annotations) => {
    const before = deployment(images, annotations);
    const server = serve(before, { mutate: drop('web') });
    expect(await applyImages(server.cluster, application(before))).toEqual({
      kind: 'refused',
      message: DROPPED,
    });
    expect(server.state()).toEqual({ images, annotations: annotations ?? {} });
    expect(server.patches).toHaveLength(2);
  });

  test('what was put back is tested as the first patch did', async () => {
    const before = deployment(TWO, RUN_BEFORE);
    const server = serve(before, { mutate: drop('web') });
    await applyImages(server.cluster, application(before));
    const path = '/spec/template/spec/containers/1';
    expect(server.patches[1]).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'u1' },
      { op: 'test', path: `${path}/name`, value: 'proxy' },
      { op: 'test', path: `${path}/image`, value: 'proxy:2' },
      { op: 'replace', path: `${path}/image`, value: 'proxy:1' },
      {
        op: 'add',
        path: '/metadata/annotations/steadyship.dev~1run',
        value: RUN_BEFORE['steadyship.dev/run'],
      },
    ]);
  });

  test('an image that it sent to a mirror meanwhile goes back, too', async () => {
    const before = deployment(TWO, {});
    const server = serve(before, { mutate: () => ({ web: 'web:1', proxy: 'mirror/proxy:2' }) });
    expect(await applyImages(server.cluster, application(before))).toMatchObject({ kind: 'refused' });
    expect(server.state()).toEqual({ images: TWO, annotations: {} });
  });

  test('the answer is lost, too: the rest is recognised as ours and taken back', async () => {
    const before = deployment(TWO, {});
    const server = serve(before, { mutate: drop('web'), loseReply: true });
    expect(await applyImages(server.cluster, application(before))).toEqual({
      kind: 'refused',
      message: DROPPED,
    });
    expect(server.state()).toEqual({ images: TWO, annotations: {} });
  });

  test('the answer is lost, too, and no annotation tells whose it is: our name does', async () => {
    const before = deployment(TWO, {});
    const server = serve(before, { mutate: drop('web'), loseReply: true, manager: 'steadyship' });
    expect(await applyImages(server.cluster, application(before, {}))).toMatchObject({ kind: 'refused' });
    expect(server.state()).toEqual({ images: TWO, annotations: {} });
  });

  test('somebody else who set one of the images has it kept, and nothing is taken back', async () => {
    const before = deployment(TWO, {});
    const theirs = { web: 'web:1', proxy: 'proxy:2' };
    const server = serve(deployment(theirs, {}, 'kubectl'));
    expect(await applyImages(server.cluster, application(before, {}))).toEqual({
      kind: 'conflict',
      message: 'somebody else set container proxy of deployment/web to proxy:2 in between',
    });
    expect(server.state()).toEqual({ images: theirs, annotations: {} });
  });

  test.each<[string, Patching, string]>([
    [
      'is not allowed',
      { refuse: new ApiError({ verb: 'PATCH', path: '/web' }, { status: 403, message: 'no' }) },
      'The cluster at https://fake:6443 forbids it (403): no. Grant this user the Role that the README lists.',
    ],
    [
      'is dropped, too',
      { mutate: () => ({ web: 'web:1', proxy: 'proxy:2' }) },
      'That was changed on its way, too.',
    ],
  ])('taking back %s: nobody claims that nothing was changed', async (_, second, why) => {
    const before = deployment(TWO, {});
    const server = serve(before, { mutate: drop('web') }, second);
    const refused = applyImages(server.cluster, application(before));
    await expect(refused).rejects.toThrow(UnknownError);
    await expect(refused).rejects.toThrow(
      `The patch of deployment/web was carried out in part: container web still has web:1: a mutating webhook or policy of the cluster put that back, and what else was set could not be taken back. ${why} Look yourself: kubectl get deployment/web -n shop -o wide`,
    );
  });

  test('a patch that took whole is not taken back', async () => {
    const before = deployment(TWO, RUN_BEFORE);
    const server = serve(before);
    expect(await applyImages(server.cluster, application(before))).toMatchObject({ kind: 'applied' });
    expect(server.state()).toEqual({ images: { web: 'web:2', proxy: 'proxy:2' }, annotations: RUN });
    expect(server.patches).toHaveLength(1);
  });
});

describe('a webhook that has what is wanted stand there under the name that it had', () => {
  const digest = (character: string): string => `@sha256:${character.repeat(64)}`;
  const MIRROR = `mirror/web${digest('a')}`;
  const wanting = (
    workload: Deployment,
    to: string,
    annotations?: Application['annotations'],
  ): Application => {
    const { changes, ...rest } = application(workload, annotations);
    return {
      ...rest,
      changes: changes.map((change) => (change.name === 'web' ? { ...change, to } : change)),
    };
  };
  const keep = (images: Images): Images => ({ ...images, web: MIRROR });

  test.each<[string, Patching, number]>([
    ['the answer says so', {}, 1],
    ['the answer is lost: our annotations say so', { loseReply: true }, 1],
  ])('the same digest was not dropped: %s', async (_, patching, sent) => {
    const before = deployment({ web: MIRROR }, RUN_BEFORE);
    const server = serve(before, { mutate: keep, ...patching });
    const applied = await applyImages(server.cluster, wanting(before, `ghcr.io/web${digest('a')}`));
    expect(applied).toMatchObject({ kind: 'applied' });
    expect(server.state()).toEqual({ images: { web: MIRROR }, annotations: RUN });
    expect(server.patches).toHaveLength(sent);
  });

  test.each([
    ['with annotations', {}, RUN],
    ['with those that an attempt before left', RUN, RUN],
    ['without', {}, {}],
  ])(
    'the request is lost, %s: what stood there before does not pass for what was sent',
    async (_, present, annotations) => {
      const before = deployment({ web: MIRROR }, present);
      const lost = new UnreachableError({ verb: 'PATCH', path: '/web' }, 'reset', true);
      const server = serve(before, { refuse: lost });
      const to = `ghcr.io/web${digest('a')}`;
      expect(await applyImages(server.cluster, wanting(before, to, annotations))).toMatchObject({
        kind: 'applied',
      });
      expect(server.patches).toHaveLength(2);
      expect(server.state()).toEqual({ images: { web: to }, annotations });
    },
  );

  test('beside an image that was dropped, only our annotations are taken back', async () => {
    const before = deployment({ web: MIRROR, proxy: 'proxy:1' }, RUN_BEFORE);
    const server = serve(before, { mutate: (images) => ({ ...keep(images), proxy: 'proxy:1' }) });
    expect(await applyImages(server.cluster, wanting(before, `ghcr.io/web${digest('a')}`))).toEqual({
      kind: 'refused',
      message:
        'it took the patch, but container proxy still has proxy:1: a mutating webhook or policy of the cluster put that back',
    });
    expect(server.state()).toEqual({
      images: { web: MIRROR, proxy: 'proxy:1' },
      annotations: RUN_BEFORE,
    });
  });

  test.each([
    ['another digest', MIRROR, `ghcr.io/web${digest('b')}`],
    ['a tag, of which nobody knows what it names', 'mirror/web:2', 'ghcr.io/web:2'],
  ])('%s was dropped', async (_, stands, to) => {
    const before = deployment({ web: stands }, {});
    const server = serve(before, { mutate: () => ({ web: stands }) });
    expect(await applyImages(server.cluster, wanting(before, to))).toEqual({
      kind: 'refused',
      message: `it took the patch, but container web still has ${stands}: a mutating webhook or policy of the cluster put that back`,
    });
    expect(server.state()).toEqual({ images: { web: stands }, annotations: {} });
  });
});

describe('a patch whose answer never comes', () => {
  const lost = { refuse: new UnreachableError({ verb: 'PATCH', path: '/web' }, 'reset', true) };
  const BEFORE = deployment({ web: 'web:1' }, {});

  test('is sent three times, and then nobody claims to know what becomes of it', async () => {
    const server = serve(BEFORE, lost, lost, lost);
    const asked = applyImages(server.cluster, application(BEFORE));
    await expect(asked).rejects.toThrow(UnknownError);
    await expect(asked).rejects.toThrow(
      'The answer to the patch of deployment/web was lost, and so far the cluster has not carried it out. Look yourself: kubectl get deployment/web -n shop -o wide',
    );
    expect(server.patches).toHaveLength(3);
  });

  test('but comes the third time was sent', async () => {
    const server = serve(BEFORE, lost, lost);
    expect(await applyImages(server.cluster, application(BEFORE))).toMatchObject({ kind: 'applied' });
    expect(server.patches).toHaveLength(3);
  });
});

describe('a patch that the server answers with no', () => {
  const BEFORE = deployment({ web: 'web:1' }, {});
  const refusal = (status: number, message: string): Patching => ({
    refuse: new ApiError({ verb: 'PATCH', path: '/web' }, { status, message }),
  });
  const GONE = 'deployments.apps "web" not found';

  test('because the workload was deleted in between', async () => {
    const server = serve(BEFORE, refusal(404, GONE));
    server.delete();
    expect(await applyImages(server.cluster, application(BEFORE))).toEqual({
      kind: 'conflict',
      message: 'deployment/web was deleted by somebody else in between; create it again before the next run',
    });
  });

  test('in the same words while the workload is there: a webhook said so', async () => {
    const server = serve(BEFORE, refusal(404, GONE));
    expect(await applyImages(server.cluster, application(BEFORE))).toEqual({
      kind: 'refused',
      message: GONE,
    });
  });

  test('because a right is missing', async () => {
    const said =
      'deployments.apps "web" is forbidden: User "ci" cannot patch resource "deployments" in API group "apps" in the namespace "shop"';
    const server = serve(BEFORE, refusal(403, said));
    expect(await applyImages(server.cluster, application(BEFORE))).toEqual({
      kind: 'prevented',
      message: `The cluster at https://fake:6443 forbids it (403): ${said}. Grant this user the Role that the README lists.`,
      final: true,
    });
    expect(server.patches).toHaveLength(1);
  });

  test.each([
    'admission webhook "p" denied the request: User "ci" cannot patch this',
    "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no",
    'deployments.apps "web" is forbidden: exceeded quota: q',
  ])('because of what was sent: %s', async (said) => {
    const server = serve(BEFORE, refusal(403, said));
    expect(await applyImages(server.cluster, application(BEFORE))).toEqual({
      kind: 'refused',
      message: said,
    });
  });
});
