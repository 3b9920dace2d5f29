import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CAUSE } from '../../scripts/demo/promises.ts';
import { Checkout } from '../../scripts/shop/checkout.ts';

test('the shop has three versions, and the third names the cause that the demo promises', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'steadyship-shop-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const checkout = new Checkout(folder);
  const source = (): Promise<string> => readFile(join(folder, 'main.go'), 'utf8');

  await checkout.open();
  expect(await source()).toContain('const version = "v1"');
  await checkout.commit('v2');
  expect(await source()).toContain('const version = "v2"');
  await checkout.commit('v3');
  expect(await source()).toContain('const version = "v3"');

  const [before, address] = CAUSE.split(' at ');
  expect(await source()).toContain(`log.Fatalf("${before} at %s", database)`);
  expect(await source()).toContain(`const database = "${address}"`);
  expect(await checkout.git('log', '--format=%s')).toBe(
    'Keep orders in a database\nSell mugs\nOpen the shop',
  );
});
