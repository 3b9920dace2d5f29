import { expect, it } from 'vitest';
import { parseManifest } from '../../src/registry/manifest.ts';
import { addition, type Weight, weigh } from '../../src/registry/weight.ts';

function weightOf(config: unknown, layers: unknown): Weight | undefined {
  const body = JSON.stringify({ schemaVersion: 2, config, layers });
  const manifest = parseManifest(body, 'application/vnd.oci.image.manifest.v1+json', 'image');
  if (manifest.kind !== 'image') throw new Error('no image');
  return weigh(manifest);
}

const layer = (digest: string, size: unknown) => ({ digest, size });

it('an image weighs its config and each layer once', () => {
  expect(weightOf(layer('c', 10), [layer('a', 100), layer('b', 200), layer('a', 100)])).toEqual({
    bytes: 310,
    layers: new Map([
      ['a', 100],
      ['b', 200],
    ]),
  });
});

it('an image without layers weighs its config', () => {
  expect(weightOf(layer('c', 10), undefined)?.bytes).toBe(10);
});

it.each([[undefined], [-1], ['12'], [1.5]])('a size of %s leaves the weight unknown', (size) => {
  expect(weightOf(layer('c', 10), [layer('a', size)])).toBeUndefined();
});

it('what is to pull are the layers that the old image has not', () => {
  const old = weightOf(layer('c', 10), [layer('a', 100), layer('b', 200)]) as Weight;
  const fresh = weightOf(layer('d', 10), [layer('a', 100), layer('x', 7), layer('y', 8)]) as Weight;
  expect(addition(old, fresh)).toEqual({ layers: 2, bytes: 15 });
  expect(addition(old, old)).toEqual({ layers: 0, bytes: 0 });
});
