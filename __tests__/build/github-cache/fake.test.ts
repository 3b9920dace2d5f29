import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CacheService, startCacheService } from './service.ts';

let service: CacheService;
beforeAll(async () => {
  service = await startCacheService();
});
afterAll(() => service?.stop());

const MAIN = { own: 'refs/heads/main' };
const VERSION = 'v';

async function call(method: string, body: object, token = service.environmentOf(MAIN).ACTIONS_RUNTIME_TOKEN) {
  const path = `twirp/github.actions.results.api.v1.CacheService/${method}`;
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

async function put(url: string | undefined, body: string, query = '') {
  const headers = { 'x-ms-blob-type': 'BlockBlob' };
  const response = await fetch(`${url}${query}`, { method: 'PUT', headers, body });
  return [response.status, response.headers.get('x-ms-error-code')];
}

async function save(key: string, body: string, token?: string) {
  const created = await call('CreateCacheEntry', { key, version: VERSION }, token);
  await put(created.body['signed_upload_url'], body);
  const size_bytes = body.length;
  await call('FinalizeCacheEntryUpload', { key, version: VERSION, size_bytes }, token);
}

const load = (key: string, token?: string, restore_keys: readonly string[] = []) =>
  call('GetCacheEntryDownloadURL', { key, version: VERSION, restore_keys }, token);

it('finds an entry by its key or the newest by its beginning, once it is whole', async () => {
  await call('CreateCacheEntry', { key: 'found#0', version: VERSION });
  const nothing = { ok: false, signed_download_url: '', matched_key: '' };
  expect((await load('found#')).body).toEqual(nothing);
  await save('found#1', 'one');
  await save('found#2', 'two');
  expect((await load('found#')).body).toMatchObject({ ok: true, matched_key: 'found#2' });
  expect((await load('found#1')).body).toMatchObject({ ok: true, matched_key: 'found#1' });
  expect((await load('other', undefined, ['found'])).body).toMatchObject({ matched_key: 'found#2' });
  const elsewhere = await call('GetCacheEntryDownloadURL', { key: 'found#1', version: 'w' });
  expect(elsewhere.body).toEqual(nothing);
});

it('takes a key once, and of that size', async () => {
  await save('once', 'body');
  expect(await call('CreateCacheEntry', { key: 'once', version: VERSION })).toEqual({
    status: 409,
    body: {
      code: 'already_exists',
      msg: 'cache entry with the same key, version, and scope already exists',
    },
  });
  const { body } = await call('CreateCacheEntry', { key: 'short', version: VERSION });
  await put(body['signed_upload_url'], 'body');
  const finished = await call('FinalizeCacheEntryUpload', { key: 'short', version: VERSION, size_bytes: 5 });
  expect(finished.body['code']).toBe('invalid_argument');
  expect(service.entries()).not.toContain('refs/heads/main short');
});

it('keeps branches apart, as the token says', async () => {
  const pull = service.environmentOf({ own: 'refs/pull/7/merge', others: [MAIN.own] }).ACTIONS_RUNTIME_TOKEN;
  await save('apart', 'main');
  await save('of-pull', 'pull', pull);
  expect((await load('apart', pull)).body['ok']).toBe(true);
  expect((await load('of-pull', pull)).body['ok']).toBe(true);
  expect((await load('of-pull')).body['ok']).toBe(false);
  expect(await load('apart', `${pull}x`)).toEqual({
    status: 401,
    body: { code: 'unauthenticated', msg: 'invalid token' },
  });
  expect((await call('Nothing', {})).body['code']).toBe('bad_route');
});

it('keeps blobs in blocks, and reads them from a byte on', async () => {
  const { body } = await call('CreateCacheEntry', { key: 'blocks', version: VERSION });
  const url = body['signed_upload_url'];
  expect(await put(url, 'hello ', '&comp=block&blockid=MQ%3D%3D')).toEqual([201, null]);
  expect(await put(url, 'world', '&comp=block&blockid=Mg%3D%3D')).toEqual([201, null]);
  const blocks = (...ids: string[]) =>
    `<?xml version="1.0"?><BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`;
  expect(await put(url, blocks('Mw=='), '&comp=blocklist')).toEqual([400, 'InvalidBlockList']);
  expect(await put(url, blocks('MQ==', 'Mg=='), '&comp=blocklist')).toEqual([201, null]);
  await call('FinalizeCacheEntryUpload', { key: 'blocks', version: VERSION, size_bytes: 11 });
  const from = String((await load('blocks')).body['signed_download_url']);
  expect(await (await fetch(from)).text()).toBe('hello world');
  const part = await fetch(from, { headers: { 'x-ms-range': 'bytes=6-' } });
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
    206,
    'bytes 6-10/11',
    'world',
  ]);
  const head = await fetch(from, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '11']);
  expect((await fetch(from, { headers: { range: 'bytes=11-' } })).status).toBe(416);
});

it('gives a blob to nobody without its signature, and lets nobody write who may read', async () => {
  await save('signed', 'body');
  const url = String((await load('signed')).body['signed_download_url']);
  expect(await put(url, 'other')).toEqual([403, 'AuthorizationPermissionMismatch']);
  for (const bad of [url.replace('sp=r', 'sp=rcw'), url.replace(/sig=./, 'sig=_'), url.split('?')[0] ?? '']) {
    const response = await fetch(bad);
    expect([response.status, response.headers.get('x-ms-error-code')]).toEqual([403, 'AuthenticationFailed']);
  }
  service.lose((key) => key === 'signed');
  expect((await fetch(url)).headers.get('x-ms-error-code')).toBe('BlobNotFound');
  service.evict((key) => key === 'signed');
  expect((await load('signed')).body['ok']).toBe(false);
});
