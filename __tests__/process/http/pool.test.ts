import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect as connectSocket, type Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseProxyUrl } from '../../../src/process/http/proxy-url.ts';
import { authority } from '../../cluster-adapter/certificates.ts';
import { failureOf } from '../fakes.ts';
import { ask, listening, poolOf, serve, serveRaw, serveTls, tunnelling, type Wire } from './wire.ts';

describe('a connection', () => {
  test('is used by one request after the other, and by one at a time', async () => {
    const wire = await serve((_, response) => void setTimeout(() => response.end(), 20));
    const pool = poolOf();
    for (let i = 0; i < 3; i++) await ask(pool, wire.url);
    expect(wire.sockets).toHaveLength(1);
    await Promise.all([1, 2, 3].map(() => ask(pool, wire.url)));
    expect(wire.sockets).toHaveLength(3);
  });

  test('that is idle is closed after its time', async () => {
    const wire = await serve((_, response) => response.end());
    const pool = poolOf({ keepAlive: 60 });
    await ask(pool, wire.url);
    await expect.poll(() => wire.open()).toBe(0);
  });

  test('that the server will close sooner is not kept so long', async () => {
    const wire = await serveRaw((socket) =>
      socket.on('data', () =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: timeout=1\r\n\r\n'),
      ),
    );
    const pool = poolOf();
    await ask(pool, wire.url);
    await ask(pool, wire.url);
    expect(wire.sockets).toHaveLength(2);
  });

  test('that was closed a moment ago is not used for a write', async () => {
    const seen: string[] = [];
    const wire = await serve((request, response) => {
      seen.push(request.method ?? '');
      response.end();
    });
    const pool = poolOf();
    for (let i = 0; i < 20; i++) {
      await ask(pool, wire.url);
      // Nobody in this process has heard of it yet when the request is made.
      for (const socket of wire.sockets) socket.destroy();
      await ask(pool, wire.url, { method: 'PATCH', body: '{}' });
    }
    expect(seen).toEqual(Array(20).fill(['GET', 'PATCH']).flat());
  });

  test('that is cut under a write may have delivered it, and it is not sent again', async () => {
    const seen: string[] = [];
    const wire = await serve((request, response) => {
      seen.push(request.method ?? '');
      if (request.method === 'GET') response.end();
      else request.socket.resetAndDestroy();
    });
    const pool = poolOf();
    await ask(pool, wire.url);
    const error = await failureOf(() => ask(pool, wire.url, { method: 'PATCH', body: '{}' }));
    expect(error).toMatchObject({ sent: true, cause: { code: 'ECONNRESET' } });
    expect([seen, wire.sockets.length]).toEqual([['GET', 'PATCH'], 1]);
  });
});

