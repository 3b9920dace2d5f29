import { describe, expect, it } from 'vitest';
import { CONFIG, digestOf, INDEX, INDEX_DIGEST, image, MANIFEST, refusal, registryError } from './answers.ts';
import { type Answer, wire } from './wire.ts';

describe('resolve', () => {
  it('gives the digest of the body and the platforms of an index, without its attestations', async () => {
    const { registry, host, asked } = await wire(() => ({
      body: INDEX,
      headers: { 'docker-content-digest': INDEX_DIGEST },
    }));
    expect(await registry.resolve(image(host))).toEqual({
      exists: true,
      digest: INDEX_DIGEST,
      children: [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`],
      config: undefined,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      platforms: [
        { os: 'linux', architecture: 'amd64', digest: `sha256:${'1'.repeat(64)}` },
        { os: 'linux', architecture: 'arm64', digest: `sha256:${'2'.repeat(64)}` },
      ],
    });
    expect(asked).toMatchObject([{ method: 'GET', url: '/v2/acme/shop/manifests/v1' }]);
    expect(asked[0]?.accept).toContain('application/vnd.docker.distribution.manifest.list.v2+json');
  });
  it('reads the platform of a single image from its config, in a store behind a redirect', async () => {
    const { registry, host, asked } = await wire(({ url }) => {
      if (url.includes('/manifests/')) return { body: MANIFEST };
      if (url.includes('/blobs/')) return { status: 307, headers: { location: '/store?sig=1' } };
      return { body: { os: 'linux', architecture: 'arm', variant: 'v7' } };
    });
    expect(await registry.resolve(image(host))).toMatchObject({
      digest: digestOf(MANIFEST),
      platforms: [{ os: 'linux', architecture: 'arm', variant: 'v7' }],
    });
    expect(asked.map(({ url }) => url)).toEqual([
      '/v2/acme/shop/manifests/v1',
      `/v2/acme/shop/blobs/${CONFIG}`,
      '/store?sig=1',
    ]);
  });
  it('asks by digest when there is one', async () => {
    const { registry, host, asked } = await wire(() => ({ body: INDEX }));
    await registry.resolve(image(host, `acme/shop:v1@${INDEX_DIGEST}`));
    expect(asked[0]?.url).toBe(`/v2/acme/shop/manifests/${INDEX_DIGEST}`);
  });
  it('brings the manifest, which is not asked for again by its digest', async () => {
    const { registry, host, asked } = await wire(() => ({ body: INDEX }));
    await registry.resolve(image(host));
    const pinned = { ...image(host), digest: INDEX_DIGEST };
    expect(await registry.manifest(pinned)).toMatchObject({ kind: 'index' });
    expect(asked).toHaveLength(1);
    const other = await wire(() => ({ body: INDEX }));
    expect(await other.registry.manifest({ ...image(other.host), digest: INDEX_DIGEST })).toMatchObject({
      kind: 'index',
    });
    expect(other.asked.map(({ url }) => url)).toEqual([`/v2/acme/shop/manifests/${INDEX_DIGEST}`]);
  });
  it('does not believe a body that is not what was asked for', async () => {
    const { registry, host } = await wire(() => ({ body: INDEX }));
    const wrong = `sha256:${'0'.repeat(64)}`;
    const error = await registryError(() => registry.resolve(image(host, `acme/shop@${wrong}`)));
    expect(error.message).toBe(
      `${host} sent something else than ${host}/acme/shop@${wrong}: its digest should be ${wrong} and is ${INDEX_DIGEST}. A proxy in between may change it; do not deploy it.`,
    );
  });
  it('does not believe a registry whose header and body differ', async () => {
    const { registry, host } = await wire(() => ({
      body: INDEX,
      headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` },
    }));
    expect((await registryError(() => registry.resolve(image(host)))).failure).toBe('invalid');
  });
  const absent: readonly [name: string, answer: Answer][] = [
    ['of an unknown tag', refusal(404, 'MANIFEST_UNKNOWN')],
    ['of an unknown repository', refusal(404, 'NAME_UNKNOWN')],
  ];
  it.each(absent)('says that it is not there %s', async (_, answer) => {
    const { registry, host } = await wire(() => answer);
    expect(await registry.resolve(image(host))).toEqual({ exists: false });
    expect(await registry.has(image(host))).toBe(false);
  });
  it('takes no other refusal for an absence', async () => {
    const { registry, host } = await wire(() => refusal(400, 'NAME_INVALID', 'no such project'));
    const error = await registryError(() => registry.resolve(image(host)));
    expect([error.failure, error.message]).toEqual([
      'invalid',
      `${host} answered with 400 when asked about ${host}/acme/shop:v1: "no such project".`,
    ]);
  });
  it('refuses what is no image', async () => {
    const { registry, host } = await wire(() => ({
      body: { schemaVersion: 1 },
      headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
    }));
    expect((await registryError(() => registry.resolve(image(host)))).message).toBe(
      `${host}/acme/shop:v1 is no image that Kubernetes runs: the registry answered with the type "application/vnd.docker.distribution.manifest.v1+prettyjws". Push it again with a current builder.`,
    );
  });
});

