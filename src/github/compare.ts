import type { Clock } from '../model/clock.ts';
import { messageOf } from '../model/error.ts';

/** What GitHub says of two commits. */
export type Comparison =
  /** Of `head` as seen from `base`. `behind`: head is a strict ancestor of base. */
  | { readonly kind: 'ahead' | 'behind' | 'identical' | 'diverged' }
  /** It knows no such pair: a commit that was rewritten away, or is of another repository. */
  | { readonly kind: 'unrelated' }
  /** It did not say; a clause for a warning. */
  | { readonly kind: 'unavailable'; readonly why: string };

export interface CompareArguments {
  readonly token: string;
  /** `GITHUB_API_URL`, for a GitHub Enterprise Server has its own. */
  readonly apiUrl: string;
  /** `owner/name` */
  readonly repository: string;
  readonly base: string;
  readonly head: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Milliseconds that a "second" of the retries has; a test has no time. */
  readonly retryBase?: number;
}

/** GitHub is asked for a hint, not for leave: it gets so long, two retries (after 1 s and 4 s) included. */
const PATIENCE = 20_000;
const RETRIES = 2;

/**
 * Compares two commits (GET /repos/{owner}/{repo}/compare/{basehead}). Its client is loaded only now: most runs
 * need it not at all.
 *
 * @throws the signal's reason, and nothing else: GitHub being away must not stop a delivery
 * @see https://docs.github.com/en/rest/commits/commits#compare-two-commits
 */
export async function compareCommits(args: CompareArguments): Promise<Comparison> {
  const { token, apiUrl, repository, base, head, clock, signal } = args;
  if (!isCommit(base) || !isCommit(head)) return { kind: 'unrelated' };
  const [owner = '', repo = ''] = repository.split('/');
  const limit = new AbortController();
  const takeBack = clock.timer(PATIENCE, () =>
    limit.abort(new Error(`no answer within ${PATIENCE / 1_000} s`)),
  );
  try {
    const [{ getOctokit }, { retry }] = await Promise.all([
      import('@actions/github'),
      import('@octokit/plugin-retry'),
    ]);
    const retrying = {
      retry: {
        retries: RETRIES,
        ...(args.retryBase === undefined ? {} : { retryAfterBaseValue: args.retryBase }),
      },
    };
    const octokit = getOctokit(token, { baseUrl: apiUrl, log: SILENT, ...retrying }, retry);
    const { data } = await octokit.rest.repos.compareCommitsWithBasehead({
      owner,
      repo,
      basehead: `${base}...${head}`,
      // The answer holds the commits and files too; one is the fewest that can be asked for.
      per_page: 1,
      request: { signal: AbortSignal.any([signal, limit.signal]) },
    });
    return { kind: data.status };
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.aborted) return { kind: 'unavailable', why: messageOf(limit.signal.reason) };
    const status = statusOf(error);
    if (status === 404) return { kind: 'unrelated' };
    return { kind: 'unavailable', why: explain(status, error) };
  } finally {
    takeBack();
  }
}

/** What Octokit would print of its own accord; what there is to say, the caller says. */
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };

function quiet(): void {}

function explain(status: number | undefined, error: unknown): string {
  const words = messageOf(error).split('\n')[0] ?? '';
  if (status === 401) return 'it does not know the token';
  if (status === 403 && !/rate limit/i.test(words))
    return 'the token may not read the repository: contents: read';
  return words;
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  return typeof error.status === 'number' ? error.status : undefined;
}

/** Recorded text becomes a part of a URL only when it is a commit. */
function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text);
}
