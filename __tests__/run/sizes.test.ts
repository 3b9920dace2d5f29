import { describe, expect, it } from 'vitest';
import type { ImageName } from '../../src/model/image.ts';
import { RegistryError } from '../../src/registry/error.ts';
import type { Manifest, Platform } from '../../src/registry/manifest.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { measure, type Sized } from '../../src/run/measure.ts';
import { beginSize, Sizes } from '../../src/run/sizes.ts';
import { hastyClock, realClock, recordingLog } from '../process/fakes.ts';
import { digest } from './fake-registry.ts';

const REPOSITORY = 'ghcr.io/acme/shop';
const AMD: Platform = { os: 'linux', architecture: 'amd64', digest: '' };
const ARM: Platform = { os: 'linux', architecture: 'arm64', digest: '' };
const NEW = digest('1');
const OLD = digest('0');

/** An image of a config of 10 bytes and these layers. */
function image(layers: Readonly<Record<string, number>>): Manifest {
  const descriptors = Object.entries(layers).map(([name, size]) => ({ digest: name, size }));
  return { kind: 'image', mediaType: '', config: { digest: 'c', size: 10 }, layers: descriptors };
}

function index(...manifests: readonly (readonly [string, Platform])[]): Manifest {
  return {
    kind: 'index',
    mediaType: '',
    manifests: manifests.map(([name, { os, architecture }]) => ({
      digest: name,
      platform: { os, architecture },
    })),
  };
}

/** A registry of these manifests; `tags`: what tags stand for; `platforms`: what configs say. */
function registry(
  manifests: Readonly<Record<string, Manifest>>,
  tags: Readonly<Record<string, string>> = {},
  platforms: readonly Platform[] = [],
): Pick<Registry, 'manifest' | 'resolve'> & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    manifest: async (name) => {
      asked.push(name.digest);
      return manifests[name.digest];
    },
    resolve: async (name: ImageName) => {
      asked.push(name.tag ?? name.digest ?? '');
      const found = name.digest ?? tags[name.tag ?? ''];
      if (found === undefined) return { exists: false };
      return { exists: true, digest: found, mediaType: '', platforms, children: [], config: undefined };
    },
  };
}

const sized = (platforms: readonly Platform[] = [AMD]): Sized => ({
  reference: `${REPOSITORY}@${NEW}`,
  image: { registry: 'ghcr.io', repository: 'acme/shop' },
  digest: NEW,
  platforms,
});

const BOTH = { [NEW]: image({ a: 100, x: 7 }), [OLD]: image({ a: 100, b: 50 }) };
const ALONE = { bytes: 117, layers: 2, platform: 'linux/amd64' };
const HELD = { from: `${REPOSITORY}@${OLD}`, bytes: -43, newLayers: 1, newBytes: 7 };

