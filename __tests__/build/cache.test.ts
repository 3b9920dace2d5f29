import { describe, expect, it } from 'vitest';
import { type CacheFacts, type Caches, chooseCaches, findCacheService } from '../../src/build/cache.ts';
import type { Environment } from '../../src/process/environment.ts';

const PLAN = { scope: 's', from: ['r/x:cache-pr-7', 'r/x:cache-main'], to: 'r/x:cache-pr-7' };
const FROM = PLAN.from.map((ref) => `type=registry,ref=${ref}`);
const SERVICE = { fields: ['url_v2=https://r/'] };
const NONE = { cacheFrom: [], cacheTo: [], noCache: false };

describe('the caches of a build', () => {
  const rows: readonly [name: string, facts: Partial<CacheFacts>, caches: Caches][] = [
    [
      "are GitHub's where its service is",
      { service: { fields: [] } },
      { from: ['type=gha,scope=s'], to: ['type=gha,scope=s,mode=max,ignore-error=true'] },
    ],
    [
      "are GitHub's with its address where that has to be said",
      { service: SERVICE },
      {
        from: ['type=gha,scope=s,url_v2=https://r/'],
        to: ['type=gha,scope=s,url_v2=https://r/,mode=max,ignore-error=true'],
      },
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
      { exports: 'inline', service: SERVICE },
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
      { inputs: { ...NONE, cacheFrom: ['type=registry,ref=ghcr.io/a/gha'] }, service: SERVICE },
      { from: ['type=registry,ref=ghcr.io/a/gha'], to: [] },
    ],
    [
      "are the input's with the address of GitHub's, unless it has one",
      {
        inputs: {
          ...NONE,
          cacheFrom: ['type=gha', 'type=gha,version=1'],
          cacheTo: ['type=gha,url=https://x'],
        },
        service: SERVICE,
      },
      {
        from: ['type=gha,url_v2=https://r/', 'type=gha,version=1'],
        to: ['type=gha,url=https://x,ignore-error=true'],
      },
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
    expect(chooseCaches({ inputs: NONE, plan: PLAN, service: undefined, exports: 'all', ...facts })).toEqual(
      caches,
    );
  });
});

describe("GitHub's cache service", () => {
  const runtime = { ACTIONS_RUNTIME_TOKEN: 't' };
  const first = { ACTIONS_CACHE_URL: 'https://c/' };
  const second = { ACTIONS_RESULTS_URL: 'https://r/' };
  const flag = { ACTIONS_CACHE_SERVICE_V2: 'True' };
  const rows: readonly [name: string, environment: Environment, fields: readonly string[] | undefined][] = [
    [
      'of version 2 is named, for an older buildx too',
      { ...runtime, ...second, ...flag },
      ['url_v2=https://r/', 'url=https://r/'],
    ],
    [
      'of both versions is named as both',
      { ...runtime, ...first, ...second, ...flag },
      ['url_v2=https://r/', 'url=https://c/'],
    ],
    ['of version 1 is what every buildx finds', { ...runtime, ...first }, []],
    ['of version 1 is not at the address of the results', { ...runtime, ...first, ...second }, []],
    ['is not there at all for the address of the results alone', { ...runtime, ...second }, undefined],
    [
      'is not there when version 2 is said to be off',
      { ...runtime, ...second, ACTIONS_CACHE_SERVICE_V2: 'false' },
      undefined,
    ],
    ['is not there without its address', { ...runtime, ...first, ...flag }, undefined],
    ['is not there without a token', { ...first, ...second, ...flag }, undefined],
    ['is not there with an empty token', { ...second, ...flag, ACTIONS_RUNTIME_TOKEN: '' }, undefined],
  ];
  it.each(rows)('%s', (_, environment, fields) => {
    expect(findCacheService(environment)?.fields).toEqual(fields);
  });
});
