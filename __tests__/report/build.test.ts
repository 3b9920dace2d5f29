import { describe, expect, test } from 'vitest';
import type { BuildReport, SizeReport } from '../../src/model/report.ts';
import { describeBuild, describeSize, renderBuild } from '../../src/report/build.ts';
import { formatBytes } from '../../src/report/live.ts';
import { build, image, size } from './samples.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [48_210_333, '48.2 MB'],
  [999_960, '1.0 MB'],
  [1_234_567_890, '1.2 GB'],
  [5e15, '5000.0 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

describe('a build in a line', () => {
  const step = (name: string, seconds?: number, cached?: boolean) => ({
    name,
    ...(seconds === undefined ? {} : { seconds }),
    ...(cached === undefined ? {} : { cached }),
  });
  test.each<[string, Partial<BuildReport>, string]>([
    [
      'some from the cache',
      {},
      'built and pushed in 31 s, 2 of 3 steps from the cache; the slowest: [build 4/4] RUN npm run build | tee log (14 s), [build 1/4] FROM docker.io/library/node:24@sha256:9f8e (6.1 s), exporting to image (4.4 s)',
    ],
    [
      'all from the cache, and nothing slow',
      {
        seconds: 1.1,
        steps: [step('[1/2] RUN a', undefined, true), step('[2/2] RUN b', undefined, true), step('x', 0.4)],
      },
      'built and pushed in 1 s, all 2 steps from the cache',
    ],
    [
      'none from the cache',
      { steps: [step('[1/1] RUN a', 30, false)] },
      'built and pushed in 31 s, none of 1 step from the cache; the slowest: [1/1] RUN a (30 s)',
    ],
    ['of a builder that tells no steps', { steps: [] }, 'built and pushed in 31 s'],
  ])('%s', (_, override, line) => {
    expect(describeBuild({ ...build, ...override })).toBe(line);
  });
  test('of buildah', () => {
    expect(describeBuild({ seconds: 90, warnings: [] })).toBe('built and pushed in 1 m 30 s');
  });
});

describe('a size in a line', () => {
  const change = size.change as NonNullable<SizeReport['change']>;
  test.each<[string, SizeReport, string]>([
    [
      'more',
      size,
      '48.2 MB in 9 layers for linux/amd64, 1.3 MB more than the one that it replaces; 2 of 9 are new (3.1 MB), the others are reused',
    ],
    [
      'less than a tag',
      { ...size, change: { ...change, bytes: -5_000, from: 'ghcr.io/acme/shop:1.4', newLayers: 9 } },
      '48.2 MB in 9 layers for linux/amd64, 5.0 kB less than ghcr.io/acme/shop:1.4; all layers are new',
    ],
    [
      'the same',
      { ...size, change: { ...change, bytes: 0, newLayers: 0 } },
      '48.2 MB in 9 layers for linux/amd64, as much as the one that it replaces; no layer is new',
    ],
    ['alone', { bytes: 12, layers: 1 }, '12 B in 1 layer'],
  ])('%s', (_, given, line) => {
    expect(describeSize(given)).toBe(line);
  });
});

describe('the image in the summary', () => {
  test('is told in one line, with the slowest steps and the warnings folded below', () => {
    expect(renderBuild({ ...image, build, size })).toBe(`<details>
<summary>Image: 48.2 MB in 9 layers for <code>linux/amd64</code>, 1.3 MB more than the one that it replaces; 2 of 9 are new (3.1 MB), the others are reused · built and pushed in 31 s, 2 of 3 steps from the cache · 1 warning</summary>

| The slowest steps | Took |
| --- | --- |
| <code>&#91;build 4/4&#93; RUN npm run build &#124; tee log</code> | 14 s |
| <code>&#91;build 1/4&#93; FROM docker.io/library/node:24&#64;sha256:9f8e</code> | 6.1 s |
| <code>exporting to image</code> | 4.4 s |
| <code>&#91;internal&#93; load build context</code> | 1.5 s |

- <code>Dockerfile:9</code> <code>JSONArgsRecommended</code>: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals

</details>`);
  });
  test('of a run that built nothing is its size', () => {
    expect(renderBuild({ ...image, size: { bytes: 12, layers: 1 } })).toBe('Image: 12 B in 1 layer');
  });
  test('is not told where nothing is known', () => {
    expect(renderBuild(image)).toBe('');
  });
  test('names no more warnings than people read', () => {
    const many = { ...build, warnings: Array.from({ length: 30 }, () => ({ message: 'm' })) };
    expect(renderBuild({ ...image, build: many })).toContain('- m\n- …and 10 more\n');
  });
});
