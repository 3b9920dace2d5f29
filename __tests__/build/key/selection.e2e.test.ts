import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Entry, walkContext } from '../../../src/build/key/context-walk.ts';
import { parseIgnoreFile } from '../../../src/build/key/ignore-file.ts';
import type { Cluster } from '../../cluster/index.ts';

/** undefined: this machine can not run it, as the setup said. */
const setup = inject('setup');
const cluster = setup?.cluster as Cluster;
let root: string;

const FILES = [
  ...['Dockerfile', 'README.md', 'a.md', 'ab.md', 'foo', 'foobar', 'barfoo', 'x.pyc', 'x.pyo', 'x.pya'],
  ...[
    '.env',
    '.env.local',
    'sub/.env',
    'with space.txt',
    'ünï.txt',
    'a+b.txt',
    'a.b.txt',
    'aXb.txt',
    '#hash',
  ],
  ...['docs/a.md', 'docs/b.txt', 'docs/deep/c.md', 'docs/deep/er/d.md', 'Docs.md', '!bang', '😀.txt'],
  ...['src/main.ts', 'src/test/x.test.ts', 'src/foo/y', 'lib/src/main.ts', 'lib/foo', 'lib/keep/z'],
  ...['node_modules/p/index.js', 'packages/a/node_modules/q.js', 'packages/a/src/i.ts', 'packages/b/r.MD'],
];

beforeAll(() => {
  if (setup === undefined) return;
  root = mkdtempSync(join(tmpdir(), 'steadyship-selection-'));
  const context = join(root, 'context');
  for (const name of FILES) {
    mkdirSync(dirname(join(context, name)), { recursive: true });
    writeFileSync(join(context, name), name);
  }
  for (const name of ['empty', 'tmp', 'shut/in']) mkdirSync(join(context, name), { recursive: true });
  symlinkSync('docs/a.md', join(context, 'link.md'));
  symlinkSync('docs', join(context, 'docs-link'));
  symlinkSync('../outside', join(context, 'dangling'));
  chmodSync(join(context, 'src/main.ts'), 0o755);
  chmodSync(join(context, 'foo'), 0o600);
  chmodSync(join(context, 'foobar'), 0o4755);
  chmodSync(join(context, 'tmp'), 0o1777);
  chmodSync(join(context, 'shut'), 0o750);
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
});

afterAll(() => {
  if (root !== undefined) rmSync(root, { recursive: true, force: true });
});

/** What the builder really gets, by an image that has nothing else in it. */
async function built(
  name: string,
  args: readonly string[],
): Promise<readonly Omit<Entry, 'changed' | 'inode'>[]> {
  const out = join(root, name);
  const ended = spawnSync(
    'docker',
    ['buildx', 'build', '--provenance=false', `--output=type=local,dest=${out}`, ...args],
    { env: { ...process.env, ...cluster.env }, encoding: 'utf8' },
  );
  if (ended.status !== 0) throw new Error(ended.stderr);
  return shown(await walkContext(out, [], undefined));
}

/** The root is nobody's entry, and what was exported was changed when it was exported. */
function shown(entries: readonly Entry[]): readonly Omit<Entry, 'changed' | 'inode'>[] {
  return entries.filter(({ path }) => path !== '.').map(({ changed: _, inode: __, ...entry }) => entry);
}

