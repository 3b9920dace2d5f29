import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseFiles, readGitObjects } from '../../../src/build/key/git-objects.ts';
import { realClock, temporaryFolder } from '../../process/fakes.ts';

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
  const vouched = async (below = ''): Promise<readonly string[]> => [
    ...(await readGitObjects({ folder: join(folder, below), environment, clock: realClock })).keys(),
  ];
  return { folder, git, write, vouched };
}

describe('git vouches for', () => {
  test('files as they were committed, by object and size', async () => {
    const { folder } = repository({ a: 'one\n', 'b/c d': '', 'ü"\n': 'x' });
    const found = await readGitObjects({ folder, environment, clock: realClock });
    expect(Object.fromEntries(found)).toEqual({
      a: { object: '5626abf0f72e58d7a153368ba57db4c673c0e171', size: 4, changed: expect.any(Number) },
      'b/c d': { object: 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391', size: 0, changed: expect.any(Number) },
      'ü"\n': { object: 'c1b0730e0133447badcfd47fd144e254807b06e1', size: 1, changed: expect.any(Number) },
    });
  });
  test('more files than one process is asked about, each with its own size', async () => {
    const names = Array.from({ length: 2_050 }, (_, index) => `f${index}`);
    const sizeOf = (name: string): number => Number(name.slice(1)) % 7;
    const files = Object.fromEntries(names.map((name) => [name, 'x'.repeat(sizeOf(name))]));
    const { folder } = repository(files);
    const found = await readGitObjects({ folder, environment, clock: realClock });
    expect(new Map([...found].map(([path, { size }]) => [path, size]))).toEqual(
      new Map(names.sort().map((name) => [name, sizeOf(name)])),
    );
  }, 30_000);
  test('those of the folder that is asked about, by their path in it', async () => {
    expect(await repository({ a: '1', 'web/b': '2' }).vouched('web')).toEqual(['b']);
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
  test('what it converts', async () => {
    const { vouched } = repository({
      '.gitattributes':
        '*.auto text=auto\n*.lfs filter=lfs\n*.id ident\n*.eol eol=lf\n*.enc working-tree-encoding=UTF-8\n*.crlf crlf\n',
      ...{ 'a.auto': '1', 'a.lfs': '2', 'a.id': '3', 'a.eol': '4', 'a.enc': '5', 'a.crlf': '6', plain: '7' },
    });
    expect(await vouched()).toEqual(['.gitattributes', 'plain']);
  });
  test('anything, where all of it may be converted or replaced', async () => {
    const one = repository({ a: '1' });
    one.git('config', 'core.autocrlf', 'input');
    expect(await one.vouched()).toEqual([]);
    const two = repository({ a: '1', b: '2' });
    two.git('replace', two.git('rev-parse', 'HEAD:a').trim(), two.git('rev-parse', 'HEAD:b').trim());
    expect(await two.vouched()).toEqual([]);
  });
  test('what changed in the second in which it was written, with its size and time: the change time tells', async () => {
    const { folder } = repository({ a: 'one', b: 'two' });
    const { mtime } = statSync(join(folder, 'a'));
    writeFileSync(join(folder, 'a'), 'uno');
    utimesSync(join(folder, 'a'), mtime, mtime);
    const found = await readGitObjects({ folder, environment, clock: realClock });
    expect(found.get('a')?.changed).not.toBe(statSync(join(folder, 'a')).ctimeMs);
    // The twin.
    expect(found.get('b')?.changed).toBe(statSync(join(folder, 'b')).ctimeMs);
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
    expect((await readGitObjects({ folder, environment, clock: realClock })).size).toBe(0);
  });
  test('what it does not say in a form that is known', () => {
    const object = 'a'.repeat(40);
    const noted =
      '  ctime: 17:25\n  mtime: 1:2\n  dev: 3\tino: 4\n  uid: 5\tgid: 6\n  size: 7\tflags: 200000\n';
    const records = [
      `H 100644 ${object} 0\ta`,
      `? 100644 ${object} 0\tb`,
      `H 100644 ${object} 2\tc`,
      `H 160000 ${object} 0\td`,
      `H 100644 ${object}0 0\te`,
      `H 100644 ${object} 0\tf`,
      `C 100644 ${object} 0\tf`,
    ].map((record) => `${record}\0${noted}`);
    expect([...parseFiles(records.join(''))]).toEqual([['a', { object, size: 7, changed: 17_000.000025 }]]);
    for (const strange of [
      'H nonsense',
      `H 100644 ${object} 0\tg\0`,
      `H 100644 ${object} 0\tg\0  ctime: 1\n`,
    ]) {
      expect(parseFiles([...records, strange].join('')).size).toBe(0);
    }
  });
});
