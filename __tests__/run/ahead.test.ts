import { expect, test } from 'vitest';
import type { Found } from '../../src/deploy/preflight.ts';
import { parseImage } from '../../src/model/image.ts';
import { lookingAhead } from '../../src/run/ahead.ts';
import { digest, fakeRegistry } from './fake-registry.ts';

const OLD = `ghcr.io/acme/shop@${digest('a')}`;
const SIDECAR = `ghcr.io/acme/proxy@${digest('b')}`;
const NEW = parseImage('ghcr.io/acme/shop:v2').image;

function running(...images: readonly string[]): Found {
  const containers = images.map((image, index) => ({ name: `c${index}`, image }));
  return {
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    containers: [{ container: undefined, target: undefined }],
    workload: { kind: 'Deployment', spec: { template: { spec: { containers } } } } as Found['workload'],
  };
}

test('what runs now is asked for once, and whoever asks later gets that answer', async () => {
  const registry = fakeRegistry({ [OLD]: {}, [SIDECAR]: {} });
  const ahead = lookingAhead(registry);
  ahead.ask([running(OLD, SIDECAR), running(OLD)], NEW);
  expect(registry.asked).toEqual([OLD]);
  expect(await ahead.resolve(parseImage(OLD).image)).toMatchObject({ exists: true });
  expect(registry.asked).toEqual([OLD]);
  await ahead.resolve(parseImage(SIDECAR).image);
  expect(registry.asked).toEqual([OLD, SIDECAR]);
});

test('a tag, which may be moved, and what is no image at all are not asked for ahead', () => {
  const registry = fakeRegistry({});
  lookingAhead(registry).ask([running('ghcr.io/acme/shop:v1', 'no image')], NEW);
  expect(registry.asked).toEqual([]);
});

test('a registry that is away is told to whoever asks, and to nobody else', async () => {
  const ahead = lookingAhead(fakeRegistry({}, true));
  ahead.ask([running(OLD)], NEW);
  await expect(ahead.resolve(parseImage(OLD).image)).rejects.toThrow('It is away.');
});
