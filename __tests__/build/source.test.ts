import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseStatus, readSource, webAddress } from '../../src/build/source.ts';
import { failureOf, realClock, temporaryFolder } from '../process/fakes.ts';

const environment = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' };

function read(directory: string, rest: Record<string, string> = {}) {
  return readSource({ directory, environment: { ...environment, ...rest }, clock: realClock });
}

function repository(): { folder: string; git: (...args: string[]) => string } {
  const folder = temporaryFolder();
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'safe.directory=*', '-c', 'user.name=x', '-c', 'user.email=x@x', ...args], {
      cwd: folder,
      env: { ...environment, GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  git('init', '-q');
  writeFileSync(join(folder, 'app.js'), '1');
  writeFileSync(join(folder, '.gitignore'), 'node_modules\n');
  git('add', '.');
  git('commit', '-qm', 'first');
  return { folder, git };
}

describe('the source', () => {
  it('is HEAD of the work tree', async () => {
    const { folder, git } = repository();
    git('checkout', '-q', '-b', 'fix/a-b');
    for (const tag of ['v1.0.0', 'good']) git('tag', tag);
    git('remote', 'add', 'origin', 'https://x-access-token:ghs_secret@github.com/acme/shop.git');
    expect(await read(folder)).toEqual({
      sha: git('rev-parse', 'HEAD'),
      dirty: false,
      changes: [],
      committed: new Date('2026-01-02T03:04:05Z'),
      branch: 'fix/a-b',
      gitTags: ['good', 'v1.0.0'],
      url: 'https://github.com/acme/shop',
    });
  });
  it('is found from a folder in it', async () => {
    const { folder } = repository();
    mkdirSync(join(folder, 'deep'));
    expect(await read(join(folder, 'deep'))).toMatchObject({ dirty: false });
  });
  it('is dirty by changes and by files that are in no commit', async () => {
    const { folder } = repository();
    writeFileSync(join(folder, 'app.js'), '2');
    writeFileSync(join(folder, 'ä new $(id).txt'), '');
    expect(await read(folder)).toMatchObject({ dirty: true, changes: ['app.js', 'ä new $(id).txt'] });
  });
  it('is clean with ignored files and with the credentials that google-github-actions/auth leaves', async () => {
    const { folder } = repository();
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, 'node_modules', 'x'), '');
    writeFileSync(join(folder, 'gha-creds-0a1b2c3d.json'), '{}');
    expect(await read(folder)).toMatchObject({ dirty: false });
  });
  it("is read when the folder is another user's, as in a job's container", async () => {
    const { folder } = repository();
    if (process.getuid?.() === 0) {
      chownSync(folder, 12345, 12345);
      chownSync(join(folder, '.git'), 12345, 12345);
    }
    expect(await read(folder)).toMatchObject({ dirty: false });
  });
});

describe('no source', () => {
  it('in an empty workspace is a missing checkout', async () => {
    const folder = temporaryFolder();
    expect((await failureOf(() => read(folder))).message).toBe(
      `The workspace ${folder} is empty: the job has not checked the repository out. Add the step \`- uses: actions/checkout@v4\` before this one.`,
    );
  });
  it('in a folder without Git', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'x'), '');
    expect((await failureOf(() => read(folder))).message).toBe(
      `${folder} is no Git work tree, so the commit that is built is not known. Add the step \`- uses: actions/checkout@v4\` before this one; it needs git in the job's container to make one.`,
    );
  });
  it('before the first commit', async () => {
    const folder = temporaryFolder();
    execFileSync('git', ['init', '-q'], { cwd: folder });
    expect((await failureOf(() => read(folder))).message).toBe(
      `The Git work tree ${folder} has no commit yet: the image is tagged with one. Commit first.`,
    );
  });
  it('without the program git', async () => {
    const { folder } = repository();
    expect((await failureOf(() => read(folder, { PATH: '/nonexistent' }))).message).toBe(
      "The program git is not on PATH: it tells which commit is built. Install it in the runner or the job's container, before actions/checkout.",
    );
  });
});

describe('the address of a remote', () => {
  const rows: readonly [remote: string, address: string | undefined][] = [
    ['https://github.com/acme/shop.git', 'https://github.com/acme/shop'],
    ['https://user:token@github.com/acme/shop', 'https://github.com/acme/shop'],
    ['git@github.com:acme/shop.git', 'https://github.com/acme/shop'],
    ['ssh://git@git.example.com:2222/acme/shop.git/', 'https://git.example.com/acme/shop'],
    ['http://git.local:3000/acme/shop.git', 'http://git.local:3000/acme/shop'],
    ['/srv/git/shop.git', undefined],
    ['file:///srv/git/shop.git', undefined],
    ['', undefined],
  ];
  it.each(rows)('%s', (remote, address) => {
    expect(webAddress(remote)).toBe(address);
  });
});

it('a detached head is on no branch', () => {
  const sha = 'a'.repeat(40);
  expect(parseStatus(`# branch.oid ${sha}\0# branch.head (detached)\0`)).toEqual({
    sha,
    branch: undefined,
    changes: [],
  });
});

it('a renamed file is one change', () => {
  const sha = 'a'.repeat(40);
  const text = [
    `# branch.oid ${sha}`,
    '# branch.head main',
    `2 R. N... 100644 100644 100644 ${sha} ${sha} R100 new name`,
    'old name',
    `1 .M N... 100644 100644 100644 ${sha} ${sha} a b`,
    `u UU N... 100644 100644 100644 100644 ${sha} ${sha} ${sha} both`,
    '? extra',
    '',
  ].join('\0');
  expect(parseStatus(text)).toEqual({ sha, branch: 'main', changes: ['new name', 'a b', 'both', 'extra'] });
});
