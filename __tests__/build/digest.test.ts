import { expect, test } from 'vitest';
import { readDigest } from '../../src/build/digest.ts';

const BUILT = `sha256:${'1'.repeat(64)}`;
const STALE = `sha256:${'2'.repeat(64)}`;

test('what the exporter wrote counts, not what the daemon found under the tag', () => {
  const metadata = { 'containerimage.descriptor': { digest: BUILT }, 'containerimage.digest': STALE };
  expect(readDigest(JSON.stringify(metadata))).toBe(BUILT);
});

test("Docker's old image store writes no descriptor, and the tag's digest is taken", () => {
  expect(readDigest(JSON.stringify({ 'containerimage.digest': BUILT }))).toBe(BUILT);
});

test.each(['{}', '{"containerimage.digest":"latest"}'])(
  'metadata without a digest is told with its text: %s',
  (metadata) => {
    expect(() => readDigest(metadata)).toThrow(
      `buildx wrote no digest of the pushed image into its metadata file: ${metadata}`,
    );
  },
);
