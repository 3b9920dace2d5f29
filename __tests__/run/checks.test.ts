import { describe, expect, test } from 'vitest';
import type { Found } from '../../src/deploy/preflight.ts';
import { parseImage } from '../../src/model/image.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { checkBeforePatch } from '../../src/run/checks.ts';
import type { Obtained } from '../../src/run/image.ts';
import { failureOf, recordingLog } from '../process/fakes.ts';
import { digest, fakeRegistry } from './fake-registry.ts';

const REPOSITORY = 'ghcr.io/acme/shop';
const NEW = `${REPOSITORY}@${digest('a')}`;
const OLD = `${REPOSITORY}@${digest('0')}`;
const amd64 = { os: 'linux', architecture: 'amd64', digest: digest('1') };
const arm64 = { os: 'linux', architecture: 'arm64', digest: digest('2') };
const CHILD = { [`${REPOSITORY}@${digest('1')}`]: {}, [`${REPOSITORY}@${digest('2')}`]: {} };
const WHOLE = { [OLD]: { platforms: [amd64, arm64], children: [digest('1'), digest('2')] }, ...CHILD };

interface Case {
  readonly registry: Registry;
  readonly obtained?: Partial<Obtained>;
  readonly old?: string;
  readonly rollback?: 'auto' | 'never';
}

async function check({
  registry,
  obtained = {},
  old = OLD,
  rollback = 'auto',
}: Case): Promise<readonly string[]> {
  const log = recordingLog();
  const containers = [{ name: 'web', image: old }];
  const workload = { spec: { template: { spec: { containers, imagePullSecrets: [{ name: 'pull' }] } } } };
  const found = {
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    containers: [{ container: 'web' }],
    workload,
  } as unknown as Found;
  const one: Obtained = {
    reference: NEW,
    image: parseImage(REPOSITORY).image,
    digest: digest('a'),
    tag: undefined,
    platforms: [amd64, arm64],
    built: false,
    seen: true,
    source: undefined,
    ...obtained,
  };
  await checkBeforePatch(registry, [one], [found], { rollback }, log);
  return log.warnings;
}

describe('the way back', () => {
  test('is whole: nothing is said', async () => {
    expect(await check({ registry: fakeRegistry(WHOLE) })).toEqual([]);
  });
  test('is gone from the registry', async () => {
    expect(await check({ registry: fakeRegistry({}) })).toEqual([
      `The image from before (${OLD}; deployment/web, container web) is not in the registry. A rollback would work only on nodes that hold it already.`,
    ]);
  });
  test('is an index without the manifest of one platform', async () => {
    const { [`${REPOSITORY}@${digest('2')}`]: _, ...rest } = WHOLE;
    expect(await check({ registry: fakeRegistry(rest) })).toEqual([
      `The image from before (${OLD}; deployment/web, container web) is in the registry, but not its manifest for linux/arm64 (${digest('2')}): a clean-up rule may have taken it for untagged. A rollback would work only on nodes that hold it already.`,
    ]);
  });
  test('is nobody looks for with `rollback: never`', async () => {
    expect(await check({ registry: fakeRegistry({}), rollback: 'never' })).toEqual([]);
  });
  test('is not known where the registry is away', async () => {
    expect(await check({ registry: fakeRegistry({}, true) })).toEqual([]);
  });
  test('was a tag that this build has moved', async () => {
    const latest = `${REPOSITORY}:latest`;
    const registry = fakeRegistry({ [latest]: { digest: digest('a') } });
    expect(await check({ registry, old: latest, obtained: { built: true } })).toEqual([
      `The template names the image from before by a tag (${latest}; deployment/web, container web), and this build has moved that tag: a rollback would get the new image again. From this deploy on the template names a digest, and has a way back.`,
    ]);
    expect(await check({ registry, old: latest })).toEqual([]);
  });
});

describe('the new image', () => {
  test.each(['auto', 'never'] as const)('lacks a platform, with `rollback: %s`', async (rollback) => {
    const error = await failureOf(() =>
      check({ registry: fakeRegistry(WHOLE), obtained: { platforms: [amd64] }, rollback }),
    );
    expect(error.message).toContain('The new image lacks linux/arm64');
  });
  test.each([
    ['stands where it stood', digest('a'), []],
    [
      'was moved',
      digest('e'),
      [
        `The tag ${REPOSITORY}:v1 stands for ${digest('e')} now: somebody moved it while this run was preparing. Deployed is ${digest('a')}, what it stood for before.`,
      ],
    ],
    [
      'is gone',
      undefined,
      [
        `The tag ${REPOSITORY}:v1 is gone now: somebody moved it while this run was preparing. Deployed is ${digest('a')}, what it stood for before.`,
      ],
    ],
  ])('has a tag that %s', async (_, now, warnings) => {
    const tag = now === undefined ? {} : { [`${REPOSITORY}:v1`]: { digest: now } };
    expect(await check({ registry: fakeRegistry({ ...WHOLE, ...tag }), obtained: { tag: 'v1' } })).toEqual(
      warnings,
    );
  });
});

describe('of several images', () => {
  const API = 'ghcr.io/acme/api';
  const named = (name: string, image: string, target: string): Found =>
    ({
      kind: 'Deployment',
      namespace: 'shop',
      name,
      containers: [{ container: name, target }],
      workload: {
        spec: {
          template: { spec: { containers: [{ name, image }], imagePullSecrets: [{ name: 'pull' }] } },
        },
      },
    }) as unknown as Found;
  const image = (target: string, repository: string, platforms: Obtained['platforms']): Obtained => ({
    target,
    reference: `${repository}@${digest('a')}`,
    image: parseImage(repository).image,
    digest: digest('a'),
    tag: undefined,
    platforms,
    built: true,
    seen: true,
    source: undefined,
  });
  const both = { platforms: [amd64, arm64] };
  const registry = fakeRegistry({ [OLD]: both, [`${API}@${digest('0')}`]: both });
  const found = [named('web', OLD, 'web'), named('api', `${API}@${digest('0')}`, 'api')];
  const compare = async (...images: readonly Obtained[]) => {
    await checkBeforePatch(registry, images, found, { rollback: 'never' }, recordingLog());
  };

  test('each is held against what its own workload runs', async () => {
    const small = image('api', API, [amd64]);
    const error = await failureOf(() => compare(image('web', REPOSITORY, [amd64, arm64]), small));
    expect(error.message).toBe(
      'The new image lacks linux/arm64, for which the image that runs now was built (deployment/api, container api): nodes of that kind could not run it. Build it for these too, with `platforms`.',
    );
  });
  test('one that no workload gets may be as it is', async () => {
    const whole = [image('web', REPOSITORY, [amd64, arm64]), image('api', API, [amd64, arm64])];
    await compare(...whole, image('job', 'ghcr.io/acme/job', [amd64]));
  });
});
