import { describe, expect, it } from 'vitest';
import { type CacheWish, planCache } from '../../src/plan/cache.ts';

describe("a run's cache", () => {
  const at = (tag: string) => `ghcr.io/acme/shop:${tag}`;
  const rows: readonly [
    name: string,
    wish: Partial<CacheWish>,
    from: readonly string[],
    to: string | undefined,
  ][] = [
    ["of the default branch is that branch's", {}, ['cache-main'], 'cache-main'],
    [
      "of a pull request is its own, falling back to the default branch's",
      { pullRequest: { number: 7 }, ref: 'refs/pull/7/merge' },
      ['cache-pr-7', 'cache-main'],
      'cache-pr-7',
    ],
    ['of another branch likewise', { ref: 'refs/heads/fix/x' }, ['cache-fix-x', 'cache-main'], 'cache-fix-x'],
    [
      "of a branch that is called like a pull request's is not that pull request's",
      { ref: 'refs/heads/pr-7' },
      ['cache-branch-pr-7', 'cache-main'],
      'cache-branch-pr-7',
    ],
    ['of a Git tag is only read', { ref: 'refs/tags/v1' }, ['cache-main'], undefined],
    [
      "of a merge queue's branch is only read",
      { ref: 'refs/heads/gh-readonly-queue/main/pr-7-abc' },
      ['cache-main'],
      undefined,
    ],
    [
      'of an event that names no default branch is its own alone',
      { defaultBranch: undefined },
      ['cache-main'],
      'cache-main',
    ],
  ];
  it.each(rows)('%s', (_, wish, from, to) => {
    const planned = planCache({
      image: { registry: 'ghcr.io', repository: 'acme/shop' },
      ref: 'refs/heads/main',
      defaultBranch: 'main',
      pullRequest: undefined,
      ...wish,
    });
    expect(planned).toEqual({
      scope: 'steadyship-acme-shop',
      from: from.map(at),
      to: to === undefined ? undefined : at(to),
    });
  });
  it("of a target that shares its repository is no other's, nor any branch's", () => {
    const cacheOf = (target: string, ref: string) =>
      planCache({
        image: { registry: 'ghcr.io', repository: 'acme/shop' },
        ...{ ref, target, defaultBranch: 'main', pullRequest: undefined },
      });
    expect(cacheOf('web', 'refs/heads/x')).toEqual({
      scope: 'steadyship-acme-shop.web',
      from: [at('bake-web.cache-x'), at('bake-web.cache-main')],
      to: at('bake-web.cache-x'),
    });
    // Joined by hyphens these would be one.
    expect(cacheOf('web', 'refs/heads/a-b')?.to).not.toBe(cacheOf('web-a', 'refs/heads/b')?.to);
    expect(cacheOf('web', `refs/heads/${'x'.repeat(200)}`)?.to?.replace(/^.*:/, '')).toHaveLength(
      'bake-web.cache-'.length + 100,
    );
    expect(cacheOf('w'.repeat(60), `refs/heads/${'x'.repeat(200)}`)?.to?.replace(/^.*:/, '')).toHaveLength(
      128,
    );
  });
  it('outside of GitHub is none', () => {
    const image = { registry: 'ghcr.io', repository: 'acme/shop' };
    expect(planCache({ image, ref: '', defaultBranch: undefined, pullRequest: undefined })).toBeUndefined();
  });
});
