/**
 * What the documents promise, held against the code: every workflow can be pasted, every sentence of the
 * troubleshooting tables is one that the action says, every default is the default, every link leads somewhere.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readInputs } from '../src/inputs.ts';
import { DEFAULT_LIMITS } from '../src/model/limits.ts';
import { parseDuration } from '../src/plan/duration.ts';

const root = join(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(join(root, name), 'utf8');

const documents = [
  ...['README.md', 'CHANGELOG.md'],
  ...globSync(['.github/*.md', 'docs/*.md', 'examples/**/*.md'], { cwd: root }),
];

interface Step {
  readonly uses: string;
  readonly with: Readonly<Record<string, unknown>>;
}

/** Every step of ours in a parsed workflow, job or list of steps. */
function stepsIn(value: unknown): readonly Step[] {
  if (typeof value !== 'object' || value === null) return [];
  const { uses, with: inputs } = value as Partial<Step>;
  if (typeof uses === 'string' && uses.startsWith('steadyship/steadyship@')) {
    return [{ uses, with: inputs ?? {} }];
  }
  return Object.values(value).flatMap(stepsIn);
}

function yamlFences(document: string): readonly string[] {
  return [...read(document).matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text);
}

const workflows = globSync('examples/**/*.yml', { cwd: root }).map((name) => ({ name, text: read(name) }));
const places = [
  ...documents.flatMap((name) =>
    yamlFences(name).map((text, index) => ({ name: `${name}, YAML ${index + 1}`, text })),
  ),
  ...workflows,
].map(({ name, text }) => ({ name, steps: stepsIn(parse(text)) }));
const uses = places.flatMap(({ name, steps }) => steps.map((step) => ({ name, step })));

/** What the runner would put in an expression's place, as far as a mistake could depend on it. */
function filled(text: string): string {
  return text.replace(/\$\{\{(.*?)\}\}/gs, (_, expression: string) => {
    if (/digest/.test(expression)) return `sha256:${'0'.repeat(64)}`;
    if (/inputs\.version/.test(expression)) return ':1.4.2';
    if (/inputs\.rollback/.test(expression)) return 'true';
    if (/github\.repository/.test(expression)) return 'Acme/shop';
    return 'value';
  });
}

describe('workflows in the documents', () => {
  const { inputs } = parse(read('action.yml')) as { inputs: Record<string, unknown> };
  const [major] = (JSON.parse(read('package.json')) as { version: string }).version.split('.');

  test('there are some', () => {
    expect(workflows.length).toBeGreaterThanOrEqual(15);
    expect(places.filter(({ name, steps }) => name.startsWith('README') && steps.length > 0)).not.toEqual([]);
  });

  test.each(workflows)('$name uses the action', ({ name }) => {
    expect(places.find((place) => place.name === name)?.steps).not.toEqual([]);
  });

  test.each(uses)('$name passes known inputs that can be read', async ({ step }) => {
    expect(Object.keys(step.with).filter((name) => !(name in inputs))).toEqual([]);
    expect(step.uses).toBe(`steadyship/steadyship@v${major}`);
    const raw = Object.entries(step.with).map(([name, value]) => [name, filled(String(value))]);
    await expect(readInputs(Object.fromEntries(raw))).resolves.toBeDefined();
  });

  test.each(workflows)('$name gives its token only the rights that it names', ({ text }) => {
    expect(parse(text)).toHaveProperty('permissions');
  });

  test('the first workflow of README is the smallest example', () => {
    const { name: _, ...smallest } = parse(read('examples/workflows/smallest.yml'));
    expect(parse(yamlFences('README.md')[0] ?? '')).toEqual(smallest);
  });
});

describe('troubleshooting', () => {
  /** All of src with strings that were broken over lines made whole, and quotes as they are read. */
  const source = globSync('src/**/*.ts', { cwd: root })
    .map(read)
    .join('\n')
    .replaceAll(/['"`]\s*\+\s*['"`]/g, '')
    .replaceAll(/\\(['"`])/g, '$1');
  const section = /^## Troubleshooting\n(.*?)^## /ms.exec(read('README.md'))?.[1] ?? '';
  const sentences = [...section.matchAll(/^\| (`+)(.+?)\1 \|/gm)].map(([, , sentence = '']) =>
    sentence.trim(),
  );

  test('quotes many', () => {
    expect(sentences.length).toBeGreaterThan(50);
  });

  test.each(sentences)('%s', (sentence) => {
    const told = sentence
      .split('…')
      .map((fragment) => fragment.replace(/^[\s:;,.]+|[\s:;,.?]+$/g, ''))
      .filter((fragment) => /\w/.test(fragment));
    expect(told.filter((fragment) => !source.includes(fragment))).toEqual([]);
    expect(Math.max(...told.map((fragment) => fragment.length))).toBeGreaterThanOrEqual(9);
  });
});

describe('docs/gate-rules.md', () => {
  const { patience, ...limits } = DEFAULT_LIMITS;
  const rows = [
    ...read('docs/gate-rules.md').matchAll(/^\| `([\w-]+)` \| (?:[^|]*\| )?\*\*([^*]+)\*\* \|/gm),
  ];
  const documented = Object.fromEntries(rows.map(([, name = '', value = '']) => [name, value]));

  test.each(Object.entries(patience))('says how long `%s` is borne', (sign, milliseconds) => {
    expect(parseDuration(documented[sign]?.replace(' ', '') ?? '')).toBe(milliseconds);
  });

  test.each([
    ['timeout', limits.timeout],
    ['deadline', limits.deadline],
  ])('says the default of `%s`', (input, milliseconds) => {
    expect(parseDuration(documented[input]?.replace(' ', '') ?? '')).toBe(milliseconds);
  });

  test('says the default of `max-restarts`', () => {
    expect(documented['max-restarts']).toBe(String(limits.maxRestarts));
  });
});

describe('docs/reliability.md', () => {
  const rows = [...read('docs/reliability.md').matchAll(/^\| (\d+) \|/gm)].map(([, number = '']) => number);
  const names = globSync('__tests__/{e2e,faults}/*.e2e.test.ts', { cwd: root }).flatMap((file) =>
    [...read(file).matchAll(/['`](\d+)(?: and (\d+))?: /g)].flatMap(([, ...numbers]) => numbers),
  );

  test('numbers its rows', () => {
    expect(rows).toEqual(Array.from({ length: 22 }, (_, index) => String(index + 1)));
  });

  test.each(rows)('row %s is shown by a test that `npm run soak` finds', (number) => {
    expect(names).toContain(number);
  });
});

describe('links', () => {
  const links = documents.flatMap((name) =>
    [...read(name).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({ name, target })),
  );
  /** As GitHub makes a heading's anchor. */
  const anchors = (name: string): readonly string[] =>
    [...read(name).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );

  test.each(links.filter(({ target }) => !target.includes('://')))('$name → $target', ({ name, target }) => {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? name : join(dirname(name), path);
    expect(existsSync(join(root, file))).toBe(true);
    if (anchor !== undefined) expect(anchors(file)).toContain(anchor);
  });

  test('docs/security.md names tests that are there', () => {
    const named = [...read('docs/security.md').matchAll(/`(__tests__\/[^`]+)`/g)].map(
      ([, file = '']) => file,
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});