describe('without a connection nothing was sent', () => {
  test.each([
    ['nobody listens', 'http://127.0.0.1:1', 'ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'],
    ['nobody has the name', 'http://registry.invalid', 'ENOTFOUND', 'getaddrinfo ENOTFOUND registry.invalid'],
  ])('%s', async (_, url, code, message) => {
    const error = await failureOf(() => ask(poolOf(), new URL(url), { method: 'PATCH', body: '{}' }));
    expect(error).toMatchObject({ message, sent: false, cause: { code } });
  });

  test('nobody listens at any address of the name', async () => {
    const error = await failureOf(() => ask(poolOf(), new URL('http://localhost:1')));
    expect(error).toMatchObject({ sent: false, cause: { code: 'ECONNREFUSED' } });
    expect(error.message).toMatch(/^connect ECONNREFUSED (::1|127\.0\.0\.1):1/);
  });

  test('the certificate is not trusted', async () => {
    const wire = await serveTls(authority().issue('api'), () => expect.unreachable());
    const error = await failureOf(() => ask(poolOf(), wire.url, { method: 'PATCH', body: '{}' }));
    expect(error).toMatchObject({ sent: false, cause: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } });
  });

  test('TLS is never answered, and the connection is not left behind', async () => {
    const wire = await serveRaw(() => {});
    const url = new URL(`https://127.0.0.1:${wire.port}`);
    const error = await failureOf(() => ask(poolOf({ connect: 100 }), url, { method: 'PATCH', body: '{}' }));
    expect(error).toMatchObject({
      message: `no connection to 127.0.0.1:${wire.port} within 0.1 s`,
      sent: false,
      cause: { code: 'ETIMEDOUT' },
    });
    await expect.poll(() => wire.open()).toBe(0);
  });

  test('TLS is cut', async () => {
    const wire = await serveRaw((socket) => socket.once('data', () => socket.destroy()));
    const error = await failureOf(() => ask(poolOf(), new URL(`https://127.0.0.1:${wire.port}`)));
    expect(error).toMatchObject({ sent: false, cause: { code: 'ECONNRESET' } });
  });

  test('the request was given up meanwhile, and the connection serves the next one', async () => {
    const wire = await serve((_, response) => response.end('ok'));
    const pool = poolOf();
    const reason = new Error('cancelled by the user');
    const ending = new AbortController();
    const failed = failureOf(() => ask(pool, wire.url, { signal: ending.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    ending.abort(reason);
    expect(await failed).toBe(reason);
    expect((await ask(pool, wire.url)).body.toString()).toBe('ok');
  });
});

describe('TLS', () => {
  test('speaks HTTP/1.1 alone, and takes up the session of an earlier connection', async () => {
    const trusted = authority();
    const sessions: boolean[] = [];
    const wire = await serveTls(
      { ...trusted.issue('api'), ALPNProtocols: ['h2', 'http/1.1'] },
      (request, response) => {
        const socket = request.socket as TLSSocket;
        sessions.push(socket.isSessionReused());
        response.writeHead(200, { connection: 'close' }).end(String(socket.alpnProtocol));
      },
    );
    const pool = poolOf({ tls: { ca: trusted.ca.cert } });
    for (let i = 0; i < 2; i++) expect((await ask(pool, wire.url)).body.toString()).toBe('http/1.1');
    expect(sessions).toEqual([false, true]);
  });
});

describe('a pool', () => {
  const slow = () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const wire = serve(async (request, response) => {
      if (request.url === '/slow') await gate;
      response.end('done');
    });
    return { wire, open };
  };

  test('that is closed lets what is under way go on, and keeps nothing', async () => {
    const { wire, open } = slow();
    const { url, open: connections, sockets } = await wire;
    const pool = poolOf();
    const running = ask(pool, url, { path: '/slow' });
    await ask(pool, url);
    await expect.poll(() => sockets.length).toBe(2);
    pool.close();
    await expect.poll(() => connections()).toBe(1);
    open();
    expect((await running).body.toString()).toBe('done');
    await expect.poll(() => connections()).toBe(0);
  });

  test('that is destroyed ends what waits and what connects, and opens nothing more', async () => {
    const { wire } = slow();
    const { url, open: connections } = await wire;
    const silent = await serveRaw(() => {});
    const pool = poolOf();
    await ask(pool, url);
    const waiting = failureOf(() => ask(pool, url, { path: '/slow' }));
    const connecting = failureOf(() => ask(pool, new URL(`https://127.0.0.1:${silent.port}`)));
    await expect.poll(() => silent.open()).toBe(1);
    pool.destroy();
    expect(await waiting).toMatchObject({ sent: true });
    expect(await connecting).toMatchObject({ message: 'the connections were closed', sent: false });
    expect(await failureOf(() => ask(pool, url))).toMatchObject({ sent: false });
    await expect.poll(() => connections() + silent.open()).toBe(0);
  });

  test('keeps no process alive, neither by an idle connection nor by its limits', async () => {
    const wire = await serve((_, response) => response.end());
    const program = `
      const { Pool } = await import(process.argv[1] + '/pool.ts');
      const { exchange } = await import(process.argv[1] + '/exchange.ts');
      const pool = new Pool({ tls: {}, proxy: undefined, connect: 60_000, keepAlive: 60_000 });
      const limit = { bytes: 1000, cut: false };
      await exchange(pool, { server: new URL(process.argv[2]), path: '/', method: 'GET', headers: {}, limit }, {});
      process.stdout.write('answered');`;
    const folder = fileURLToPath(new URL('../../../src/process/http', import.meta.url));
    const args = ['--input-type=module', '-e', program, folder, wire.url.href];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(stdout).toBe('answered');
  });
});

/** RFC 1928 and 1929; asks for a login where one is given. */
async function socks(login?: string): Promise<Wire & { asked: string[] }> {
  const asked: string[] = [];
  const once = (socket: Socket) => new Promise<Buffer>((resolve) => socket.once('data', resolve));
  const wire = await serveRaw(async (client) => {
    await once(client);
    client.write(Buffer.from([5, login === undefined ? 0 : 2]));
    if (login !== undefined) {
      const said = await once(client);
      const user = said.subarray(2, 2 + (said[1] ?? 0)).toString();
      const password = said.subarray(3 + user.length).toString();
      const good = `${user}:${password}` === login;
      client.write(Buffer.from([1, good ? 0 : 1]));
      if (!good) return;
    }
    const request = await once(client);
    const name = request.subarray(5, 5 + (request[4] ?? 0)).toString();
    const port = request.readUInt16BE(request.length - 2);
    asked.push(`${name}:${port}`);
    const target = connectSocket(port, '127.0.0.1', () => {
      client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
      target.pipe(client).pipe(target);
    });
    target.on('error', () => client.destroy());
    client.on('close', () => target.destroy());
  });
  return { ...wire, asked };
}

describe('through a proxy', () => {
  const server = async () => {
    const trusted = authority();
    const certificate = trusted.issue('api', { names: 'DNS:k8s.example.test' });
    const wire = await serveTls(certificate, (request, response) => response.end(request.url));
    return { url: new URL(`https://k8s.example.test:${wire.port}`), tls: { ca: trusted.ca.cert }, wire };
  };
  const through = (wire: Wire, scheme: string, login = '') =>
    parseProxyUrl(`${scheme}://${login}127.0.0.1:${wire.port}`);

  test('a tunnel outlives the limit for connecting, and is used again', async () => {
    const { url, tls } = await server();
    const asked: string[] = [];
    const proxy = await listening(tunnelling(createServer(), asked));
    const pool = poolOf({ tls, proxy: through(proxy, 'http', 'jane:p%40ss@'), connect: 400 });
    expect((await ask(pool, url, { path: '/one' })).body.toString()).toBe('/one');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect((await ask(pool, url, { path: '/two' })).body.toString()).toBe('/two');
    expect(asked).toEqual([
      `k8s.example.test:${url.port} Basic ${Buffer.from('jane:p@ss').toString('base64')}`,
    ]);
  });

  test('that itself speaks TLS', async () => {
    const { url, tls } = await server();
    const own = authority('proxy-ca');
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, own.ca.cert]);
    onTestFinished(() => setDefaultCACertificates(before));
    const asked: string[] = [];
    const proxy = await listening(tunnelling(createSecureServer(own.issue('proxy')), asked));
    const pool = poolOf({ tls, proxy: through(proxy, 'https') });
    expect((await ask(pool, url, { path: '/one' })).body.toString()).toBe('/one');
    expect(asked).toEqual([`k8s.example.test:${url.port}`]);
  });

  test.each([
    [407, 'the proxy asks for a user name and password (407)'],
    [502, 'the proxy answered 502 when it was asked for a tunnel'],
  ])('that refuses with %i, nothing was sent, and it is no answer of the server', async (status, message) => {
    const { url, tls, wire } = await server();
    const proxy = await listening(tunnelling(createServer(), [], status));
    const pool = poolOf({ tls, proxy: through(proxy, 'http') });
    const error = await failureOf(() => ask(pool, url, { method: 'PATCH', body: '{}' }));
    expect(error).toMatchObject({ message, sent: false, cause: { name: 'ProxyError', status } });
    expect(wire.sockets).toHaveLength(0);
    await expect.poll(() => proxy.open()).toBe(0);
  });

  test.each(['http', 'socks5'])(
    'that says nothing (%s), nothing was sent, and it is left',
    async (scheme) => {
      const { url, tls } = await server();
      const proxy = await serveRaw(() => {});
      const pool = poolOf({ tls, proxy: through(proxy, scheme), connect: 100 });
      expect(await failureOf(() => ask(pool, url))).toMatchObject({
        message: `the proxy 127.0.0.1:${proxy.port} opened no tunnel within 0.1 s`,
        sent: false,
        cause: { name: 'ProxyError' },
      });
      await expect.poll(() => proxy.open()).toBe(0);
    },
  );

  test('that opens a tunnel, and then the server says nothing: not the proxy is to blame', async () => {
    const silent = await serveRaw(() => {});
    const proxy = await listening(tunnelling(createServer(), []));
    const url = new URL(`https://127.0.0.1:${silent.port}`);
    const error = await failureOf(() => ask(poolOf({ proxy: through(proxy, 'http'), connect: 300 }), url));
    expect(error).toMatchObject({
      message: `no connection to ${url.host} through 127.0.0.1:${proxy.port} within 0.3 s`,
      sent: false,
      cause: { code: 'ETIMEDOUT', name: 'Error' },
    });
  });

  test.each(['http', 'socks5'])('that hangs up (%s), nothing was sent', async (scheme) => {
    const { url, tls } = await server();
    const proxy = await serveRaw((socket) => socket.once('data', () => socket.destroy()));
    const error = await failureOf(() => ask(poolOf({ tls, proxy: through(proxy, scheme) }), url));
    expect(error).toMatchObject({ sent: false });
  });

  test.each(['http', 'https', 'socks5'])('that is not there (%s), nothing was sent', async (scheme) => {
    const { url, tls } = await server();
    const proxy = parseProxyUrl(`${scheme}://jane:s3cret@127.0.0.1:1`);
    expect(await failureOf(() => ask(poolOf({ tls, proxy }), url))).toMatchObject({
      message: 'the proxy 127.0.0.1:1 can not be reached (connect ECONNREFUSED 127.0.0.1:1)',
      sent: false,
      cause: { name: 'ProxyError', code: 'ECONNREFUSED' },
    });
  });

  test.each([
    [undefined, ''],
    ['jane:p@ss', 'jane:p%40ss@'],
  ])('by SOCKS 5 (login %s), which looks up the name', async (login, written) => {
    const { url, tls } = await server();
    const proxy = await socks(login);
    const pool = poolOf({ tls, proxy: through(proxy, 'socks5', written), connect: 400 });
    expect((await ask(pool, url, { path: '/one' })).body.toString()).toBe('/one');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect((await ask(pool, url, { path: '/two' })).body.toString()).toBe('/two');
    expect(proxy.asked).toEqual([`k8s.example.test:${url.port}`]);
  });

  test('by SOCKS 5 that refuses the login, which is not repeated', async () => {
    const { url, tls } = await server();
    const proxy = await socks('jane:right');
    const pool = poolOf({ tls, proxy: through(proxy, 'socks5', 'jane:wr0ng@') });
    const error = await failureOf(() => ask(pool, url));
    expect(error).toMatchObject({ message: 'the SOCKS proxy: Socks5 Authentication failed', sent: false });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error.cause)).not.toContain(
      'wr0ng',
    );
    await expect.poll(() => proxy.open()).toBe(0);
  });
});

describe('the address of a proxy', () => {
  test.each(['http://proxy:3128', 'https://jane:p%40ss@proxy', 'socks5://[::1]:1080', 'socks5h://proxy'])(
    '%s',
    (text) => {
      expect(parseProxyUrl(text).href.replace(/\/$/, '')).toBe(text);
    },
  );
  test.each([
    'jane:s3cret@proxy',
    'ftp://proxy',
    'http://',
    'http://jane:s3cret@pro xy',
    'http://jane:100%@proxy',
    'socks4://proxy',
  ])('is not %s, which is not repeated', (text) => {
    expect(() => parseProxyUrl(text)).toThrow(
      /^(no URL of a proxy|a user name or password that is not percent-encoded)$/,
    );
  });
});
