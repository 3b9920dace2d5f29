import type { RunName, RunOrder } from '../model/record.ts';

/** How a commit stands to another, in the words of GitHub's compare API; `behind`: it is a strict ancestor. */
export type Ancestry = 'ahead' | 'behind' | 'identical' | 'diverged' | 'unknown';

/** This run, as far as its place in time goes. */
export interface Ours {
  /** undefined: an image that exists is deployed, and nobody says of which commit it is. */
  readonly commit: string | undefined;
  readonly order: RunOrder | undefined;
  /** `GITHUB_RUN_ATTEMPT`; from 2 on somebody asked for it. */
  readonly attempt: number;
  /** `GITHUB_EVENT_NAME` */
  readonly event: string;
  /** Input `allow-older`. */
  readonly allowOlder: boolean;
}

/** What a workload runs, and which run brought it there. */
export interface Deployed {
  /** For messages: `deployment/web`. */
  readonly workload: string;
  readonly commit: string | undefined;
  readonly run: RunName;
  readonly order: RunOrder | undefined;
}

export type Order =
  | { readonly kind: 'go' }
  /** Older, and deployed all the same: somebody wants it so. */
  | { readonly kind: 'wished'; readonly message: string }
  | { readonly kind: 'skip'; readonly message: string };

/** The commits that ancestry must be asked for; each once. */
export function commitsToCompare(
  ours: Pick<Ours, 'commit'>,
  deployed: readonly Deployed[],
): readonly string[] {
  if (ours.commit === undefined) return [];
  const others = deployed.map(({ commit }) => commit).filter((commit) => commit !== undefined);
  return [...new Set(others)].filter((commit) => commit !== ours.commit);
}

/**
 * Whether a run came too late: its commit is older than what a workload runs already. All workloads go together,
 * so that one that is ahead is enough. Unknown is not older, and a rollback by hand must always work: whoever
 * re-runs an old run, dispatches one, or names an image, means it.
 *
 * @param ancestry how our commit stands to a deployed one
 */
export function judgeOrder(
  ours: Ours,
  deployed: readonly Deployed[],
  ancestry: (deployedCommit: string) => Ancestry,
): Order {
  const newer = deployed.find((each) => isNewer(each, ours, ancestry));
  if (newer === undefined) return { kind: 'go' };
  const theirs = newer.commit === undefined ? 'a newer commit' : `commit ${short(newer.commit)}`;
  const by = `${newer.run.title}${newer.run.url === undefined ? '' : ` (${newer.run.url})`}`;
  const older = `commit ${short(ours.commit ?? '')} is older than ${theirs}, which ${newer.workload} runs already, brought by ${by}`;
  const wish = wishOf(ours);
  if (wish !== undefined) {
    return { kind: 'wished', message: `${capital(older)}. It is deployed all the same: ${wish}.` };
  }
  return {
    kind: 'skip',
    message: `${capital(older)}. To go back to it on purpose, re-run this run, or set \`allow-older: true\`.`,
  };
}

function isNewer(deployed: Deployed, ours: Ours, ancestry: (commit: string) => Ancestry): boolean {
  if (ours.commit === undefined || ours.commit === deployed.commit) return false;
  const known = deployed.commit === undefined ? 'unknown' : ancestry(deployed.commit);
  return known === 'unknown' ? isLaterRun(deployed.order, ours.order) : known === 'behind';
}

/** Run numbers count within one workflow; between branches they say nothing of which commit is older. */
function isLaterRun(deployed: RunOrder | undefined, ours: RunOrder | undefined): boolean {
  return (
    deployed !== undefined &&
    ours !== undefined &&
    deployed.repository === ours.repository &&
    deployed.workflow === ours.workflow &&
    deployed.ref === ours.ref &&
    deployed.number > ours.number
  );
}

/** Why an older commit is deployed all the same; undefined: nobody asked for it. */
function wishOf({ allowOlder, attempt, event }: Ours): string | undefined {
  if (attempt > 1) return `this is attempt ${attempt} of the run, so somebody started it again by hand`;
  if (event === 'workflow_dispatch') return 'somebody started this run by hand';
  if (allowOlder) return '`allow-older` is true';
  return undefined;
}

/** Seven characters, as GitHub shows a commit. */
function short(commit: string): string {
  return commit.slice(0, 7);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
