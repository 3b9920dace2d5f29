import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dockerfilePath, isNamed } from '../../src/build/dockerfile-path.ts';
import { temporaryFolder } from '../process/fakes.ts';

const rows: readonly [name: string, context: string, file: string, path: string | undefined][] = [
  ["the context's own", '.', '', 'Dockerfile'],
  ["a folder's own", './app', '', 'app/Dockerfile'],
  ['in lower case where only that is there', 'lower', '', 'lower/dockerfile'],
  ['by the input, which starts from the workspace', 'app', 'docker/web.Dockerfile', 'docker/web.Dockerfile'],
  ['by the input, upwards and back', 'app', 'app/../x', 'x'],
  ['above the workspace', '.', '../Dockerfile', undefined],
  ['elsewhere on this machine', '/srv/app', '', undefined],
  ['of a name that only looks so', '.', '..Dockerfile', '..Dockerfile'],
  ['of a repository elsewhere', 'https://github.com/acme/shop.git', '', undefined],
  ['named in a repository elsewhere', 'https://github.com/acme/shop.git', 'Dockerfile', undefined],
  ['at an address', '.', 'https://example.com/Dockerfile', undefined],
];

it.each(rows)('the Dockerfile for annotations: %s', (_, context, file, path) => {
  const workspace = temporaryFolder();
  mkdirSync(join(workspace, 'lower'));
  writeFileSync(join(workspace, 'lower/dockerfile'), '');
  expect(dockerfilePath({ context, file }, workspace)).toBe(path);
});

it('below the workspace by an absolute path', () => {
  const workspace = temporaryFolder();
  expect(dockerfilePath({ context: '.', file: join(workspace, 'a/D') }, workspace)).toBe('a/D');
});

it('BuildKit names it without its folder', () => {
  expect(isNamed('app/web.Dockerfile', 'web.Dockerfile')).toBe(true);
  expect(isNamed('app/web.Dockerfile', undefined)).toBe(true);
  expect(isNamed('app/web.Dockerfile', 'Dockerfile')).toBe(false);
});
