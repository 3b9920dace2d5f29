import type { RequestListener, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ExchangeError } from '../../../src/process/http/error.ts';
import { failureOf } from '../fakes.ts';
import { ask, poolOf, serve, serveRaw } from './wire.ts';

describe('an answer', () => {
  test.each<[string, RequestListener, string]>([
    ['with a length', (_, response) => void response.setHeader('content-length', 5).end('whole'), 'whole'],
    ['in chunks', (_, response) => void response.write('who', () => response.end('le')), 'whole'],
    [
      'packed',
      (_, r) => void r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('whole')),
      'whole',
    ],
    [
      'that says so before it comes',
      (_, r) => void r.writeContinue(() => r.writeEarlyHints({ link: '<x>' }, () => r.end('whole'))),
      'whole',
    ],
    ['without a body', (_, response) => void response.writeHead(204).end(), ''],
    [
      'that ends with its connection, and is long',
      (_, r) => void r.writeHead(200, { connection: 'close' }).end('x'.repeat(3_000_000)),
      'x'.repeat(3_000_000),
    ],
    [
      'with a header of 40 kB',
      (_, r) => void r.writeHead(200, { 'set-cookie': 'x'.repeat(40_000) }).end('whole'),
      'whole',
    ],
  ])('%s is taken whole', async (_, listener, body) => {
    const { url } = await serve(listener);
    const answer = await ask(poolOf(), url);
    expect(answer.body.toString()).toBe(body);
  });

  test('to HEAD has no body, and its connection is used again', async () => {
    const wire = await serve((_, response) => response.setHeader('content-length', 1000).end());
    const pool = poolOf();
    for (let i = 0; i < 2; i++) {
      const { body, headers } = await ask(pool, wire.url, { method: 'HEAD' });
      expect([body.length, headers['content-length']]).toEqual([0, '1000']);
    }
    expect(wire.sockets).toHaveLength(1);
  });

  test.each<[string, string, string]>([
    [
      'is shorter than it said',
      'content-length: 100\r\n\r\nhalf',
      'the answer broke off: the other side closed the connection',
    ],
    [
      'lacks its last chunk',
      'transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
      'the answer broke off: the other side closed the connection',
    ],
    [
      'has a chunk without a length',
      'transfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n',
      'the answer broke off: Parse Error: Invalid character in chunk size',
    ],
    ['is an HTTP/2 server’s', '', 'the other side closed the connection'],
  ])('that %s is none, and may have been acted upon', async (_, answer, message) => {
    const { url } = await serveRaw((socket) =>
      socket.once('data', () => socket.end(answer === '' ? '' : `HTTP/1.1 200 OK\r\n${answer}`)),
    );
    const error = await failureOf(() => ask(poolOf(), url));
    expect(error).toBeInstanceOf(ExchangeError);
    expect(error).toMatchObject({ message, sent: true });
  });

  test('whose packed body is cut is none', async () => {
    const half = gzipSync('x'.repeat(1000)).subarray(0, 20);
    const { url } = await serve((_, r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(half));
    expect(await failureOf(() => ask(poolOf(), url))).toMatchObject({
      message: 'the answer is not whole: its compressed body does not unpack',
      sent: true,
    });
  });

  test('with more headers than anybody sends is none', async () => {
    const { url } = await serve((_, r) => r.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end());
    expect(await failureOf(() => ask(poolOf(), url))).toMatchObject({
      message: 'Parse Error: Header overflow',
      sent: true,
    });
  });

  test('that changes the protocol, unasked, is none', async () => {
    const { url } = await serveRaw((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
      }),
    );
    expect(await failureOf(() => ask(poolOf(), url, { timeout: 2_000 }))).toMatchObject({
      message: 'the other side closed the connection',
      sent: true,
    });
  });

  test('is cut, or refused, at its limit, and its connection is not waited for', async () => {
    const endless: RequestListener = (_, response) => {
      const more = (): void => void response.write('x'.repeat(100), () => setImmediate(more));
      more();
    };
    const wire = await serve(endless);
    const pool = poolOf();
    const { body } = await ask(pool, wire.url, { limit: { bytes: 1_000, cut: true } });
    expect(body).toHaveLength(1_000);
    const error = await failureOf(() => ask(pool, wire.url, { limit: { bytes: 1_000, cut: false } }));
    expect(error).toMatchObject({ message: 'the answer is longer than 1000 bytes', sent: true });
    await expect.poll(() => wire.open()).toBe(0);
  });
});

