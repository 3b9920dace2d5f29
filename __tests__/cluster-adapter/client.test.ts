import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ApiError, UnreachableError } from '../../src/cluster/client.ts';
import { deployments, pods, selfSubjectRulesReviews } from '../../src/cluster/paths.ts';
import { FakeApi, json, refusing, status } from './fake-api.ts';
import { FaultProxy } from './fault-proxy.ts';
import { accessTo, connected, failureOf, fastClock } from './kit.ts';

const PATH = deployments('shop', 'web');
const PATCH = [
  { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'a@sha256:1' },
] as const;

describe('a read', () => {
  test.each([500, 502, 503, 504, 429])('is tried again after %i', async (code) => {
    const api = await FakeApi.start();
    api.script.push(refusing(code, 'InternalError', 'etcdserver: leader changed'));
    api.script.push((response) => json(response, 200, { kind: 'Deployment', metadata: { name: 'web' } }));
    const got = await connected(accessTo(api.url)).get(PATH);
    expect(got.metadata?.name).toBe('web');
    expect(api.seen).toHaveLength(2);
  });

  test('is not tried again after 404, and the server is quoted', async () => {
    const api = await FakeApi.start();
    api.always = (response) =>
      status(response, 404, 'NotFound', 'deployments.apps "web" not found', {
        name: 'web',
        kind: 'deployments',
      });
    const error = await failureOf(connected(accessTo(api.url)).get(PATH));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 404,
      reason: 'NotFound',
      serverMessage: 'deployments.apps "web" not found',
      verb: 'get',
      path: PATH,
      details: { name: 'web' },
      message: `get ${PATH}: 404 NotFound: deployments.apps "web" not found`,
    });
    expect(api.seen).toHaveLength(1);
  });

  test('waits as long as Retry-After asks', async () => {
    const api = await FakeApi.start();
    api.script.push(refusing(429, 'TooManyRequests', 'slow down', { 'retry-after': '7' }));
    const clock = fastClock(20);
    const started = clock.now();
    await connected(accessTo(api.url), { clock }).get(PATH);
    expect(clock.now() - started).toBeGreaterThan(7_000);
    expect(clock.now() - started).toBeLessThan(12_000);
  });

  test('gives the answer back at once when Retry-After asks for more than is borne', async () => {
    const api = await FakeApi.start();
    api.always = refusing(429, 'TooManyRequests', 'slow down', { 'retry-after': '600' });
    const error = await failureOf(connected(accessTo(api.url)).get(PATH));
    expect(error).toMatchObject({ status: 429, retryAfter: '600' });
    expect(api.seen).toHaveLength(1);
  });

  test('is given up within its patience', async () => {
    const api = await FakeApi.start();
    api.always = refusing(503, 'ServiceUnavailable', 'not today');
    const clock = fastClock(20);
    const started = clock.now();
    const error = await failureOf(connected(accessTo(api.url), { clock }).get(PATH, { patience: 10_000 }));
    expect(error).toMatchObject({ status: 503 });
    expect(clock.now() - started).toBeLessThan(14_000);
    expect(api.seen.length).toBeGreaterThan(3);
  });

  test('survives an answer that breaks off, because a part of one is never taken for the whole', async () => {
    const api = await FakeApi.start();
    api.script.push((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"metadata":{"name":"ha');
      setTimeout(() => response.destroy(), 20);
    });
    api.script.push((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"metadata":{"name":"half"}}');
      setTimeout(() => response.destroy(), 20);
    });
    api.script.push((response) => json(response, 200, { kind: 'Deployment', metadata: { name: 'whole' } }));
    const got = await connected(accessTo(api.url)).get(PATH);
    expect(got.metadata?.name).toBe('whole');
    expect(api.seen).toHaveLength(3);
  });

  test('survives a silent connection', async () => {
    const api = await FakeApi.start();
    const proxy = await FaultProxy.to(api.port);
    const clock = fastClock(20);
    const cluster = connected(accessTo(`http://127.0.0.1:${proxy.port}`), { clock });
    await cluster.get(PATH);
    proxy.silence();
    const started = clock.now();
    await cluster.get(PATH);
    expect(clock.now() - started).toBeLessThan(25_000);
    expect(proxy.connections).toBe(2);
  });

  test('takes what the server packed', async () => {
    const api = await FakeApi.start();
    api.script.push((response, request) => {
      expect(request.headers['accept-encoding']).toBe('gzip');
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(JSON.stringify({ kind: 'Deployment', metadata: { name: 'packed' } })));
    });
    expect((await connected(accessTo(api.url)).get(PATH)).metadata?.name).toBe('packed');
  });

  test('ends with the reason of its signal', async () => {
    const api = await FakeApi.start();
    api.always = () => {};
    const reason = new Error('cancelled by the user');
    const ending = new AbortController();
    const failed = failureOf(connected(accessTo(api.url)).get(PATH, { signal: ending.signal }));
    setTimeout(() => ending.abort(reason), 30);
    expect(await failed).toBe(reason);
  });

  test('that is answered by a page of some other server says so', async () => {
    const api = await FakeApi.start();
    api.always = (response) =>
      response.writeHead(200).end('<html><title>Sign in to ACME WiFi</title></html>');
    const error = await failureOf(connected(accessTo(api.url)).get(PATH, { patience: 0 }));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toBe(`get ${PATH}: the answer is no JSON: Sign in to ACME WiFi`);
  });

  test.each(['{"login":"needed"}', '[]', 'null', '"ok"'])(
    'that is answered by the JSON of some other server, %s, says so, and a list is not empty then',
    async (body) => {
      const api = await FakeApi.start();
      api.always = (response) => response.writeHead(200).end(body);
      const cluster = connected(accessTo(api.url));
      const words = (verb: string) => `${verb} ${PATH}: the answer is no Kubernetes object: ${body}`;
      expect((await failureOf(cluster.get(PATH, { patience: 0 }))).message).toBe(words('get'));
      expect((await failureOf(cluster.list(PATH, {}, { patience: 0 }))).message).toBe(words('list'));
      const unheard = { message: words('patch'), mayHaveArrived: true };
      expect(await failureOf(cluster.patch(PATH, []))).toMatchObject(unheard);
      expect(api.seen.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
    },
  );

  test('says who asks, and as whom', async () => {
    const api = await FakeApi.start();
    const headers = { 'impersonate-user': 'jane', 'impersonate-group': ['dev', 'ops'] };
    await connected(
      accessTo(`${api.url}/k8s/clusters/c-1`, { headers, credential: { kind: 'token', token: 't0ken' } }),
    ).get(PATH);
    expect(api.seen[0]).toMatchObject({
      path: `/k8s/clusters/c-1${PATH}`,
      headers: {
        authorization: 'Bearer t0ken',
        'user-agent': 'steadyship-test',
        'impersonate-user': 'jane',
        'impersonate-group': 'dev, ops',
      },
    });
  });
});

