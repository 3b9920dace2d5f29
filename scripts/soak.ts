/**
 * `npm run soak [-- rounds [filter…]]`: runs every test that shows a row of docs/reliability.md again and again (20
 * rounds) on the same real cluster, and counts how often each held. A round that fails is no reason to stop: what fails
 * once in twenty is what is looked for. Filters are parts of file names, as vitest takes them.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What breaks on the wire, and what breaks elsewhere. */
const FILES = ['__tests__/faults/', '__tests__/e2e/'];

/** The names of the tests that show a row begin with its number. */
const ROW = String.raw`^\d+( and \d+)?: `;

/** The part of vitest's JSON report that is read. */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly duration?: number | null;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

interface Tally {
  held: number;
  lost: number;
  readonly seconds: number[];
}

const tallies = new Map<string, Tally>();
let failures = 0;
const rounds = Number(process.argv[2] ?? 20);
const filters = process.argv.slice(3);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(
    `The number of rounds must be a whole number from 1 on, not ${JSON.stringify(process.argv[2])}.`,
  );
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'steadyship-soak-'));
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
for (let round = 1; round <= rounds && !interrupted.signal.aborted; round += 1) await soak(round);
print();
await rm(folder, { recursive: true });
process.exitCode = tallies.size === 0 || failures > 0 ? 1 : 0;

async function soak(round: number): Promise<void> {
  const began = performance.now();
  const file = join(folder, `round-${round}.json`);
  const wanted = filters.length === 0 ? FILES : filters;
  const reporting = ['--reporter=default', '--reporter=json', `--outputFile=${file}`];
  const log = await vitest([...wanted, '--testNamePattern', ROW, ...reporting]);
  if (interrupted.signal.aborted) return;
  const report = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as VitestReport,
    () => undefined,
  );
  if (report === undefined) {
    fail(`round ${round} brought no result:\n${log.slice(-2_000)}`);
    return;
  }
  const lost = report.testResults.reduce((sum, each) => sum + count(round, each), 0);
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  const load = loadavg()[0]?.toFixed(1);
  console.log(
    `round ${round} of ${rounds}: ${lost === 0 ? 'all held' : `${lost} lost`}, ${seconds} s, load ${load}`,
  );
  if (lost > 0) await writeFile(join(tmpdir(), `steadyship-soak-round-${round}.log`), log);
}

/** Adds up one file; answers how many of its tests were lost. */
function count(
  round: number,
  { name, message, assertionResults }: VitestReport['testResults'][number],
): number {
  if (assertionResults.length === 0) {
    fail(`round ${round}, ${name}: ${message ?? 'no test was run'}`);
    return 1;
  }
  let lost = 0;
  for (const { fullName, status, duration, failureMessages } of assertionResults) {
    if (status === 'skipped') continue;
    const tally = tallies.get(fullName) ?? { held: 0, lost: 0, seconds: [] };
    tallies.set(fullName, tally);
    tally.seconds.push((duration ?? 0) / 1_000);
    if (status === 'passed') tally.held += 1;
    else {
      lost += 1;
      tally.lost += 1;
      fail(`round ${round}, ${fullName}:\n${(failureMessages ?? [status]).join('\n')}`);
    }
  }
  return lost;
}

function fail(message: string): void {
  failures += 1;
  console.log(message);
}

function vitest(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const bin = join(ROOT, 'node_modules/.bin/vitest');
    const child = spawn(process.execPath, [bin, 'run', '--project', 'e2e', ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: interrupted.signal,
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
    }
    child.once('error', (error) => resolve(`${log}\n${error.message}`));
    child.once('close', () => resolve(log));
  });
}

function print(): void {
  const width = Math.max(5, ...[...tallies.keys()].map((name) => name.length));
  const line = (...[name, ...cells]: readonly string[]): void =>
    console.log(`${(name ?? '').padEnd(width)}  ${cells.map((cell) => cell.padStart(7)).join('  ')}`);
  console.log('');
  line('fault', 'held', 'lost', 'median', 'longest');
  for (const [name, { held, lost, seconds }] of [...tallies].sort(([one], [other]) =>
    one.localeCompare(other),
  )) {
    const sorted = seconds.toSorted((one, other) => one - other);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    line(name, String(held), String(lost), `${median.toFixed(0)} s`, `${(sorted.at(-1) ?? 0).toFixed(0)} s`);
  }
  const sum = (key: 'held' | 'lost'): string =>
    String([...tallies.values()].reduce((all, each) => all + each[key], 0));
  line('all', sum('held'), sum('lost'), '', '');
}