describe('a request', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE'] as const)(
    'by %s bears its body with its length',
    async (method) => {
      const seen: unknown[] = [];
      const { url } = await serve(async (request, response) => {
        let body = '';
        for await (const piece of request) body += String(piece);
        const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
        seen.push([request.method, body, length, encoding]);
        response.end();
      });
      await ask(poolOf(), url, { method, body: '{"ä":1}' });
      expect(seen).toEqual([[method, '{"ä":1}', '8', undefined]]);
    },
  );

  test('goes to the path as written, and a header may come twice', async () => {
    const { url } = await serve((request, response) => {
      response.end(JSON.stringify([request.url, request.headers['impersonate-group'], request.headers.host]));
    });
    const more = { path: '/a/../b%2Fc?d=%20', headers: { 'impersonate-group': ['dev', 'ops'] } };
    expect(JSON.parse((await ask(poolOf(), url, more)).body.toString())).toEqual([
      '/a/../b%2Fc?d=%20',
      'dev, ops',
      url.host,
    ]);
  });

  test('with a header that is none is not sent, and its value is not repeated', async () => {
    const wire = await serve((_, response) => response.end());
    const error = await failureOf(() => ask(poolOf(), wire.url, { headers: { authorization: 's3cret\n' } }));
    expect(error).toMatchObject({
      message: 'Invalid character in header content ["authorization"]',
      sent: false,
    });
    expect(wire.sockets).toHaveLength(0);
  });

  test('that takes too long takes its connection along', async () => {
    const wire = await serve((request, response) =>
      request.url === '/slow' ? undefined : response.end('ok'),
    );
    const pool = poolOf();
    expect(await failureOf(() => ask(pool, wire.url, { path: '/slow', timeout: 100 }))).toMatchObject({
      message: 'no whole answer within 0.1 s',
      sent: true,
    });
    await expect.poll(() => wire.open()).toBe(0);
    expect((await ask(pool, wire.url)).body.toString()).toBe('ok');
    expect(wire.sockets).toHaveLength(2);
  });

  test('that hears nothing for too long ends, but not one whose answer trickles', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/silent') return;
      let left = 6;
      const timer = setInterval(() => {
        response.write('.');
        if (--left === 0) {
          clearInterval(timer);
          response.end();
        }
      }, 50);
    });
    const pool = poolOf({ keepAlive: 100 });
    expect((await ask(pool, url, { idle: 200 })).body.toString()).toBe('......');
    const error = await failureOf(() => ask(pool, url, { path: '/silent', idle: 200 }));
    expect(error).toMatchObject({
      message: 'not a byte within 0.2 s',
      sent: true,
      cause: { code: 'ETIMEDOUT' },
    });
  });

  test('outlives the limit of idle connections, as a watch does', async () => {
    const { url } = await serve((_, response) => void setTimeout(() => response.end('late'), 250));
    expect((await ask(poolOf({ keepAlive: 50 }), url)).body.toString()).toBe('late');
  });

  test('ends with the reason of its signal, before it began, while it waits and while it reads', async () => {
    const wire = await serve((request, response) => {
      if (request.url === '/stream') response.write('x');
    });
    const pool = poolOf();
    const reason = new Error('cancelled by the user');
    expect(await failureOf(() => ask(pool, wire.url, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(wire.sockets).toHaveLength(0);
    for (const path of ['/', '/stream']) {
      const ending = new AbortController();
      setTimeout(() => ending.abort(reason), 50);
      expect(await failureOf(() => ask(pool, wire.url, { path, signal: ending.signal }))).toBe(reason);
    }
    await expect.poll(() => wire.open()).toBe(0);
  });
});

describe('a stream', () => {
  test('is read as it comes; what its reader throws ends it', async () => {
    let response: ServerResponse | undefined;
    const wire = await serve((_, mine) => {
      response = mine;
      mine.write('one');
    });
    const read: string[] = [];
    const failed = failureOf(() =>
      ask(poolOf(), wire.url, {
        stream: {
          opened: () => void read.push('opened'),
          chunk: (data) => {
            read.push(data.toString());
            if (read.includes('two')) throw new Error('enough');
            response?.write('two');
          },
        },
      }),
    );
    expect((await failed).message).toBe('enough');
    expect(read).toEqual(['opened', 'one', 'two']);
    await expect.poll(() => wire.open()).toBe(0);
  });

  test('that is refused is an answer like others', async () => {
    const { url } = await serve((_, response) => response.writeHead(410).end('gone'));
    const stream = { opened: () => expect.unreachable(), chunk: () => expect.unreachable() };
    expect(await ask(poolOf(), url, { stream })).toMatchObject({ status: 410, body: Buffer.from('gone') });
  });
});
