import { describe, expect, test } from 'vitest';
import { digestOf, INDEX, INDEX_DIGEST, image, refusal, registryError } from './answers.ts';
import { type Answer, wire } from './wire.ts';

const config = (labels: unknown): object => ({
  os: 'linux',
  architecture: 'amd64',
  config: { Labels: labels },
});
const manifest = (of: object): object => ({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: { digest: digestOf(of) },
});

/** A registry that has these, and the first of them under the tag v1. */
function having(...things: readonly object[]): (asked: { url: string }) => Answer {
  const byDigest = new Map(things.map((thing) => [digestOf(thing), thing]));
  return ({ url }) => {
    const body = url.endsWith('/v1') ? things[0] : byDigest.get(url.split('/').at(-1) ?? '');
    return body === undefined ? { status: 404 } : { body };
  };
}

describe('an image with its labels', () => {
  test('is read whole, an index with all of its images and without attestations', async () => {
    const [one, two] = [config({ a: '1' }), config(null)];
    const index = {
      ...INDEX,
      manifests: [
        { digest: digestOf(manifest(one)), platform: { os: 'linux', architecture: 'amd64' } },
        { digest: digestOf(manifest(two)), platform: { os: 'linux', architecture: 'arm64' } },
        INDEX.manifests[2],
      ],
    };
    const { registry, host } = await wire(having(index, manifest(one), manifest(two), one, two));
    const stored = await registry.read(image(host));
    expect(stored).toMatchObject({ digest: digestOf(index), labels: [{ a: '1' }, {}] });
    expect(stored?.body.toString()).toBe(JSON.stringify(index));
    expect(stored?.platforms.map(({ architecture }) => architecture)).toEqual(['amd64', 'arm64']);
  });
  test('is not there where the registry says so', async () => {
    const { registry, host } = await wire(having());
    expect(await registry.read(image(host))).toBeUndefined();
    expect(await registry.digestOf(image(host))).toBeUndefined();
  });
  test('is no image when a part of it is missing or another', async () => {
    const { registry, host } = await wire(having(manifest(config({}))));
    const message = `${host}/acme/shop:v1 names ${digestOf(config({}))}, which its registry does not have.`;
    expect((await registryError(() => registry.read(image(host)))).message).toBe(message);
    const liar = await wire(({ url }) => ({
      body: url.includes('/blobs/') ? { x: 1 } : manifest(config({})),
    }));
    expect((await registryError(() => liar.registry.read(image(liar.host)))).failure).toBe('invalid');
  });
});

describe('the digest behind a name', () => {
  test('is asked for by HEAD, which is no pull', async () => {
    const { registry, host, asked } = await wire(() => ({
      headers: { 'docker-content-digest': INDEX_DIGEST },
    }));
    expect(await registry.digestOf(image(host))).toBe(INDEX_DIGEST);
    expect(asked.map(({ method }) => method)).toEqual(['HEAD']);
  });
  test('is computed where the registry does not name it', async () => {
    const { registry, host } = await wire(() => ({ body: INDEX }));
    expect(await registry.digestOf(image(host))).toBe(INDEX_DIGEST);
  });
  test('stays unknown when the registry refuses to say', async () => {
    const { registry, host } = await wire(() => refusal(403, 'DENIED'));
    expect((await registryError(() => registry.digestOf(image(host)))).failure).toBe('unauthorized');
  });
});

describe('a further tag', () => {
  const stored = {
    digest: INDEX_DIGEST,
    mediaType: INDEX.mediaType,
    body: Buffer.from(JSON.stringify(INDEX)),
    platforms: [],
    labels: [],
  };
  test('is one PUT of the same bytes', async () => {
    const { registry, host, asked } = await wire(() => ({ status: 201 }));
    await registry.tag(image(host), stored);
    expect(asked).toMatchObject([
      { method: 'PUT', url: '/v2/acme/shop/manifests/v1', body: JSON.stringify(INDEX) },
    ]);
  });
  test.each([
    [
      'ECR',
      400,
      "The image tag 'v1' already exists in the 'shop' repository and cannot be overwritten because the tag is immutable.",
    ],
    ['Harbor', 412, "Failed to process request due to 'v1' configured as immutable."],
  ])('that %s does not let move is told apart', async (_, status, words) => {
    const { registry, host } = await wire(() => refusal(status, 'X', words));
    const error = await registryError(() => registry.tag(image(host), stored));
    expect([error.failure, error.message]).toEqual([
      'immutable',
      `${host} does not let the tag ${host}/acme/shop:v1 be moved.`,
    ]);
  });
  test('that is refused for another reason is an error', async () => {
    const { registry, host } = await wire(() => refusal(400, 'MANIFEST_INVALID', 'no'));
    const error = await registryError(() => registry.tag(image(host), stored));
    expect(error.message).toBe(`${host} answered with 400 when asked about ${host}/acme/shop:v1: "no".`);
  });
});
