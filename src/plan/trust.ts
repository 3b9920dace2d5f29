/**
 * Whose content a run builds, from the most trusted to the least. What a class recorded is taken by itself and
 * by the less trusted: a pull request may take what main built, never the reverse.
 */
export const TRUST = ['default', 'branch', 'pull-request'] as const;

export type Trust = (typeof TRUST)[number];

/** What of the run decides how far it is trusted. */
export interface TrustFacts {
  /** Of the event's payload. */
  readonly pullRequest: unknown;
  /** `GITHUB_REF` */
  readonly ref: string;
  readonly defaultBranch: string | undefined;
  /** The commit that is checked out, and the one that the run is for (`GITHUB_SHA`). */
  readonly checkedOut: string;
  readonly own: string | undefined;
}

/**
 * A run that checked out another commit than its own (workflow_run, issue_comment, a dispatch with a ref of its
 * choice) works with somebody's code, and nobody says whose: it is trusted like a pull request. So is one that
 * knows nothing of itself, outside of GitHub.
 */
export function trustOf({ pullRequest, ref, defaultBranch, checkedOut, own }: TrustFacts): Trust {
  if (pullRequest !== undefined || checkedOut !== own || !ref.startsWith('refs/')) return 'pull-request';
  return defaultBranch !== undefined && ref === `refs/heads/${defaultBranch}` ? 'default' : 'branch';
}

/** The classes of which a run may take, its own first. */
export function takenBy(trust: Trust): readonly Trust[] {
  return TRUST.slice(0, TRUST.indexOf(trust) + 1).reverse();
}
