import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Command, CommandNotFound, run } from '../../src/process/run.ts';
import { failureOf, realClock, temporaryFolder } from './fakes.ts';

const environment = { PATH: process.env['PATH'] ?? '' };

function node(script: string, rest: Partial<Command> = {}, args: readonly string[] = []) {
  return run(
    { file: process.execPath, args: ['-e', script, '--', ...args], environment, ...rest },
    realClock,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that nobody collects (the container's first process does not) is dead all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A child with a grandchild that writes its pid and stays. */
const FAMILY = `
  const { spawn } = require('node:child_process');
  spawn(process.execPath, ['-e', process.env.EXTRA + "; require('fs').writeFileSync(process.env.FILE, String(process.pid)); setInterval(() => {}, 1000)"], { stdio: 'inherit' });
  setInterval(() => {}, 1000);
`;

async function grandchild(file: string): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    if (existsSync(file) && readFileSync(file, 'utf8') !== '') return Number(readFileSync(file, 'utf8'));
    await sleep(20);
  }
  throw new Error('The grandchild did not start.');
}

describe('a child', () => {
  it('gives its exit code and the ends of both streams', async () => {
    expect(await node(`console.log('out'); console.error('err'); process.exitCode = 3`)).toEqual({
      kind: 'exited',
      exitCode: 3,
      signal: undefined,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });
  it('reads what is given to it', async () => {
    const ended = await node(`process.stdin.pipe(process.stdout)`, { stdin: 'käse' });
    expect(ended.stdout).toBe('käse');
  });
  it('that does not read what is given to it is no error', async () => {
    expect(await node('', { stdin: 'x'.repeat(1_000_000) })).toMatchObject({ exitCode: 0 });
  });
  it('sees only the environment that it is given', async () => {
    const ended = await node('console.log(JSON.stringify(Object.keys(process.env)))');
    expect(JSON.parse(ended.stdout)).toEqual(['PATH']);
  });
  it('tells its lines as they come', async () => {
    const lines: string[] = [];
    await node(`process.stdout.write('a\\n1%\\r2%\\n'); process.stderr.write('b')`, {
      onLine: (line, stream) => lines.push(`${stream} ${line}`),
    });
    expect(lines.sort()).toEqual(['stderr b', 'stdout 2%', 'stdout a']);
  });
  it('keeps letters whole that come in two pieces', async () => {
    const ended = await node(
      `const b = Buffer.from('ä'); process.stdout.write(b.subarray(0, 1)); setTimeout(() => process.stdout.write(b.subarray(1)), 50)`,
    );
    expect(ended.stdout).toBe('ä');
  });
  it('that is killed by somebody else says by what', async () => {
    expect(await node(`process.kill(process.pid, 'SIGKILL')`)).toMatchObject({
      kind: 'killed',
      exitCode: undefined,
      signal: 'SIGKILL',
    });
  });
  it('that leaves a process behind with its pipes does not hold us up', async () => {
    const began = performance.now();
    const ended = await node(
      `require('node:child_process').spawn('sleep', ['5'], { stdio: 'inherit', detached: true }).unref(); console.log('done')`,
    );
    expect(ended).toMatchObject({ exitCode: 0, stdout: 'done\n' });
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});

describe('no program', () => {
  it('on PATH is told by its name', async () => {
    const error = await failureOf(() => run({ file: 'no-such-program', args: [], environment }, realClock));
    expect(error).toBeInstanceOf(CommandNotFound);
    expect(error.message).toBe('The program "no-such-program" was not found on PATH.');
  });
  it('is not what is said when the folder is missing', async () => {
    const error = await failureOf(() => node('', { directory: '/no/such/folder' }));
    expect(error).not.toBeInstanceOf(CommandNotFound);
  });
  it('is looked for on the PATH that the child gets', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'mine'), '#!/bin/sh\necho mine\n', { mode: 0o755 });
    const ended = await run({ file: 'mine', args: [], environment: { PATH: folder } }, realClock);
    expect(ended.stdout).toBe('mine\n');
  });
});

describe('an argument', () => {
  it('arrives as it is, whatever a shell would make of it', async () => {
    const hostile = fc.oneof(
      fc.constantFrom(
        '$(id)',
        'a"; x',
        '`id`',
        '; rm -rf /',
        '&& x',
        '| x',
        '> /tmp/x',
        '$HOME',
        '*',
        '~',
        "'",
        '\\',
        '-x',
        '--',
        '',
        '%PATH%',
        'a\nb',
      ),
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 6 }), async (args) => {
        const ended = await node('process.stdout.write(JSON.stringify(process.argv.slice(1)))', {}, args);
        expect(JSON.parse(ended.stdout)).toEqual(args);
      }),
      { numRuns: 15 },
    );
  });
});

