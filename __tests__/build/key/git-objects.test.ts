import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { walkContext } from '../../../src/build/key/context-walk.ts';
import { objectsOf, parseFiles, readGitObjects } from '../../../src/build/key/git-objects.ts';
import { parseIgnoreFile } from '../../../src/build/key/ignore-file.ts';
import { realClock, temporaryFolder } from '../../process/fakes.ts';

const NOTED = '  ctime: 17:25\n  mtime: 1:2\n  dev: 3\tino: 4\n  uid: 5\tgid: 6\n  size: 7\tflags: 200000\n';

const environment = { PATH: process.env['PATH'], HOME: '/nowhere' };

function repository(files: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', '-C', folder, ...args], {
      encoding: 'utf8',
    });
  const write = (more: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(more)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  };
  git('init', '--quiet');
  write(files);
  git('add', '.');
  git('commit', '--quiet', '-m', 'x');
  /** Sets when the index was written: by itself that may be in the tick in which the files were. */
  const written = (ms: number): void => utimesSync(join(folder, '.git', 'index'), ms / 1_000, ms / 1_000);
  written(Date.now() + 1_000);
  const objects = (below = '') => objectsIn(join(folder, below));
  const vouched = async (below = ''): Promise<readonly string[]> => Object.keys(await objects(below));
  return { folder, git, write, written, objects, vouched };
}

/** The files that need not be read, with their objects. */
async function objectsIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const objectOf = objectsOf(await readGitObjects({ folder, environment, clock: realClock }));
  const entries = await walkContext(folder, parseIgnoreFile('.git\n**/.git\n'), undefined);
  const files = entries.filter(({ kind }) => kind === 'file');
  return Object.fromEntries(
    files.flatMap((file) => {
      const object = objectOf(file);
      return object === undefined ? [] : [[file.path, object]];
    }),
  );
}

describe('git vouches for', () => {
  test('files as they were committed, by their objects', async () => {
    expect(await repository({ a: 'one\n', 'b/c d': '', 'ü"\n': 'x' }).objects()).toEqual({
      a: '5626abf0f72e58d7a153368ba57db4c673c0e171',
      'b/c d': 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
      'ü"\n': 'c1b0730e0133447badcfd47fd144e254807b06e1',
    });
  });
  test('each of many files, in whatever order their names are', async () => {
    const names = ['a', 'a-b', 'a/b', 'a.b', 'a0', ...Array.from({ length: 300 }, (_, at) => `f${at}/x`)];
    expect(await repository(Object.fromEntries(names.slice(0, 1).map((n) => [n, n]))).vouched()).toEqual([
      'a',
    ]);
    const rest = names.slice(1);
    expect(await repository(Object.fromEntries(rest.map((n) => [n, n]))).vouched()).toEqual([...rest].sort());
  });
  test('those of the folder that is asked about, by their path in it', async () => {
    expect(await repository({ a: '1', 'web/b': '2' }).vouched('web')).toEqual(['b']);
  });
  test('files of which attributes say what git does not have to do', async () => {
    const { vouched } = repository({
      '.gitattributes': '* text=auto\n*.sh eol=lf\n',
      ...{ a: 'one\n', 'b.sh': 'two\n', c: '\0' },
    });
    expect(await vouched()).toEqual(['.gitattributes', 'a', 'b.sh', 'c']);
  });
  test('binary files, which attributes leave alone', async () => {
    const { vouched } = repository({
      '.gitattributes': '*.png binary\n*.txt -text\n*.md linguist-language=x\n',
      'a.png': '1',
      'a.txt': '2',
      'a.md': '3',
    });
    expect(await vouched()).toEqual(['.gitattributes', 'a.md', 'a.png', 'a.txt']);
  });
});