describe('checkPush', () => {
  it('begins an upload and cancels it', async () => {
    const { registry, host, asked } = await wire(({ method }) =>
      method === 'POST'
        ? { status: 202, headers: { location: '/v2/acme/shop/blobs/uploads/1?_state=x' } }
        : { status: 204 },
    );
    await registry.checkPush(image(host));
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v2/acme/shop/blobs/uploads/',
      'DELETE /v2/acme/shop/blobs/uploads/1?_state=x',
    ]);
  });
  it('does not mind that the upload can not be cancelled', async () => {
    const { registry, host } = await wire(({ method }) =>
      method === 'POST' ? { status: 202, headers: { location: '/x' } } : refusal(403, 'DENIED'),
    );
    await registry.checkPush(image(host));
  });
  const rows: readonly [name: string, answer: Answer, failure: string, sentence: (host: string) => string][] =
    [
      [
        'a denial',
        refusal(403, 'DENIED', 'requested access is denied'),
        'unauthorized',
        (host) =>
          `${host} refused a push to ${host}/acme/shop without a login: "requested access is denied". Set the inputs username and password.`,
      ],
      [
        'a repository that pushes do not make',
        refusal(404, 'NAME_UNKNOWN'),
        'missing-repository',
        (host) => `${host} has no repository "acme/shop", and makes none by a push. Create it first.`,
      ],
      [
        'a mirror',
        refusal(405, 'UNSUPPORTED'),
        'read-only',
        (host) =>
          `${host} takes no pushes: it is a mirror or read-only. Name the registry itself in the input image.`,
      ],
      [
        'an answer of no sense',
        { status: 418, body: { message: 'teapot' } },
        'invalid',
        (host) => `${host} answered with 418 when asked about ${host}/acme/shop:v1: "teapot".`,
      ],
    ];
  it.each(rows)('tells %s', async (_, answer, failure, sentence) => {
    const { registry, host } = await wire(() => answer);
    const error = await registryError(() => registry.checkPush(image(host)));
    expect([error.failure, error.message]).toEqual([failure, sentence(host)]);
  });
});

describe('canPullAnonymously', () => {
  const login = { username: 'a', password: 'b' };
  const rows: readonly [answer: Answer, expected: boolean | undefined][] = [
    [{}, true],
    [refusal(401, 'UNAUTHORIZED'), false],
    [refusal(403, 'DENIED'), false],
    [refusal(404, 'MANIFEST_UNKNOWN'), undefined],
    [{ status: 503 }, undefined],
  ];
  it.each(rows)('%j: %s, and the login is not used', async (answer, expected) => {
    const logins: { registry: string; username: string; password: string }[] = [];
    const { registry, host, asked } = await wire(() => answer, { logins });
    logins.push({ registry: host, ...login });
    expect(await registry.canPullAnonymously(image(host))).toBe(expected);
    expect(asked.every(({ method, authorization }) => method === 'HEAD' && authorization === undefined)).toBe(
      true,
    );
  });
});
