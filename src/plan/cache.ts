import { type ImageName, renderImage } from '../model/image.ts';
import { slug } from './slug.ts';

/** Where a run's cache lives when the inputs name none. */
export interface CachePlan {
  /** The scope in GitHub's cache, which keeps branches apart by itself; one of each image. */
  readonly scope: string;
  /** In the registry: what is read, the nearest first. */
  readonly from: readonly string[];
  /** In the registry: what is written; undefined: this run writes none. */
  readonly to: string | undefined;
}

export interface CacheWish {
  readonly image: Pick<ImageName, 'registry' | 'repository'>;
  /** `refs/heads/main`; empty outside of GitHub. */
  readonly ref: string;
  readonly defaultBranch: string | undefined;
  readonly pullRequest: { readonly number: number } | undefined;
  /** Keeps images apart that share a repository. */
  readonly target?: string;
}

/**
 * A pull request has a cache of its own and falls back to the default branch's, another branch likewise. Nothing
 * ever reads a pull request's but the pull request itself. What is built once only reads: a Git tag, and a merge
 * queue's branch, which is gone afterwards.
 *
 * @returns undefined outside of GitHub, where nothing says whose cache it would be
 */
export function planCache(wish: CacheWish): CachePlan | undefined {
  const { image, ref, defaultBranch, pullRequest, target } = wish;
  if (ref === '' && pullRequest === undefined) return undefined;
  // A target has no dot in its name and no branch's cache begins so: none is another's.
  const prefix = target === undefined ? '' : `bake-${target}.`;
  const at = (tag: string): string =>
    renderImage({ registry: image.registry, repository: image.repository, tag: slug(prefix + tag) });
  const main = defaultBranch === undefined ? [] : [at(cacheTag(defaultBranch))];
  const branch = /^refs\/heads\/(?!gh-readonly-queue\/)(.+)$/.exec(ref)?.[1];
  const own =
    pullRequest !== undefined
      ? at(`cache-pr-${pullRequest.number}`)
      : branch === undefined
        ? undefined
        : at(cacheTag(branch));
  return {
    scope: `steadyship-${slug(image.repository)}${target === undefined ? '' : `.${target}`}`,
    from: [...new Set([...(own === undefined ? [] : [own]), ...main])],
    to: own,
  };
}

function cacheTag(branch: string): string {
  // A branch may be called "pr-7": its cache must not be the one that pull request 7 writes.
  const prefix = /^pr-\d/i.test(branch) ? 'cache-branch-' : 'cache-';
  return `${prefix}${slug(branch, 100)}`;
}