describe('git does not vouch for', () => {
  test('what changed, is gone, or is in no commit', async () => {
    const { folder, write, vouched } = repository({ a: '1', b: '2', c: '3' });
    write({ a: '4', d: '5' });
    rmSync(join(folder, 'b'));
    expect(await vouched()).toEqual(['c']);
  });
  test('what it was told to believe', async () => {
    const { git, vouched } = repository({ a: '1', b: '2', c: '3' });
    git('update-index', '--assume-unchanged', 'a');
    git('update-index', '--skip-worktree', 'b');
    expect(await vouched()).toEqual(['c']);
  });
  test('what it filters, encodes or expands', async () => {
    const { vouched } = repository({
      '.gitattributes': '*.lfs filter=lfs\n*.id ident\n*.enc working-tree-encoding=UTF-8\n',
      ...{ 'a.lfs': '2', 'a.id': '3', 'a.enc': '5', plain: '7' },
    });
    expect(await vouched()).toEqual(['.gitattributes', 'plain']);
  });
  test.each([
    ['line ends at the checkout', 'eol=crlf', 'one\n', 'one\r\n'],
    ['line ends at the commit', 'text=auto', 'one\r\n', 'one\r\n'],
  ])('what it converts: %s', async (_, attribute, committed, inTree) => {
    const { folder, git, vouched } = repository({
      '.gitattributes': `a ${attribute}\n`,
      a: committed,
      b: 'x',
    });
    rmSync(join(folder, 'a'));
    writeFileSync(join(folder, 'a'), inTree);
    git('add', '.');
    utimesSync(join(folder, '.git', 'index'), new Date(), new Date(Date.now() + 1_000));
    expect(git('status', '--porcelain')).toBe('');
    expect(await vouched()).toEqual(['.gitattributes', 'b']);
  });
  test('what core.autocrlf converted, now or in former times; what has no line end is the same', async () => {
    const { folder, git, vouched } = repository({ a: 'one\n', b: 'two', c: 'three\n' });
    git('config', 'core.autocrlf', 'true');
    rmSync(join(folder, 'a'));
    git('checkout', '--', 'a');
    expect(statSync(join(folder, 'a')).size).toBe(5);
    utimesSync(join(folder, '.git', 'index'), new Date(), new Date(Date.now() + 1_000));
    expect(await vouched()).toEqual(['b', 'c']);
    git('config', 'core.autocrlf', 'false');
    expect(await vouched()).toEqual(['b', 'c']);
  });
  test('anything, where objects are replaced', async () => {
    const { git, vouched } = repository({ a: '1', b: '2' });
    git('replace', git('rev-parse', 'HEAD:a').trim(), git('rev-parse', 'HEAD:b').trim());
    expect(await vouched()).toEqual([]);
  });
  test('what changed in the second in which it was written, with its size and time: the change time tells', async () => {
    const { folder, vouched } = repository({ a: 'one', b: 'two' });
    const { mtime } = statSync(join(folder, 'a'));
    writeFileSync(join(folder, 'a'), 'uno');
    utimesSync(join(folder, 'a'), mtime, mtime);
    expect(await vouched()).toEqual(['b']);
  });
  test('what may have changed in the tick in which the index was written', async () => {
    const { folder, git, written, vouched } = repository({ a: 'one', b: 'two' });
    const changed = (name: string): number => statSync(join(folder, name)).ctimeMs;
    do chmodSync(join(folder, 'a'), 0o600);
    while (Math.floor(changed('a')) <= changed('b'));
    // A refresh would compare seconds alone.
    git('rm', '--quiet', '--cached', 'a');
    git('add', 'a');
    const ctimeMs = changed('a');
    written(Math.floor(ctimeMs));
    expect(await vouched()).toEqual(['b']);
    written(Math.ceil(ctimeMs) + 1);
    expect(await vouched()).toEqual(['a', 'b']);
  });
  test('another file in the place of one, though it has its size and times', () => {
    const noted = parseFiles(`H 100644 ${'a'.repeat(40)} 0\ta\0${NOTED}`, Infinity);
    const file = { path: 'a', size: 7, changed: 17_000.000025, inode: 4 };
    expect(objectsOf(noted)({ ...file, inode: 5 })).toBeUndefined();
    expect(objectsOf(noted)({ ...file, size: 8 })).toBeUndefined();
    expect(objectsOf(noted)({ ...file, changed: 17_000.000026 })).toBeUndefined();
    expect(objectsOf(noted)(file)).toBe('a'.repeat(40));
    // git keeps 32 bits.
    expect(objectsOf(noted)({ ...file, inode: 2 ** 32 + 4 })).toBe('a'.repeat(40));
  });
  test('links, whose target is read, and submodules', async () => {
    const { folder, git, vouched } = repository({ a: '1' });
    symlinkSync('a', join(folder, 'link'));
    git('init', '--quiet', 'module');
    git('-C', 'module', 'commit', '--quiet', '--allow-empty', '-m', 'x');
    git('-c', 'advice.addEmbeddedRepo=false', 'add', '.');
    expect(await vouched()).toEqual(['a']);
  });
  test('what is no repository', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a'), '1');
    expect(await objectsIn(folder)).toEqual({});
  });
  test('what it does not say in a form that is known', () => {
    const object = 'a'.repeat(40);
    const records = [
      `H 100644 ${object} 0\ta`,
      `? 100644 ${object} 0\tb`,
      `H 100644 ${object} 2\tc`,
      `H 160000 ${object} 0\td`,
      `H 100644 ${object}0 0\te`,
      `H 100644 ${object} 0\tf`,
      `C 100644 ${object} 0\tf`,
    ].map((record) => `${record}\0${NOTED}`);
    expect(parseFiles(records.join(''), Infinity)).toEqual({
      ...{ paths: ['a', 'f'], objects: [object, ''], sizes: [7, 7] },
      ...{ changed: [17_000.000025, 17_000.000025], inodes: [4, 4] },
    });
    for (const strange of [
      'H nonsense',
      `H 100644 ${object} 0\tg\0`,
      `H 100644 ${object} 0\tg\0  ctime: 1\n`,
    ]) {
      expect(parseFiles([...records, strange].join(''), Infinity).paths).toEqual([]);
    }
  });
});
