import { type Clock, sleep } from '../model/clock.ts';
import { type ImageName, parseImage } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import type { BuildStory } from './progress.ts';
import { type FailedPush, ownWords } from './push-failure.ts';

/** How often a push is begun in all. BuildKit repeats each of its requests for some seconds by itself. */
export const PUSH_TRIES = 3;
/** Milliseconds before the second try; doubled before the third. */
const FIRST_DELAY = 2_000;

/**
 * An upload that the registry lost: it is begun anew, though it is told with status 404 (BLOB_UPLOAD_UNKNOWN).
 * BuildKit leaves the code out and names the upload's address; a missing repository is told before there is one.
 */
const LOST_UPLOAD =
  /blob[ _]upload[ _](?:unknown|invalid)|status from (?:PUT|PATCH) request to \S+\/blobs\/uploads\/[^\s/?:]\S*: 404/i;
/** The registry's word, or a name or certificate that no second try makes good. */
const FINAL =
  /\b40[0134]\b|denied|unauthorized|authentication required|authorization failed|insufficient_scope|name[ _]unknown|does not exist|no such host|x509|certificate|server gave HTTP response/i;
const PASSING =
  /\b(?:408|429|5\d\d)\b|too ?many ?requests|connection (?:reset|refused|timed out)|broken pipe|\bEOF\b|use of closed network connection|i\/o timeout|handshake timeout|(?:deadline|timeout) exceeded|no response|http2: (?:server sent GOAWAY|client connection lost)|service unavailable|bad gateway/i;

/** Whether a push may succeed when it is begun again: never after 401, 403 or 404. */
export function isPassing({ words }: FailedPush): boolean {
  return LOST_UPLOAD.test(words) || (!FINAL.test(statusOnly(words)) && PASSING.test(words));
}

/**
 * Whether the builder itself gave up for lack of time, as one that is overloaded does with its own book-keeping. A
 * program of the Dockerfile that fails, in time or not, is told as a process.
 */
export function ranOutOfTime({ error = '' }: Pick<BuildStory, 'error'>): boolean {
  return /^failed to solve: DeadlineExceeded: /.test(error) && !/^process "/m.test(error);
}

/** Waits before a builder that ran out of time is asked again, with jitter. */
export async function waitForBuilder(
  { error = '' }: Pick<BuildStory, 'error'>,
  attempt: number,
  { clock, log, signal, random = Math.random }: Waiting,
): Promise<void> {
  const words = error.replace(/^failed to solve: DeadlineExceeded: /, '').split('\n')[0];
  log.info(
    `The builder gave up for lack of time (${words}); trying it again, ${attempt + 1} of ${PUSH_TRIES}. What is built is in its cache.`,
  );
  await sleep(clock, FIRST_DELAY * 2 ** (attempt - 1) * (0.5 + random()), signal);
}

interface Waiting {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Between 0 and 1. */
  readonly random?: () => number;
}

/** Addresses are left out: a port, a digest or a repository's name may hold any number or word. */
function statusOnly(words: string): string {
  return words.replace(/\b(?:https?:\/\/|sha256:)\S+/g, '');
}

/**
 * Waits before a push is begun again: for a moment with jitter, then until the registry takes pushes. That question is
 * our own client's, and it obeys Retry-After, which a builder tells nobody.
 *
 * @throws RegistryError when the registry stays away, or refuses now
 */
export async function waitToPushAgain(
  push: FailedPush,
  attempt: number,
  args: Waiting & {
    readonly image: ImageName;
    readonly ready?: (image: ImageName) => Promise<void>;
  },
): Promise<void> {
  const { clock, log, signal, random = Math.random, ready } = args;
  const { registry, repository } =
    push.reference === undefined ? args.image : parseImage(push.reference).image;
  log.info(
    `The push to ${registry} failed (${ownWords(push.words)}); trying it again, ${attempt + 1} of ${PUSH_TRIES}. What is built and what arrived is not done twice.`,
  );
  await sleep(clock, FIRST_DELAY * 2 ** (attempt - 1) * (0.5 + random()), signal);
  await ready?.({ registry, repository });
}