describe('a write', () => {
  test('sends a JSON patch with field manager and dry run', async () => {
    const api = await FakeApi.start();
    api.always = (response) =>
      json(response, 200, { kind: 'Deployment', metadata: { name: 'web', generation: 2 } });
    const got = await connected(accessTo(api.url)).patch(PATH, PATCH, {
      fieldManager: 'steadyship',
      dryRun: true,
    });
    expect(got.metadata?.generation).toBe(2);
    expect(api.seen[0]).toMatchObject({
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify(PATCH),
    });
    expect(api.seen[0]?.query.toString()).toBe('fieldManager=steadyship&dryRun=All');
  });

  test('whose answer is lost is not sent again, and may have arrived', async () => {
    const api = await FakeApi.start();
    api.always = (response) => json(response, 200, { kind: 'Deployment', metadata: { name: 'web' } });
    const proxy = await FaultProxy.to(api.port);
    proxy.cutsAfterRequest = true;
    const error = await failureOf(connected(accessTo(`http://127.0.0.1:${proxy.port}`)).patch(PATH, PATCH));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).toMatchObject({ mayHaveArrived: true, verb: 'patch', path: PATH });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(api.seen).toHaveLength(1);
  });

  test('that never got an answer may have arrived', async () => {
    const api = await FakeApi.start();
    api.always = () => {};
    const error = await failureOf(connected(accessTo(api.url), { clock: fastClock(300) }).patch(PATH, PATCH));
    expect(error).toMatchObject({ name: 'UnreachableError', mayHaveArrived: true });
    expect(error.message).toBe(`patch ${PATH}: no whole answer within 60 s`);
    expect(api.seen).toHaveLength(1);
  });

  test('that found nobody listening has not arrived', async () => {
    const api = await FakeApi.start();
    await api.stop();
    const error = await failureOf(connected(accessTo(api.url)).patch(PATH, PATCH));
    expect(error).toMatchObject({ name: 'UnreachableError', mayHaveArrived: false });
  });

  test('is sent once the server listens again', async () => {
    const api = await FakeApi.start();
    api.always = (response) => json(response, 200, { kind: 'Deployment', metadata: { name: 'web' } });
    await api.stop();
    const patched = connected(accessTo(api.url)).patch(PATH, PATCH);
    setTimeout(() => api.listen(api.port), 60);
    await patched;
    expect(api.seen).toHaveLength(1);
  });

  test.each([500, 502, 503, 504, 409])('is not sent again after %i', async (code) => {
    const api = await FakeApi.start();
    api.always = refusing(code, 'InternalError', 'etcdserver: request timed out');
    expect(await failureOf(connected(accessTo(api.url)).patch(PATH, PATCH))).toMatchObject({ status: code });
    expect(api.seen).toHaveLength(1);
  });

  test('that is only a question, as access reviews are, is asked again', async () => {
    const api = await FakeApi.start();
    api.script.push(refusing(500, 'InternalError', 'etcdserver: leader changed'));
    api.script.push((response) => response.destroy());
    api.script.push((response) =>
      json(response, 201, { kind: 'SelfSubjectRulesReview', status: { incomplete: false } }),
    );
    const answer = await connected(accessTo(api.url)).create(selfSubjectRulesReviews(), { spec: {} });
    expect(answer).toMatchObject({ status: { incomplete: false } });
    expect(api.seen.map(({ method, body }) => `${method} ${body}`)).toEqual(
      Array(3).fill('POST {"spec":{}}'),
    );
  });

  test('is sent again after a 429 that says when: it was turned away at the door', async () => {
    const api = await FakeApi.start();
    api.script.push(refusing(429, 'TooManyRequests', 'later', { 'retry-after': '1' }));
    api.script.push((response) => json(response, 200, { kind: 'Deployment', metadata: { name: 'web' } }));
    await connected(accessTo(api.url)).patch(PATH, PATCH);
    expect(api.seen).toHaveLength(2);
  });

  test('is not sent again after the 429 by which a disruption budget refuses an eviction', async () => {
    const api = await FakeApi.start();
    api.always = (response) => {
      response.setHeader('retry-after', '1');
      status(response, 429, 'TooManyRequests', 'Cannot evict pod', {
        causes: [{ reason: 'DisruptionBudget' }],
      });
    };
    const error = await failureOf(
      connected(accessTo(api.url)).create(`${pods('shop', 'web-1')}/eviction`, {}),
    );
    expect(error).toMatchObject({ status: 429, details: { causes: [{ reason: 'DisruptionBudget' }] } });
    expect(api.seen).toHaveLength(1);
  });

  test('may create, replace and delete', async () => {
    const api = await FakeApi.start();
    api.always = (response) => json(response, 200, { kind: 'Deployment' });
    const cluster = connected(accessTo(api.url));
    await cluster.create(deployments('shop'), { a: 1 });
    await cluster.replace(PATH, { a: 2 });
    await cluster.delete(PATH);
    expect(api.seen.map(({ method, path, body }) => `${method} ${path} ${body}`)).toEqual([
      `POST ${deployments('shop')} {"a":1}`,
      `PUT ${PATH} {"a":2}`,
      `DELETE ${PATH} `,
    ]);
  });
});

