import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { compareCommits } from '../../src/github/compare.ts';
import { Cancelled } from '../../src/model/error.ts';
import { HandClock, settled } from '../deploy/hand-clock.ts';
import { type Answer, example, GitHubApi } from './github-api.ts';

const [BASE, HEAD] = ['b'.repeat(40), 'a'.repeat(40)];
let api: GitHubApi;
let apiUrl: string;

beforeAll(async () => {
  api = new GitHubApi();
  apiUrl = await api.start();
});
afterAll(() => api.stop());
beforeEach(() => {
  api.requests.length = 0;
  api.violations.length = 0;
});

const comparison = (status: string): Answer => ({
  status: 200,
  body: { ...example('commit-comparison'), status },
});

function compare(changes: Partial<Parameters<typeof compareCommits>[0]> = {}) {
  return compareCommits({
    token: 'ghs_secret',
    apiUrl,
    repository: 'acme/shop',
    base: BASE,
    head: HEAD,
    clock: systemClock,
    signal: new AbortController().signal,
    retryBase: 1,
    ...changes,
  });
}

describe('two commits', () => {
  test.each(['ahead', 'behind', 'identical', 'diverged'] as const)(
    'that GitHub calls %s are so',
    async (status) => {
      api.answer = () => comparison(status);
      expect(await compare()).toEqual({ kind: status });
      expect(api.violations).toEqual([]);
      expect(api.requests).toEqual([
        {
          operation: 'repos/compare-commits-with-basehead',
          path: { owner: 'acme', repo: 'shop', basehead: `${BASE}...${HEAD}` },
          query: { per_page: '1' },
          authorization: 'token ghs_secret',
          body: undefined,
        },
      ]);
    },
  );

  test('of which GitHub does not know one are unrelated', async () => {
    api.answer = () => ({ status: 404, body: { message: 'Not Found' } });
    expect(await compare()).toEqual({ kind: 'unrelated' });
    expect(api.requests).toHaveLength(1);
  });

  test.each(['', 'main', '../../user', `${'a'.repeat(39)}/`, 'A'.repeat(40)])(
    'of which one is none (%j) are never asked for',
    async (base) => {
      expect(await compare({ base })).toEqual({ kind: 'unrelated' });
      expect(api.requests).toEqual([]);
    },
  );
});

describe('GitHub', () => {
  test.each([
    {
      row: 'is down',
      answer: { status: 503, body: { message: 'Service Unavailable' } },
      tries: 3,
      why: /Service Unavailable/,
    },
    {
      row: 'does not know the token',
      answer: { status: 401, body: { message: 'Bad credentials' } },
      tries: 1,
      why: /^it does not know the token$/,
    },
    {
      row: 'does not let the token read',
      answer: { status: 403, body: { message: 'Resource not accessible by integration' } },
      tries: 1,
      why: /^the token may not read the repository: contents: read$/,
    },
    {
      row: 'has had enough',
      answer: { status: 403, body: { message: 'API rate limit exceeded' } },
      tries: 1,
      why: /API rate limit exceeded/,
    },
    {
      row: 'asks to slow down',
      answer: { status: 429, body: { message: 'Too Many Requests' } },
      tries: 3,
      why: /Too Many Requests/,
    },
  ])('$row: that is no answer, and no error', async ({ answer, tries, why }) => {
    api.answer = () => answer;
    expect(await compare()).toEqual({ kind: 'unavailable', why: expect.stringMatching(why) });
    expect(api.requests).toHaveLength(tries);
  });

  test('that is down for a moment is asked again', async () => {
    api.answer = (_, index) => (index === 0 ? { status: 502 } : comparison('behind'));
    expect(await compare()).toEqual({ kind: 'behind' });
  });

  test('that can not be reached says nothing', async () => {
    expect(await compare({ apiUrl: 'http://127.0.0.1:1' })).toMatchObject({ kind: 'unavailable' });
  });

  test('that never answers is waited for 20 s and no longer', async () => {
    api.answer = () => undefined;
    const clock = new HandClock();
    const asked = compare({ clock });
    while (api.requests.length === 0) await settled();
    await clock.pass(20);
    expect(await asked).toEqual({ kind: 'unavailable', why: 'no answer within 20 s' });
  });

  test('is not waited for by a run that is cancelled', async () => {
    api.answer = () => undefined;
    const cancel = new AbortController();
    const asked = compare({ signal: cancel.signal });
    while (api.requests.length === 0) await settled();
    cancel.abort(new Cancelled('SIGINT'));
    await expect(asked).rejects.toBe(cancel.signal.reason);
  });
});

test('the stand-in notices what GitHub would not take', async () => {
  api.answer = () => comparison('sideways');
  await compare();
  await fetch(`${apiUrl}/repos/acme/shop/compare/a...b?pages=1`);
  await fetch(`${apiUrl}/repos/acme/shop/comparisons`);
  expect(api.violations).toEqual([
    expect.stringContaining(
      'the answer to repos/compare-commits-with-basehead: data/value/status must be equal to one of',
    ),
    'repos/compare-commits-with-basehead has no pages',
    expect.stringContaining('the answer to repos/compare-commits-with-basehead'),
    "get /repos/acme/shop/comparisons is not in GitHub's description",
  ]);
});
