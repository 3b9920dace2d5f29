import { describe, expect, test } from 'vitest';
import { readRunFacts } from '../../src/github/event.ts';

const BASE = { full_name: 'acme/shop', private: true, default_branch: 'main' };
const pull = (head: string): object => ({
  repository: BASE,
  pull_request: { number: 7, head: { sha: 'abc', repo: { full_name: head } }, base: { repo: BASE } },
});

describe('who may read the log', () => {
  test.each([
    ['a private repository: its members', { repository: { private: true } }, false],
    ['a public one: everybody', { repository: { private: false } }, true],
    ['an event that does not say (a schedule): counted as everybody', {}, true],
    ['no event at all: counted as everybody', undefined, true],
  ])('%s', (_, payload, isPublic) => {
    expect(readRunFacts({}, payload).isPublic).toBe(isPublic);
    // Not known is neither.
    expect(readRunFacts({}, payload).saidPublic).toBe(
      JSON.stringify(payload) === '{"repository":{"private":false}}',
    );
  });
});

describe('a run that a fork set off next to the secrets', () => {
  test.each([
    ['pull_request_target from a fork', 'pull_request_target', pull('evil/shop'), true],
    ['pull_request_target from the repository itself', 'pull_request_target', pull('acme/shop'), false],
    ['pull_request from a fork, which has no secrets', 'pull_request', pull('evil/shop'), false],
    [
      'workflow_run after a fork’s run',
      'workflow_run',
      { repository: BASE, workflow_run: { head_repository: { full_name: 'evil/shop' } } },
      true,
    ],
    [
      'workflow_run after a run of the repository itself',
      'workflow_run',
      { repository: BASE, workflow_run: { head_repository: { full_name: 'acme/shop' } } },
      false,
    ],
    ['a push', 'push', { repository: BASE }, false],
  ])('%s', (_, event, payload, privileged) => {
    expect(readRunFacts({ GITHUB_EVENT_NAME: event }, payload).privilegedForFork).toBe(privileged);
  });
});

test('the run has an address only on GitHub', () => {
  expect(readRunFacts({ GITHUB_REPOSITORY: 'acme/shop', GITHUB_RUN_ID: '5' }, undefined).runUrl).toBe(
    'https://github.com/acme/shop/actions/runs/5',
  );
  expect(readRunFacts({}, undefined).runUrl).toBeUndefined();
});

test('an event of a wrong shape is no pull request', () => {
  expect(readRunFacts({}, { pull_request: { number: '7' } }).pullRequest).toBeUndefined();
});

test('the repository is told of for the labels', () => {
  const repository = {
    name: 'shop',
    description: 'Sells things',
    html_url: 'https://github.com/acme/shop',
    license: { spdx_id: 'MIT' },
  };
  expect(readRunFacts({}, { repository }).about).toEqual({
    name: 'shop',
    description: 'Sells things',
    url: 'https://github.com/acme/shop',
    license: 'MIT',
  });
  const unknown = { ...repository, description: null, license: { spdx_id: 'NOASSERTION' } };
  expect(readRunFacts({}, { repository: unknown }).about).toMatchObject({
    description: undefined,
    license: undefined,
  });
  expect(readRunFacts({ GITHUB_REPOSITORY: 'acme/shop' }, {}).about).toMatchObject({ name: 'shop' });
});
