import { describe, expect, test } from 'vitest';
import { differenceInBases, resolveBaseImages } from '../../../src/build/key/base-images.ts';
import { Doubt } from '../../../src/build/key/doubt.ts';
import { UserError } from '../../../src/model/error.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

describe('base images', () => {
  test('are named in full, and asked for unless they bear a digest', async () => {
    const asked: string[] = [];
    const digestOf = async ({ repository, tag }: { repository: string; tag?: string }): Promise<string> => {
      asked.push(`${repository}:${tag}`);
      return A;
    };
    const found = await resolveBaseImages(['node', 'ghcr.io/a/b:1', `x/y@${B}`, `x/z:1@${B}`], digestOf);
    expect(Object.fromEntries(found)).toEqual({
      'docker.io/library/node:latest': A,
      'ghcr.io/a/b:1': A,
      'docker.io/x/y': B,
      'docker.io/x/z:1': B,
    });
    expect(asked).toEqual(['library/node:undefined', 'a/b:1']);
  });
  test('that are not there are a doubt, and so are registries that do not answer', async () => {
    await expect(resolveBaseImages(['node:1'], async () => undefined)).rejects.toThrow(
      new Doubt('the image node:1, which the Dockerfile uses, is not in its registry'),
    );
    const silent = async (): Promise<never> => {
      throw new UserError('The registry x can not be reached.');
    };
    await expect(resolveBaseImages(['node:1'], silent)).rejects.toThrow(
      new Doubt(
        'the image node:1, which the Dockerfile uses, could not be looked up (The registry x can not be reached)',
      ),
    );
  });
});

describe('the images that the build used', () => {
  const bases = new Map([
    ['docker.io/library/node:24', A],
    ['docker.io/docker/dockerfile:1', B],
  ]);
  test.each([
    [
      'the same',
      [`[1/2] FROM docker.io/library/node:24@${A}`, '[internal] load metadata for docker.io/library/node:24'],
    ],
    ['the same for a platform', [`[linux/amd64 build 1/2] FROM docker.io/library/node:24@${A}`]],
    ['the frontend', [`docker-image://docker.io/docker/dockerfile:1@${B}`]],
    ['a base that another build calls otherwise', [`FROM ghcr.io/a/b:1@${A}`]],
    ['a step that speaks of one', ['[2/2] RUN echo FROM nowhere', 'FROM scratch']],
  ])('agree: %s', (_, steps) => {
    expect(differenceInBases(steps, bases)).toBeUndefined();
  });
  test.each([
    [
      'a tag that moved',
      `[1/2] FROM docker.io/library/node:24@${B}`,
      `the builder used node:24@${B}, which is not what its registry has under that name`,
    ],
    [
      "one of the builder's own store",
      'FROM docker.io/library/node:24',
      'the builder used node:24, which is not what its registry has under that name',
    ],
    [
      'one that nobody named',
      '[internal] load metadata for docker.io/library/other:1',
      'the build used the image other:1, which the Dockerfile does not name',
    ],
    [
      'one that nobody knows',
      `FROM ghcr.io/a/b:1@sha256:${'c'.repeat(64)}`,
      `the builder used ghcr.io/a/b:1@sha256:${'c'.repeat(64)}, which is not what its registry has under that name`,
    ],
    [
      'another frontend',
      `docker-image://docker.io/docker/dockerfile:1@${A}`,
      `the builder used docker/dockerfile:1@${A}, which is not what its registry has under that name`,
    ],
    ['a URL', '[2/2] https://example.com/x', 'the build fetched [2/2] https://example.com/x'],
  ])('differ: %s', (_, step, why) => {
    expect(differenceInBases([step], bases)).toBe(why);
  });
  test('that a builder does not tell of may be any', () => {
    expect(differenceInBases(undefined, new Map())).toBe('buildah does not tell which base images it used');
  });
});
