// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${NAME}` is the Dockerfile's own syntax, which these tests are about; none is a forgotten template.
import { describe, expect, test } from 'vitest';
import { imagesOfDockerfile } from '../../../src/build/key/dockerfile.ts';
import { Doubt } from '../../../src/build/key/doubt.ts';

const images = (
  text: string,
  args: Readonly<Record<string, string>> = {},
  contexts: readonly string[] = [],
) => imagesOfDockerfile(text, { buildArgs: new Map(Object.entries(args)), contexts: new Set(contexts) });

describe('the images that a Dockerfile fetches', () => {
  test.each<readonly [string, string, readonly string[]]>([
    ['a base', 'FROM node:24\n', ['node:24']],
    ['nothing from scratch', 'FROM scratch\n', []],
    [
      'small letters, a platform and a name',
      'from --platform=$BUILDPLATFORM node:24 as build\n',
      ['node:24'],
    ],
    ['stages are no images', 'FROM a AS x\nFROM X\nCOPY --from=x /a /b\nCOPY --from=0 /a /b\n', ['a']],
    [
      'a stage that comes later is an image here',
      'FROM a\nCOPY --from=b / /\nFROM c AS b\n',
      ['a', 'b', 'c'],
    ],
    ['a copy from an image', 'FROM a\nCOPY --chown=1:1 --from=nginx:1 /a /b\n', ['a', 'nginx:1']],
    [
      'a mount from an image',
      'FROM a\nRUN --mount=type=bind,from=tools:2,target=/t make\n',
      ['a', 'tools:2'],
    ],
    [
      'mounts from nowhere',
      'FROM a\nRUN --mount=type=cache,target=/c --mount=type=secret,id=x make\n',
      ['a'],
    ],
    ['what ONBUILD copies', 'FROM a\nONBUILD COPY --from=b / /\n', ['a', 'b']],
    ['a frontend', '# syntax=docker/dockerfile:1.7\nFROM a\n', ['docker/dockerfile:1.7', 'a']],
    ['a comment that only looks like one', 'FROM a\n# syntax=example.com/other\n', ['a']],
    ['a continued line', 'FROM \\\n  # why\n\n  a\nRUN x \\\n  FROM b\n', ['a']],
    ['a line of a heredoc', 'FROM a\nRUN <<EOF\nFROM b\nEOF\nCOPY --from=c / /\n', ['a', 'c']],
    [
      'two heredocs, one with tabs',
      'FROM a\nCOPY <<one <<-"two" /\nFROM b\none\nFROM c\n\ttwo\nFROM d\n',
      ['a', 'd'],
    ],
    ['line ends of Windows', 'FROM a\r\nRUN <<EOF\r\nFROM b\r\nEOF\r\nFROM c\r\n', ['a', 'c']],
    ['the same twice', 'FROM a\nFROM a\n', ['a']],
  ])('%s', (_, text, expected) => {
    expect(images(text)).toEqual(expected);
  });

  test.each<readonly [string, string, Readonly<Record<string, string>>, string]>([
    ['its default', 'ARG V=24\nFROM node:$V\n', {}, 'node:24'],
    ['the build-arg', 'ARG V=24\nFROM node:${V}-slim\n', { V: '25' }, 'node:25-slim'],
    ['another variable', 'ARG A=1 B="x${A}"\nFROM i:$B\n', {}, 'i:x1'],
    ['a word where it is not set', 'ARG V\nFROM i:${V:-7}\n', {}, 'i:7'],
    ['a word where it is set', 'ARG V=1\nFROM i:1${V:+-debug}\n', {}, 'i:1-debug'],
  ])('a variable stands for %s', (_, text, args, expected) => {
    expect(images(text, args)).toEqual([expected]);
  });

  test('a further context stands for the image of its name', () => {
    expect(images('FROM Base\nCOPY --from=tools / /\nFROM a\n', {}, ['base', 'tools'])).toEqual(['a']);
  });
});