describe.skipIf(setup === undefined)('what BuildKit takes of a context is what we take', () => {
  test.each([
    ['no pattern', []],
    ['a file', ['README.md']],
    ['another case, which is another file', ['readme.md', 'docs.md', 'FOO']],
    ['a folder', ['docs']],
    ['a folder with a slash at its end', ['docs/']],
    ['a slash in front', ['/docs', '/src/test']],
    ['dots in the path', ['./docs/../src', 'lib/./foo']],
    ['a star stops at a slash', ['*.md']],
    ['a star in a folder', ['docs/*']],
    ['a star between slashes', ['*/foo', '*/*/node_modules']],
    ['a question mark', ['a?.md', '?.md', 'fo?']],
    ['two stars in front', ['**/*.md']],
    ['two stars in front of a name', ['**/foo']],
    ['two stars in front without a slash', ['**foo']],
    ['two stars at the end', ['docs/**']],
    ['two stars at the end of a name', ['foo**']],
    ['two stars in the middle', ['docs/**/d.md', 'packages/**/*.ts']],
    ['two stars on both sides', ['**/node_modules/**']],
    ['two stars alone', ['**']],
    ['a class', ['*.py[co]', '[a-b].md']],
    ['a negated class', ['*.py[^co]']],
    [
      'letters that mean something in regular expressions',
      ['a+b.txt', 'a.b.txt', '*.b.tx$', '(foo)*', '{a,b}*'],
    ],
    ['names beyond ASCII', ['ünï.txt', '?.txt']],
    ['spaces around and inside', ['   with space.txt  ', '\tfoo\t']],
    ['comments, and what only looks like one', ['# foo', ' #hash', 'foo # no comment']],
    ['line ends of Windows', ['foo\r', 'docs\r']],
    ['an exception', ['*.md', '!README.md']],
    ['an exception that something later takes back', ['!README.md', '*.md']],
    ['all but a folder', ['*', '!src']],
    ['all but a file in a folder', ['*', '!src/main.ts']],
    ['all but files of a kind in folders', ['*', '!**/*.ts']],
    ['all but a folder, but not all of that', ['*', '!src', 'src/test']],
    ['a folder but one of its files', ['docs', '!docs/deep/c.md']],
    ['what is in a folder but one of its files', ['docs/*', '!docs/deep']],
    ['all below but one', ['docs/**', '!docs/deep/er/d.md']],
    ['an exception for a name anywhere', ['lib', '!**/foo']],
    ['an exception for a parent', ['packages/a', '!packages']],
    ['an exception with a star', ['docs', '!docs/*.md']],
    ['an exception with two stars at its end', ['*', '!docs/**']],
    ['exceptions that cross', ['**/node_modules', '!packages', 'packages/a/src']],
    ['an exception with a space and a slash', ['*', '! /src']],
    ['a name that begins with an exclamation mark', ['!bang', '?bang']],
    ['folders that come only for what is in them', ['shut', '!shut/in']],
    ['links', ['docs-link', 'link.*']],
    ['below a link', ['docs-link/a.md']],
    ['the Dockerfile and the ignore file themselves', ['Dockerfile', '.dockerignore']],
    ['hidden files', ['.*', '!.dockerignore']],
    ['hidden files anywhere', ['**/.*']],
    ['a byte order mark', ['\uFEFFfoo', 'bar*']],
    ['upwards', ['../foo', '..', '.', '/']],
    ['three stars', ['***/foo', 'docs/***']],
  ])('%s', async (name, lines) => {
    const context = join(root, 'context');
    const text = lines.join('\n');
    writeFileSync(join(context, '.dockerignore'), text);
    const taken = shown(await walkContext(context, parseIgnoreFile(text), undefined));
    expect(taken).toEqual(await built(name.replaceAll(/\W+/g, '-'), [context]));
  });

  test("a Dockerfile's own ignore file is read instead of the context's", async () => {
    const context = join(root, 'context');
    writeFileSync(join(context, '.dockerignore'), 'docs');
    writeFileSync(join(root, 'Other'), 'FROM scratch\nCOPY . /\n');
    writeFileSync(join(root, 'Other.dockerignore'), 'src');
    const taken = shown(await walkContext(context, parseIgnoreFile('src'), undefined));
    expect(taken).toEqual(await built('own', ['--file', join(root, 'Other'), context]));
  });

  test('a further context has an ignore file of its own', async () => {
    const context = join(root, 'context');
    writeFileSync(join(context, '.dockerignore'), '*\n!src');
    writeFileSync(join(root, 'Named'), 'FROM scratch\nCOPY --from=more . /\n');
    const taken = shown(await walkContext(context, parseIgnoreFile('*\n!src'), undefined));
    const args = ['--file', join(root, 'Named'), '--build-context', `more=${context}`, context];
    expect(taken).toEqual(await built('named', args));
  });
});
