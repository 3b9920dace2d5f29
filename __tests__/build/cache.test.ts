import { describe, expect, it } from 'vitest';
import { type CacheFacts, type Caches, chooseCaches, hasCacheService } from '../../src/build/cache.ts';

const PLAN = { scope: 's', from: ['r/x:cache-pr-7', 'r/x:cache-main'], to: 'r/x:cache-pr-7' };
const FROM = PLAN.from.map((ref) => `type=registry,ref=${ref}`);
const NONE = { cacheFrom: [], cacheTo: [], noCache: false };

describe('the caches of a build', () => {
  const rows: readonly [name: string, facts: Partial<CacheFacts>, caches: Caches][] = [
    [
      "are GitHub's where its service is",
      { service: true },
      { from: ['type=gha,scope=s'], to: ['type=gha,scope=s,mode=max,ignore-error=true'] },
    ],
    [
      'are in the registry elsewhere, with no more in them than the image has',
      {},
      {
        from: FROM,
        to: [
          'type=registry,ref=r/x:cache-pr-7,mode=min,image-manifest=true,oci-mediatypes=true,ignore-error=true',
        ],
      },
    ],
    [
      'are in an image beside for a builder that can do no other',
      { exports: 'inline', service: true },
      { from: FROM, to: ['type=inline'], tag: 'r/x:cache-pr-7' },
    ],
    ['are only read by what is built once', { plan: { ...PLAN, to: undefined } }, { from: FROM, to: [] }],
    [
      'in an image beside, too',
      { plan: { ...PLAN, to: undefined }, exports: 'inline' },
      { from: FROM, to: [] },
    ],
    ['are none when nobody knows the builder', { exports: undefined }, { from: [], to: [] }],
    ['are none without a place', { plan: undefined }, { from: [], to: [] }],
    ['are none with no-cache', { inputs: { ...NONE, noCache: true } }, { from: [], to: [] }],
    [
      "are the input's alone when it names one to read",
      { inputs: { ...NONE, cacheFrom: ['type=gha'] }, service: true },
      { from: ['type=gha'], to: [] },
    ],
    [
      'are forgiven when they can not be written',
      {
        inputs: {
          ...NONE,
          cacheTo: ['type=s3,bucket=b', 'ghcr.io/a/c', 'type=inline', 'type=local,dest=d,ignore-error=false'],
        },
      },
      {
        from: [],
        to: [
          'type=s3,bucket=b,ignore-error=true',
          'type=registry,ref=ghcr.io/a/c,ignore-error=true',
          'type=inline',
          'type=local,dest=d,ignore-error=false',
        ],
      },
    ],
  ];
  it.each(rows)('%s', (_, facts, caches) => {
    expect(chooseCaches({ inputs: NONE, plan: PLAN, service: false, exports: 'all', ...facts })).toEqual(
      caches,
    );
  });
});

it("GitHub's cache service needs an address and a token", () => {
  const token = { ACTIONS_RUNTIME_TOKEN: 't' };
  expect(hasCacheService({ ...token, ACTIONS_RESULTS_URL: 'https://r' })).toBe(true);
  expect(hasCacheService({ ...token, ACTIONS_CACHE_URL: 'https://c' })).toBe(true);
  expect(hasCacheService(token)).toBe(false);
  expect(hasCacheService({ ACTIONS_RESULTS_URL: 'https://r', ACTIONS_RUNTIME_TOKEN: '' })).toBe(false);
});
