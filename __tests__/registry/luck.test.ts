import { describe, expect, it } from 'vitest';
import { failureOf } from '../process/fakes.ts';
import { INDEX, image, refusal, registryError } from './answers.ts';
import { type Answer, wire } from './wire.ts';

describe('bad luck', () => {
  const ok: Answer = { body: INDEX };
  const passing: readonly [name: string, answer: Answer, waits: number[]][] = [
    ['503', { status: 503 }, [500]],
    ['a cut connection', { reset: true }, [500]],
    ['429 that says how long', { status: 429, headers: { 'retry-after': '7' } }, [7_000]],
    [
      '429 that says until when',
      { status: 429, headers: { 'retry-after': 'Sat, 21 Nov 2026 09:15:03 GMT' } },
      [3_000],
    ],
  ];
  it.each(passing)('passes: %s', async (_, answer, waits) => {
    const setUp = await wire((_asked, count) => (count === 1 ? answer : ok));
    expect(await setUp.registry.resolve(image(setUp.host))).toMatchObject({ exists: true });
    expect(setUp.waits).toEqual(waits);
  });
  it('that lasts is no absence', async () => {
    const { registry, host, waits } = await wire(() => ({ status: 503 }));
    const error = await registryError(() => registry.resolve(image(host)));
    expect([error.failure, error.message]).toEqual([
      'unreachable',
      `The registry ${host} answers with the error 503 (4 tries). Run the job again later.`,
    ]);
    expect(waits).toEqual([500, 1_000, 2_000]);
  });
  it('that asks for too much patience gets none', async () => {
    const { registry, host, asked } = await wire(() => ({ status: 429, headers: { 'retry-after': '3600' } }));
    expect((await registryError(() => registry.resolve(image(host)))).message).toBe(
      `The registry ${host} has had too many requests (429), and asks to wait 3600 s. Run the job again later, or log in: most registries allow more to those they know.`,
    );
    expect(asked).toHaveLength(1);
  });
  const final: readonly number[] = [401, 403, 404];
  it.each(final)('%i is an answer: it is not asked for again', async (status) => {
    const { registry, host, asked } = await wire(() => refusal(status, 'X'));
    await registry.resolve(image(host)).catch(() => {});
    expect(asked).toHaveLength(1);
  });
  it('a registry that is not there', async () => {
    const { registry } = await wire(() => ok);
    const error = await registryError(() => registry.resolve(image('127.0.0.1:1')));
    expect([error.failure, error.message]).toEqual([
      'unreachable',
      'The registry 127.0.0.1:1 can not be reached (4 tries): the connection was refused. Check its name and the network between this runner and it.',
    ]);
  });
  it('a name that nobody has is not tried twice', async () => {
    const { registry } = await wire(() => ok);
    expect((await registryError(() => registry.resolve(image('registry.invalid')))).message).toBe(
      'The registry registry.invalid can not be reached: no host has that name. Check its name and the network between this runner and it.',
    );
  });
  it('an abort is none: its reason comes through', async () => {
    const abort = new AbortController();
    const { registry, host } = await wire(
      () => {
        abort.abort(new Error('The run was cancelled.'));
        return { status: 503 };
      },
      { signal: abort.signal },
    );
    expect((await failureOf(() => registry.resolve(image(host)))).message).toBe('The run was cancelled.');
  });
  it('an answer without end is not read to its end', async () => {
    const { registry, host } = await wire(() => ({ body: 'x'.repeat(9 * 1024 * 1024) }));
    expect((await registryError(() => registry.resolve(image(host)))).message).toContain(
      'the answer is longer than 8388608 bytes',
    );
  });
});