describe('the size of an image', () => {
  it('is held against the one that it replaces, for one question each', async () => {
    const wire = registry(BOTH);
    expect(await measure(wire, sized(), `${REPOSITORY}@${OLD}`)).toEqual({ ...ALONE, change: HELD });
    expect(wire.asked).toEqual([NEW, OLD]);
  });
  it('stands alone where nothing ran before', async () => {
    expect(await measure(registry(BOTH), sized(), undefined)).toEqual(ALONE);
  });
  it('stands alone where the old image is gone', async () => {
    expect(
      await measure(registry({ [NEW]: BOTH[NEW] as Manifest }), sized(), `${REPOSITORY}@${OLD}`),
    ).toEqual(ALONE);
  });
  it('stands alone where the old image is of another registry, which is not asked', async () => {
    const wire = registry(BOTH);
    expect(await measure(wire, sized(), `docker.io/acme/shop@${OLD}`)).toEqual(ALONE);
    expect(wire.asked).toEqual([NEW]);
  });
  it('is held against what a tag stands for', async () => {
    const from = `${REPOSITORY}:1.4`;
    expect(await measure(registry(BOTH, { '1.4': OLD }), sized(), from)).toEqual({
      ...ALONE,
      change: { ...HELD, from },
    });
  });
  it('is not held against a tag that our own push has moved', async () => {
    expect(await measure(registry(BOTH, { main: NEW }), sized(), `${REPOSITORY}:main`)).toEqual(ALONE);
  });
  it('is of the platform that both have', async () => {
    const [amd, arm, oldArm] = [digest('2'), digest('3'), digest('4')];
    const manifests = {
      [NEW]: index([amd, AMD], [arm, ARM]),
      [OLD]: index([oldArm, ARM]),
      [amd]: image({ q: 1 }),
      [arm]: image({ a: 5, b: 6 }),
      [oldArm]: image({ a: 5 }),
    };
    expect(await measure(registry(manifests), sized([]), `${REPOSITORY}@${OLD}`)).toEqual({
      bytes: 21,
      layers: 2,
      platform: 'linux/arm64',
      change: { from: `${REPOSITORY}@${OLD}`, bytes: 6, newLayers: 1, newBytes: 6 },
    });
    const single = { ...manifests, [OLD]: image({ a: 5 }) };
    expect(await measure(registry(single, {}, [ARM]), sized([]), `${REPOSITORY}@${OLD}`)).toMatchObject({
      platform: 'linux/arm64',
      change: { bytes: 6 },
    });
  });
  it('is not held against another platform', async () => {
    const manifests = { ...BOTH, [OLD]: index([digest('4'), ARM]), [digest('4')]: image({ a: 5 }) };
    expect(await measure(registry(manifests), sized(), `${REPOSITORY}@${OLD}`)).toEqual(ALONE);
  });
  it('is unknown where the manifest does not tell', async () => {
    const silent: Manifest = { kind: 'image', mediaType: '', config: { digest: 'c' }, layers: [] };
    expect(await measure(registry({ [NEW]: silent }), sized(), undefined)).toBeUndefined();
    expect(await measure(registry({}), sized(), undefined)).toBeUndefined();
  });
});

const obtained = (built: boolean) => ({
  ...sized(),
  tag: undefined,
  built,
  seen: true,
  source: undefined,
});

const shipped = (unchanged: boolean, from = OLD) => {
  const slot = { list: 'containers', index: 0, name: 'web' } as const;
  const change = { ...slot, image: `${REPOSITORY}@${from}`, to: `${REPOSITORY}@${NEW}` };
  return { unchanged, changes: [change] };
};

describe('the sizes of a run', () => {
  it('are told as soon as they are known', async () => {
    const log = recordingLog();
    const sizes = new Sizes({ registry: registry(BOTH), clock: realClock, log });
    beginSize(sizes, obtained(true), [shipped(false)]);
    await sizes.settle();
    expect(log.lines).toEqual([
      'Image: 117 B in 2 layers for linux/amd64, 43 B less than the one that it replaces; 1 of 2 is new (7 B), the others are reused',
    ]);
    expect(sizes.of(`${REPOSITORY}@${NEW}`)).toEqual({ ...ALONE, change: HELD });
    expect(sizes.of('another')).toBeUndefined();
  });
  it('are not asked for where nothing was built and nothing patched', async () => {
    const wire = registry(BOTH);
    const sizes = new Sizes({ registry: wire, clock: realClock, log: recordingLog() });
    beginSize(sizes, obtained(false), [shipped(true, NEW)]);
    beginSize(sizes, { ...obtained(true), seen: false }, [shipped(false)]);
    await sizes.settle();
    expect(wire.asked).toEqual([]);
    beginSize(sizes, obtained(true), [shipped(true, NEW)]);
    await sizes.settle();
    expect(sizes.of(`${REPOSITORY}@${NEW}`)).toEqual(ALONE);
  });
  it('are waited for no longer than a moment', async () => {
    const clock = hastyClock();
    const never = { ...registry({}), manifest: () => new Promise<undefined>(() => {}) };
    const sizes = new Sizes({ registry: never, clock, log: recordingLog() });
    beginSize(sizes, obtained(true), []);
    await sizes.settle();
    expect(clock.waits).toEqual([1_000]);
    expect(sizes.of(`${REPOSITORY}@${NEW}`)).toBeUndefined();
  });
  it('fail nothing', async () => {
    const log = recordingLog();
    const away = {
      ...registry({}),
      manifest: async () => {
        throw new RegistryError('unreachable', 'It is away.');
      },
    };
    const sizes = new Sizes({ registry: away, clock: realClock, log });
    beginSize(sizes, obtained(true), [shipped(false)]);
    await sizes.settle();
    expect([log.lines, log.warnings]).toEqual([[], []]);
  });
});