describe('in doubt is', () => {
  test.each([
    [
      'a frontend of somebody',
      '# syntax=example.com/mine:1\nFROM a\n',
      `the Dockerfile's syntax line names "example.com/mine:1", which is not known`,
    ],
    [
      'a frontend with experiments',
      '# syntax=docker/dockerfile:1-labs\nFROM a\n',
      `the Dockerfile's syntax line names "docker/dockerfile:1-labs", which is not known`,
    ],
    [
      'a syntax line of another form',
      '// syntax=docker/dockerfile:1\nFROM a\n',
      'the Dockerfile\'s syntax line names "docker/dockerfile:1", which is not known',
    ],
    ['another escape character', '# escape=`\nFROM a\n', 'the Dockerfile changes the escape character'],
    ['a program', '#!/usr/bin/env x\nFROM a\n', 'the Dockerfile begins like a program of another kind'],
    [
      'an unknown instruction',
      'FROM a\nINCLUDE b\n',
      'the Dockerfile has the instruction INCLUDE, which is not known',
    ],
    [
      'an unknown flag',
      'FROM a\nRUN --device=gpu x\n',
      'the Dockerfile has RUN --device=gpu, which is not known',
    ],
    [
      'an ADD of a URL',
      'FROM a\nADD https://example.com/x /x\n',
      'ADD https://example.com/x fetches, or may fetch, what can change at any time',
    ],
    [
      'an ADD of a repository',
      'FROM a\nADD git@github.com:a/b.git /x\n',
      'ADD git@github.com:a/b.git fetches, or may fetch, what can change at any time',
    ],
    [
      'an ADD of who knows what',
      'FROM a\nADD $WHAT /x\n',
      'ADD $WHAT fetches, or may fetch, what can change at any time',
    ],
    [
      'an ADD in JSON',
      'FROM a\nADD ["https://example.com/x", "/x"]\n',
      'ADD ["https://example.com/x", "/x"] fetches, or may fetch, what can change at any time',
    ],
    [
      'an ADD that waits for a child',
      'FROM a\nONBUILD ADD https://example.com/x /x\n',
      'ADD https://example.com/x fetches, or may fetch, what can change at any time',
    ],
    [
      'a variable without a value',
      'ARG V\nFROM a:$V\n',
      'what "a:$V" in the Dockerfile stands for is only known in the build',
    ],
    [
      "a variable of the builder's",
      'FROM a-$TARGETARCH\n',
      'what "a-$TARGETARCH" in the Dockerfile stands for is only known in the build',
    ],
    [
      'a form that cuts',
      'ARG V=1.2\nFROM a:${V%.*}\n',
      'what "a:${V%.*}" in the Dockerfile stands for is only known in the build',
    ],
    [
      'a variable behind --from',
      'FROM a\nCOPY --from=$B / /\n',
      'what COPY --from=$B stands for is only known in the build',
    ],
    [
      'a flag in quotes',
      'FROM a\nCOPY --from="b" / /\n',
      'the Dockerfile has the flag --from="b", whose quotes hide its meaning',
    ],
    [
      'an unknown mount',
      'FROM a\nRUN --mount=type=magic x\n',
      'the Dockerfile has RUN --mount=type=magic, whose type is not known',
    ],
    [
      'what may be a heredoc',
      'FROM a\nRUN echo $((1<<2))\n',
      'in the Dockerfile, "$((1<<2))" may or may not begin a heredoc',
    ],
    ['a heredoc without an end', 'FROM a\nRUN <<EOF\nFROM b\n', "the Dockerfile's heredoc EOF does not end"],
    [
      'a FROM with too many words',
      'FROM a b\n',
      'the Dockerfile has the line FROM a b, which is not understood',
    ],
  ])('%s', (_, text, why) => {
    expect(() => images(text)).toThrow(new Doubt(why));
  });

  // The look-alikes.
  test.each([
    'ADD app.tar.gz https-notes.txt /x/',
    'RUN curl https://example.com',
    'RUN --network=none make',
    'COPY a@b /x',
    'CMD --help',
    'RUN cat a < b > c',
    'ADD a $DESTINATION/',
  ])('not %s', (line) => {
    expect(images(`FROM a\n${line}\n`)).toEqual(['a']);
  });
});
