import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { foreignRun, missingEmulator, nativePlatform } from '../../src/build/emulation.ts';
import { temporaryFolder } from '../process/fakes.ts';

describe('a RUN that needs an emulator', () => {
  const rows: readonly [name: string, dockerfile: string, line: number | undefined][] = [
    ['is one of the target', 'FROM alpine\nRUN apk add x\n', 2],
    ['is no COPY', 'FROM alpine\nCOPY RUN /RUN\n', undefined],
    [
      "is none in a stage of the builder's platform",
      'FROM --platform=$BUILDPLATFORM go\nRUN go build\n',
      undefined,
    ],
    [
      'nor in one that is made from it',
      'FROM --platform=$BUILDPLATFORM go AS a\nFROM a as b\nRUN x\n',
      undefined,
    ],
    ['is one behind it', 'FROM --platform=$BUILDPLATFORM go AS a\nRUN x\nFROM alpine\nRUN y\n', 4],
    ["is one of the target's platform, said outright", 'FROM --platform=$TARGETPLATFORM alpine\nrun y\n', 2],
    ['is no line of another instruction', 'FROM alpine\nENV A=1 \\\n  # why\nRUN=2\n', undefined],
    ['is no comment', 'FROM alpine\n# RUN x\n', undefined],
  ];
  it.each(rows)('%s', (_, dockerfile, line) => {
    expect(foreignRun(dockerfile)).toBe(line);
  });
});

describe('a platform', () => {
  const other = nativePlatform() === 'linux/arm64' ? 'linux/s390x' : 'linux/arm64';
  const told = (platforms: readonly string[], able: readonly string[]) => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'Dockerfile'), 'FROM alpine\nRUN x\n');
    return missingEmulator({ inputs: { platforms, context: '.', file: '' }, able, directory });
  };
  it('that nothing here can run is told, with the line', async () => {
    expect(await told([nativePlatform(), other], [nativePlatform(), 'linux/386'])).toBe(
      `The builder runs programs of ${nativePlatform()}, linux/386 only, and Dockerfile:2 has a RUN for ${other}: it will most probably fail there. Add the step \`- uses: docker/setup-qemu-action@v3\` before this one, or build on a runner of that platform.`,
    );
  });
  it('that is emulated is not, however it is written', async () => {
    expect(await told(['linux/arm/v7', 'linux/arm64/v8'], ['linux/arm64*', 'linux/arm'])).toBeUndefined();
  });
  it('of a builder that says nothing is not', async () => {
    expect(await told([other], [])).toBeUndefined();
  });
});
