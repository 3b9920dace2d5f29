import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { parseImage } from '../../src/model/image.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { failureOf, hastyClock, recordingLog } from '../process/fakes.ts';

/** Asks registries through a proxy that opens no tunnel, and gives the names that it was asked for. */
async function tunnels(
  environment: (proxy: string) => Record<string, string>,
  names = ['registry.invalid/a', 'internal.invalid/a', '127.0.0.1:1/a'],
): Promise<string[]> {
  const asked = new Set<string>();
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    asked.add(request.url ?? '');
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const registry = openRegistry({
    logins: [],
    environment: environment(address),
    log: recordingLog(),
    clock: hastyClock(),
  });
  onTestFinished(async () => {
    await registry.close();
    proxy.close();
  });
  for (const name of names) await registry.resolve(parseImage(name).image).catch(() => {});
  return [...asked];
}

it('the proxy of the environment is asked, but for the hosts that it excepts and for this machine', async () => {
  expect(await tunnels((proxy) => ({ HTTPS_PROXY: proxy, NO_PROXY: 'internal.invalid' }))).toEqual([
    'registry.invalid:443',
  ]);
});

it('the variables in capitals are the ones that count, as for docker and kubectl', async () => {
  expect(await tunnels((proxy) => ({ HTTPS_PROXY: proxy, https_proxy: 'http://127.0.0.1:1' }))).toEqual([
    'registry.invalid:443',
    'internal.invalid:443',
  ]);
});

it('a block of addresses is excepted as for the cluster', async () => {
  const environment = (proxy: string) => ({ https_proxy: proxy, no_proxy: '192.0.2.0/24,.invalid' });
  expect(await tunnels(environment, ['192.0.2.1:1/a', '198.51.100.1:1/a'])).toEqual(['198.51.100.1:1']);
});

it('an address that is none is told without it', async () => {
  const error = await failureOf(() => tunnels(() => ({ HTTPS_PROXY: 'http://user:s3cr3t@pro xy' })));
  expect(error.message).toBe(
    'The proxy given by HTTPS_PROXY is no usable address; it must look like http://proxy.example.com:3128.',
  );
});

it('one that is away is told as such, and without its login', async () => {
  const registry = openRegistry({
    logins: [],
    environment: { HTTPS_PROXY: 'http://jane:s3cr3t@127.0.0.1:1' },
    log: recordingLog(),
    clock: hastyClock(),
  });
  onTestFinished(() => registry.close());
  const error = await failureOf(() => registry.resolve(parseImage('registry.invalid/a').image));
  expect(error.message).toBe(
    'The registry registry.invalid can not be reached (4 tries): the proxy 127.0.0.1:1 can not be reached (connect ECONNREFUSED 127.0.0.1:1). Check HTTPS_PROXY and NO_PROXY.',
  );
});
