import { readSource, type Source } from '../build/source.ts';
import type { RunFacts } from '../github/event.ts';
import { UserError } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import type { ImageWorld } from './image-world.ts';

/**
 * What was checked out, to be built.
 *
 * @throws UserError when it may be the code of somebody who must not see this run's secrets
 */
export async function readCheckout(
  world: Pick<ImageWorld, 'workspace' | 'environment' | 'clock' | 'signal' | 'facts'>,
): Promise<Source> {
  const { workspace: directory, environment, clock, signal, facts } = world;
  const source = await readSource({ directory, environment, clock, signal });
  refuseForeignCode(facts, source.sha, environment['GITHUB_SHA']);
  return source;
}

/** Says which tags have no value in this run, and that the work tree is no commit's. */
export function tellNames(source: Source, leftOut: readonly string[], log: Log): void {
  if (leftOut.length > 0) log.info(`Tags that this run has no value for: ${leftOut.join(', ')}`);
  if (source.dirty) {
    log.info(
      `The work tree differs from commit ${source.sha.slice(0, 12)} (${source.changes.join(', ')}), so the image is labelled dirty and gets a tag of its own`,
    );
  }
}

/**
 * A workflow on pull_request_target or workflow_run has the base repository's secrets. To check out what a fork
 * wrote and build it next to them hands them to whoever opened the pull request. GITHUB_SHA is then a commit of
 * the base repository; anything else that is checked out may be the fork's, be it its head or a merge with it.
 *
 * @see https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/
 */
function refuseForeignCode(facts: RunFacts, sha: string, own: string | undefined): void {
  if (!facts.privilegedForFork || sha === own) return;
  throw new UserError(
    `The commit ${sha.slice(0, 12)} is not the base repository's own, and this workflow (on ${facts.event}) was set off by a fork while it has the repository's secrets: ` +
      "building it could hand them to the fork's author. Nothing was built. Use the event pull_request, or check out the base branch.",
  );
}
