import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkContext, isLocalContext } from '../../src/build/context.ts';
import { failureOf, temporaryFolder } from '../process/fakes.ts';

function workspace(...files: string[]): string {
  const folder = temporaryFolder();
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), 'FROM scratch\n');
  }
  return folder;
}

describe('accepts', () => {
  const rows: readonly [name: string, files: string[], context: string, file: string][] = [
    ['the workspace with its Dockerfile', ['Dockerfile'], '.', ''],
    ['a lower-case default, as BuildKit does', ['dockerfile'], '.', ''],
    ['a folder in it', ['app/Dockerfile'], 'app', ''],
    [
      'a file that starts from the workspace, not from the context',
      ['docker/Dockerfile.prod', 'app/x'],
      'app',
      'docker/Dockerfile.prod',
    ],
    [
      "a repository's address, where there is nothing to look at",
      [],
      'https://github.com/acme/shop.git#main',
      '',
    ],
    ["a Dockerfile's address", ['x'], '.', 'https://example.com/Dockerfile'],
  ];
  it.each(rows)('%s', async (_, files, context, file) => {
    await checkContext({ context, file }, workspace(...files));
  });
});

describe('refuses', () => {
  it('an empty workspace, for the checkout is missing', async () => {
    const folder = workspace();
    expect((await failureOf(() => checkContext({ context: '.', file: '' }, folder))).message).toBe(
      `The workspace ${folder} is empty: the job has not checked the repository out. Add the step \`- uses: actions/checkout@v4\` before this one.`,
    );
  });
  it('a folder without Dockerfile, and says where there are some', async () => {
    const folder = workspace(
      'docker/Dockerfile',
      'docker/Dockerfile.dockerignore',
      'api/Containerfile',
      'node_modules/Dockerfile',
    );
    expect((await failureOf(() => checkContext({ context: '.', file: '' }, folder))).message).toBe(
      `There is no Dockerfile at ${folder}/Dockerfile (the input file names another, from the workspace on). There is api/Containerfile, docker/Dockerfile: name it in the input file.`,
    );
  });
  it('a file that is not there', async () => {
    const folder = workspace('x');
    expect((await failureOf(() => checkContext({ context: '.', file: 'Dokcerfile' }, folder))).message).toBe(
      `There is no Dockerfile at ${folder}/Dokcerfile.`,
    );
  });
  it('a context that is not there', async () => {
    const folder = workspace('x');
    expect((await failureOf(() => checkContext({ context: 'ap', file: '' }, folder))).message).toBe(
      `The context ${folder}/ap is no folder. The input context ("ap") starts from ${folder}.`,
    );
  });
  it('standard input', async () => {
    expect((await failureOf(() => checkContext({ context: '-', file: '' }, '/'))).message).toBe(
      'The input context is "-": a step has no standard input to read a context from. Name a folder.',
    );
  });
});

it('tells folders from addresses', () => {
  expect(['.', '/w', 'github.company', './git@x'].map(isLocalContext)).toEqual([true, true, true, true]);
  expect(['https://x/y.git', 'git@x:y', 'git://x', 'github.com/a/b'].map(isLocalContext)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