describe('a list', () => {
  test('is read to its last page', async () => {
    const api = await FakeApi.start();
    for (let i = 0; i < 1_203; i++) api.set(`web-${i}`);
    const { items, resourceVersion } = await connected(accessTo(api.url)).list(pods('shop'), {
      labelSelector: 'app=web',
    });
    expect(items).toHaveLength(1_203);
    expect(resourceVersion).toBe('1303');
    expect(api.seen.map(({ query }) => query.toString())).toEqual([
      'limit=500&labelSelector=app%3Dweb',
      'limit=500&labelSelector=app%3Dweb&continue=500',
      'limit=500&labelSelector=app%3Dweb&continue=1000',
    ]);
  });

  test('whose pages have expired is read in one piece', async () => {
    const api = await FakeApi.start();
    for (let i = 0; i < 700; i++) api.set(`web-${i}`);
    const cluster = connected(accessTo(api.url));
    const listed = cluster.list(pods('shop'));
    await new Promise((resolve) => setTimeout(resolve, 0));
    api.script.push((response) =>
      json(response, 200, {
        kind: 'List',
        metadata: { resourceVersion: '9', continue: '500' },
        items: [{ metadata: { name: 'old' } }],
      }),
    );
    api.script.push(refusing(410, 'Expired', 'the continue token is too old'));
    const { items } = await listed;
    expect(items).toHaveLength(700);
    expect(new Set(items.map((item) => item.metadata?.name))).not.toContain('old');
  });
});

describe('a text', () => {
  test('is cut after a megabyte', async () => {
    const api = await FakeApi.start();
    api.always = (response) => response.writeHead(200).end('x'.repeat(3 * 1024 * 1024));
    const text = await connected(accessTo(api.url)).text(`${pods('shop', 'web-1')}/log`, {
      tailLines: 20,
      previous: true,
    });
    expect(text).toHaveLength(1024 * 1024);
    expect(api.seen[0]?.query.toString()).toBe('tailLines=20&previous=true');
  });
});

describe('requestsSent', () => {
  test('counts each try, and watches apart', async () => {
    const api = await FakeApi.start();
    const cluster = connected(accessTo(api.url));
    api.script.push(refusing(503, 'ServiceUnavailable', 'moment'));
    await cluster.get(PATH);
    const collection = cluster.collection({ path: pods('shop') });
    collection.subscribe(() => undefined);
    await collection.ready;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(cluster.requestsSent()).toEqual({ requests: 3, watches: 1 });
  });
});

test('close ends what is under way, and nothing is left over', async () => {
  const api = await FakeApi.start();
  api.always = () => {};
  const cluster = connected(accessTo(api.url));
  const failed = failureOf(cluster.get(PATH));
  setTimeout(() => cluster.close(), 30);
  expect((await failed).message).toBe(`the connection to ${api.url} was closed`);
  expect((await failureOf(cluster.get(PATH))).message).toBe(`the connection to ${api.url} was closed`);
});
