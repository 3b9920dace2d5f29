import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { explain } from '../../src/cluster/explain.ts';
import { namespaces } from '../../src/cluster/paths.ts';
import { whyRefused } from '../../src/cluster/refused.ts';
import { flawOf } from '../../src/cluster/token.ts';
import { authority } from './certificates.ts';
import { FakeApi, refusing } from './fake-api.ts';
import { accessTo, connected, failureOf, memoryLog, temporaryFolder } from './kit.ts';

const PATH = namespaces('shop');

describe('a token file', () => {
  test('is read again after a minute, and at once after a 401', async () => {
    const api = await FakeApi.start();
    const path = join(temporaryFolder(), 'token');
    writeFileSync(path, 'token-1\n');
    const log = memoryLog();
    const cluster = connected(accessTo(api.url, { credential: { kind: 'token-file', path } }), { log });
    await cluster.get(PATH);
    writeFileSync(path, 'token-2');
    await cluster.get(PATH);
    api.script.push(refusing(401, 'Unauthorized', 'Unauthorized'));
    await cluster.get(PATH);
    writeFileSync(path, 'token-3');
    await new Promise((resolve) => setTimeout(resolve, 3_100)); // a minute by the clock
    await cluster.get(PATH);
    expect(api.seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-2',
      'Bearer token-3',
    ]);
    expect(log.secrets).toEqual(expect.arrayContaining(['token-1', 'token-2', 'token-3']));
  });

  test('that has not changed is not tried a second time', async () => {
    const api = await FakeApi.start();
    const path = join(temporaryFolder(), 'token');
    writeFileSync(path, 'token-1');
    api.always = refusing(401, 'Unauthorized', 'Unauthorized');
    const failed = failureOf(
      connected(accessTo(api.url, { credential: { kind: 'token-file', path } })).get(PATH),
    );
    expect(await failed).toMatchObject({ status: 401 });
    expect(api.seen).toHaveLength(1);
  });

  test('that went away is used from memory, and one that never was is a mistake', async () => {
    const api = await FakeApi.start();
    const path = join(temporaryFolder(), 'token');
    const access = accessTo(api.url, { credential: { kind: 'token-file', path } });
    expect((await failureOf(connected(access).get(PATH))).message).toBe(
      `Cannot read the token file ${path}, which the input kubeconfig names: ENOENT: no such file or directory, open '${path}'.`,
    );
    writeFileSync(path, ' ');
    expect((await failureOf(connected(access).get(PATH))).message).toBe(
      `The token file ${path}, which the input kubeconfig names, is empty.`,
    );
  });
});

test('a user name and password are sent as such, and masked as they are sent', async () => {
  const api = await FakeApi.start();
  const log = memoryLog();
  const credential = { kind: 'basic', username: 'jane', password: 'pa55word' } as const;
  await connected(accessTo(api.url, { credential }), { log }).get(PATH);
  const encoded = Buffer.from('jane:pa55word').toString('base64');
  expect(api.seen[0]?.headers.authorization).toBe(`Basic ${encoded}`);
  expect(log.secrets).toContain(encoded);
  expect(log.secrets).not.toContain('jane');
});

test('a token file with more than a token in it is a mistake, and nothing of it is repeated', async () => {
  const api = await FakeApi.start();
  const path = join(temporaryFolder(), 'token');
  const log = memoryLog();
  writeFileSync(path, 'first-part\nsecond-part\n');
  const access = accessTo(api.url, { credential: { kind: 'token-file', path } });
  expect((await failureOf(connected(access, { log }).get(PATH))).message).toBe(
    `The token file ${path}, which the input kubeconfig names, has a token with a line break in it. No token has that: it was changed on its way here. Take it over again, whole and in one line.`,
  );
  expect(api.seen).toHaveLength(0);
  expect(log.secrets).toEqual(expect.arrayContaining(['first-part', 'second-part']));
});

describe('flawOf', () => {
  test.each<[string, string, string | undefined]>([
    ['a JSON web token', 'eyJhbGciOiJSUzI1NiIsImtpZCI6Ii1f.eyJpc3MiOiJrdWJlIn0.c2ln-_', undefined],
    ['a bootstrap token', '07401b.f395accd246ae52d', undefined],
    ['base64 with its end', 'a+b/c==', undefined],
    ['one that is wrapped', 'eyJh\nbGci', 'a line break in it'],
    ['one that is wrapped by Windows', 'eyJh\r\nbGci', 'a line break in it'],
    ['two words', 'Bearer eyJhbGci', 'white space in it'],
    ['a tabulator', 'eyJh\tbGci', 'white space in it'],
    ['one that a screen has cut', 'eyJhbGci…', 'a character in it that is not ASCII'],
    ['a letter of Latin 1', 'pässword', 'a character in it that is not ASCII'],
    ['bytes', 'eyJh\u0000bGci', 'a control character in it'],
  ])('%s', (_, token, flaw) => {
    expect(flawOf(token)).toBe(flaw);
  });
});

describe('whyRefused', () => {
  const now = new Date('2026-11-21T09:00:00Z');
  const jwt = (claims: object) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return {
      authorization: `Bearer ${part({ alg: 'none' })}.${part(claims)}.signature`,
      certificate: undefined,
    };
  };

  test.each([
    [
      'a token whose end has passed',
      jwt({ exp: 1_700_000_000 }),
      'the token expired on 2023-11-14 22:13 UTC',
    ],
    ['a token that is valid', jwt({ exp: 1_900_000_000 }), undefined],
    ['a token without an end', jwt({}), undefined],
    [
      'a token that is none of this kind',
      { authorization: 'Bearer a.b.c', certificate: undefined },
      undefined,
    ],
    ['a plain token', { authorization: 'Bearer abc', certificate: undefined }, undefined],
    [
      'a certificate that is none',
      { authorization: undefined, certificate: { certificate: 'x', key: 'y' } },
      undefined,
    ],
    ['nobody', { authorization: undefined, certificate: undefined }, undefined],
  ])('%s', (_, credential, wanted) => {
    expect(whyRefused(credential, now)).toBe(wanted);
  });

  test('a certificate whose end has passed', () => {
    const { cert, key } = authority().issue('jane', { to: '20210203040506Z' });
    const credential = { authorization: undefined, certificate: { certificate: cert, key } };
    expect(whyRefused(credential, now)).toBe('the client certificate expired on 2021-02-03 04:05 UTC');
  });

  test('is part of the sentence', async () => {
    const api = await FakeApi.start();
    api.always = refusing(401, 'Unauthorized', 'Unauthorized');
    const token = jwt({ exp: 1_700_000_000 }).authorization.replace('Bearer ', '');
    const cluster = connected(accessTo(api.url, { credential: { kind: 'token', token } }));
    expect(explain(await failureOf(cluster.get(PATH)), cluster)).toBe(
      `The cluster at ${api.url} does not accept the credentials of the kubeconfig (401): the token expired on 2023-11-14 22:13 UTC. Take a fresh kubeconfig, or check the login that it runs.`,
    );
  });
});
