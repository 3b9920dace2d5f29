/**
 * Writes the tables of inputs and outputs into README.md from action.yml, between markers, so that the two can
 * not drift apart. `--check` only compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { type Right, renderRole, rightsToDeploy } from '../src/deploy/permissions.ts';
import type { WorkloadKind } from '../src/model/observation.ts';

interface Action {
  readonly inputs: Readonly<Record<string, { description: string; default?: string; required?: boolean }>>;
  readonly outputs: Readonly<Record<string, { description: string }>>;
}

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** A table cell keeps its row only without line breaks and bare pipes. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');

function inputTable({ inputs }: Action): string {
  const rows = Object.entries(inputs).map(([name, { description, default: value, required }]) => {
    const shown =
      required === true ? '**required**' : value === undefined || value === '' ? '' : `\`${value}\``;
    return `| \`${name}\` | ${cell(description)} | ${shown} |`;
  });
  return ['| input | what it is | default |', '|---|---|---|', ...rows].join('\n');
}

function outputTable({ outputs }: Action): string {
  const rows = Object.entries(outputs).map(
    ([name, { description }]) => `| \`${name}\` | ${cell(description)} |`,
  );
  return ['| output | what it is |', '|---|---|', ...rows].join('\n');
}

/** The Role of the end-to-end tests: what is published is what was tried. */
function role(): string {
  return ['```yaml', renderRole('production', rightsToDeploy({ logs: true })), '```'].join('\n');
}

/** The rules in which the Roles for the other kinds differ from the one for Deployments. */
function rolesByKind(): string {
  const rights = (kind: WorkloadKind, evict: boolean): readonly Right[] =>
    rightsToDeploy({ logs: true, kinds: new Set([kind]), evict });
  const [deployment, plain] = [rights('Deployment', false), rights('StatefulSet', false)].map(rulesOf);
  const rows = [
    ['Deployments', deployment, plain],
    ['StatefulSets', plain, deployment],
    ['DaemonSets', rulesOf(rights('DaemonSet', false)), deployment],
    ['StatefulSets with `evict-stuck`, further', rulesOf(rights('StatefulSet', true)), plain],
  ] as const;
  const lines = rows.map(([title, rules, known]) => {
    const own = (rules ?? []).filter((rule) => known?.includes(rule) !== true);
    return `| ${title} | ${own.map((rule) => `\`${rule}\``).join('<br>')} |`;
  });
  return ['| to deploy to | rules |', '|---|---|', ...lines].join('\n');
}

function rulesOf(rights: readonly Right[]): readonly string[] {
  return renderRole('production', rights)
    .split('\n')
    .filter((line) => line.startsWith('  - '))
    .map((line) => line.trim());
}

/** README with every generated part renewed. */
export function renewReadme(readme: string, action: Action): string {
  const parts = {
    inputs: inputTable(action),
    outputs: outputTable(action),
    role: role(),
    roles: rolesByKind(),
  };
  return Object.entries(parts).reduce((text, [name, content]) => {
    const marker = new RegExp(`(<!-- ${name}:begin -->\\n)[\\s\\S]*?(\\n<!-- ${name}:end -->)`);
    if (!marker.test(text)) throw new Error(`README.md lacks the markers of "${name}".`);
    return text.replace(marker, (_, begin: string, end: string) => `${begin}${content}${end}`);
  }, readme);
}

const action = parse(readFileSync(path('action.yml'), 'utf8')) as Action;
const readme = readFileSync(path('README.md'), 'utf8');
const renewed = renewReadme(readme, action);
if (process.argv.includes('--check')) {
  if (renewed !== readme) {
    console.error('README.md does not say what action.yml says: run node scripts/readme.ts');
    process.exit(1);
  }
} else writeFileSync(path('README.md'), renewed);