/** What was signalled is gone when the kernel says so, and its parent has heard of it. */
async function untilGone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000 });
}

describe('the whole tree', () => {
  it('ends on an abort, which rejects with its reason', async () => {
    const file = join(temporaryFolder(), 'pid');
    const abort = new AbortController();
    const ended = failureOf(() =>
      node(FAMILY, { environment: { ...environment, FILE: file, EXTRA: '' }, signal: abort.signal }),
    );
    const pid = await grandchild(file);
    abort.abort(new Error('The run was cancelled.'));
    expect((await ended).message).toBe('The run was cancelled.');
    await untilGone(pid);
  });
  it('is killed when it does not want to end', async () => {
    const file = join(temporaryFolder(), 'pid');
    const abort = new AbortController();
    const stubborn = { ...environment, FILE: file, EXTRA: `process.on('SIGTERM', () => {})` };
    const ended = failureOf(() =>
      node(`process.on('SIGTERM', () => {}); ${FAMILY}`, {
        environment: stubborn,
        signal: abort.signal,
        grace: 200,
      }),
    );
    const pid = await grandchild(file);
    abort.abort(new Error('stop'));
    await ended;
    await untilGone(pid);
  });
  it('does not keep what outlives its polite parent', async () => {
    const file = join(temporaryFolder(), 'pid');
    const abort = new AbortController();
    const stubborn = { ...environment, FILE: file, EXTRA: `process.on('SIGTERM', () => {})` };
    const ended = failureOf(() => node(FAMILY, { environment: stubborn, signal: abort.signal }));
    const pid = await grandchild(file);
    abort.abort(new Error('stop'));
    await ended;
    await untilGone(pid);
  });
  it('ends when its time is over', async () => {
    const file = join(temporaryFolder(), 'pid');
    const ended = node(FAMILY, { environment: { ...environment, FILE: file, EXTRA: '' }, timeout: 500 });
    const pid = await grandchild(file);
    expect(await ended).toMatchObject({ kind: 'timed-out', exitCode: undefined });
    await untilGone(pid);
  });
  it('is not even begun when the run was aborted before', async () => {
    const file = join(temporaryFolder(), 'pid');
    const error = await failureOf(() =>
      node(FAMILY, {
        environment: { ...environment, FILE: file, EXTRA: '' },
        signal: AbortSignal.abort(new Error('before')),
      }),
    );
    expect(error.message).toBe('before');
    expect(existsSync(file)).toBe(false);
  });
});

it('a dozen children end with us, and are not taken for a leak', async () => {
  const script = `
    import { run } from ${JSON.stringify(new URL('../../src/process/run.ts', import.meta.url).href)};
    const clock = { timer: () => () => {} };
    const pids = [];
    for (let child = 0; child < 12; child += 1) {
      void run({
        file: 'sh', args: ['-c', 'echo $$; exec sleep 600'], environment: { PATH: process.env.PATH },
        onLine: (pid) => {
          pids.push(pid);
          // In a turn of its own, as Node tells its warnings.
          if (pids.length === 12) setImmediate(() => { console.log(pids.join(' ')); process.exit(0); });
        },
      }, clock);
    }`;
  const ended = await run(
    { file: process.execPath, args: ['--input-type=module', '-e', script], environment },
    realClock,
  );
  expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  const pids = ended.stdout.trim().split(' ').map(Number);
  expect(pids).toHaveLength(12);
  await Promise.all(pids.map(untilGone));
}, 20_000);
