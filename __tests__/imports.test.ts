import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** From top to bottom; an import may only point down, or stay within its own folder. */
const FLOORS: readonly (readonly string[])[] = [
  ['main', 'post'],
  ['run'],
  ['inputs', 'state', 'clock'],
  ['plan', 'build', 'deploy', 'gate', 'rollback', 'report'],
  ['github', 'cluster', 'registry'],
  ['process'],
  ['model'],
];
/** Stages that are pure as a whole, and the pure parts of others: they know the model alone. */
const PURE = [
  'plan/',
  'report/',
  'gate/evaluate/',
  'deploy/patch.ts',
  'deploy/containers.ts',
  'rollback/target.ts',
];
const ENTRIES = ['main.ts', 'post.ts', 'clock.ts'];

interface SourceFile {
  readonly name: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const text = readFileSync(join(SRC, name), 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(
      ([, path]) => path ?? '',
    );
    return {
      name,
      text,
      imports: specifiers.map((path) => relative(SRC, resolve(SRC, dirname(name), path))),
    };
  });

/** The part of the house that a file belongs to: its folder, or its own name at the top. */
function partOf(name: string): string {
  return name.includes('/') ? (name.split('/')[0] ?? '') : name.replace(/\.ts$/, '');
}

function floorOf(name: string): number {
  return FLOORS.findIndex((floor) => floor.includes(partOf(name)));
}

/** Comments and strings gone: what is left runs. */
function codeOf(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

describe('the house', () => {
  test('has a floor for every file', () => {
    expect(files.filter(({ name }) => floorOf(name) === -1).map(({ name }) => name)).toEqual([]);
  });

  test('has arrows that go down only, and none between two stages or two adapters', () => {
    const upward = files.flatMap(({ name, imports }) =>
      imports
        .filter((target) => {
          const same = partOf(target) === partOf(name);
          return !same && floorOf(target) <= floorOf(name);
        })
        .map((target) => `${name} -> ${target}`),
    );
    expect(upward).toEqual([]);
  });

  test('has no circles', () => {
    const graph = new Map(files.map(({ name, imports }) => [name, imports]));
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (name: string, path: readonly string[]): void => {
      if (path.includes(name)) {
        circles.push([...path.slice(path.indexOf(name)), name].join(' -> '));
        return;
      }
      if (done.has(name)) return;
      for (const target of graph.get(name) ?? []) visit(target, [...path, name]);
      done.add(name);
    };
    for (const { name } of files) visit(name, []);
    expect(circles).toEqual([]);
  });

  test('has pure files that know the model alone', () => {
    const impure = files
      .filter(({ name }) => PURE.some((pure) => name.startsWith(pure)))
      .flatMap(({ name, imports }) =>
        imports
          .filter((target) => partOf(target) !== 'model' && partOf(target) !== partOf(name))
          .map((target) => `${name} -> ${target}`),
      );
    expect(impure).toEqual([]);
  });

  test('has imports that lead somewhere', () => {
    const names = new Set(files.map(({ name }) => name));
    const lost = files.flatMap(({ name, imports }) =>
      imports.filter((target) => !names.has(target)).map((target) => `${name} -> ${target}`),
    );
    expect(lost).toEqual([]);
  });
});

describe('the world outside', () => {
  const below = files.filter(({ name }) => !ENTRIES.includes(name));

  test('has its environment read by the entries alone', () => {
    expect(
      below.filter(({ text }) => /\bprocess\s*\.\s*env\b/.test(codeOf(text))).map(({ name }) => name),
    ).toEqual([]);
  });

  test('has its time read by the clock of the entries alone', () => {
    const clock =
      /\bDate\s*\.\s*now\b|\bnew Date\(\s*\)|\bperformance\s*\.\s*now\b|\bset(Timeout|Interval)\s*\(/;
    expect(below.filter(({ text }) => clock.test(codeOf(text))).map(({ name }) => name)).toEqual([]);
  });

  test('has its inputs read in inputs.ts alone', () => {
    expect(
      files
        .filter(
          ({ name, text }) =>
            partOf(name) !== 'inputs' && /\bgetInput|\['INPUT_|startsWith\('INPUT_/.test(text),
        )
        .map(({ name }) => name),
    ).toEqual([]);
  });

  test('never goes through a shell', () => {
    expect(
      files
        .filter(({ text }) =>
          /\bshell:\s*true|\bexecSync\b|\bexec\(/.test(codeOf(text).replaceAll(/\.exec\(/g, '')),
        )
        .map(({ name }) => name),
    ).toEqual([]);
  });
});
