import { slug } from './slug.ts';

/** What the commit that is built is called. */
export interface CommitNames {
  readonly branch: string | undefined;
  /** A Git tag, as it is written: `v1.2.3`. */
  readonly gitTag: string | undefined;
  readonly pullRequest: number | undefined;
  readonly isDefaultBranch: boolean;
}

export interface NameFacts {
  readonly sha: string;
  /** What the work tree is on, when it is on a branch. */
  readonly head: string | undefined;
  /** Git tags at the commit. */
  readonly gitTags: readonly string[];
  /** The commit of the event, and its ref: `refs/heads/main`. */
  readonly eventSha: string | undefined;
  readonly ref: string;
  readonly defaultBranch: string | undefined;
  readonly pullRequest: { readonly number: number } | undefined;
}

/**
 * The event's ref names the commit when it is the event's commit that was checked out. Otherwise (a
 * workflow_dispatch on main that checks out v1.2.3) the work tree does, or main's tag would go to another
 * commit. A pull request's commit has the pull request's name alone: its branch's is anybody's choice.
 */
export function nameCommit(facts: NameFacts): CommitNames {
  const { defaultBranch, pullRequest } = facts;
  if (pullRequest !== undefined) {
    return {
      branch: undefined,
      gitTag: undefined,
      pullRequest: pullRequest.number,
      isDefaultBranch: false,
    };
  }
  const isEvents = facts.ref !== '' && facts.eventSha === facts.sha;
  const branch = isEvents ? /^refs\/heads\/(.+)$/.exec(facts.ref)?.[1] : facts.head;
  const gitTag = isEvents
    ? /^refs\/tags\/(.+)$/.exec(facts.ref)?.[1]
    : branch === undefined
      ? newest(facts.gitTags)
      : undefined;
  const isDefaultBranch = branch !== undefined && branch === defaultBranch;
  return { branch, gitTag, pullRequest: undefined, isDefaultBranch };
}

/** The label `version`: the release, or the nearest that there is to one. */
export function versionOf({ branch, gitTag, pullRequest }: CommitNames): string | undefined {
  if (pullRequest !== undefined) return `pr-${pullRequest}`;
  if (gitTag !== undefined) return semverTags(gitTag)[0] ?? slug(gitTag);
  return branch === undefined ? undefined : slug(branch);
}

/**
 * https://semver.org/spec/v2.0.0.html#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string, with
 * the "v" that Git tags mostly have.
 */
const SEMVER =
  /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*))*)?(\+[\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*)?$/;

/**
 * The image tags of a release, the narrowest first: 1.2.3 is 1.2.3, 1.2 and 1. A pre-release is itself alone,
 * and 0.2.3 is not 0: below 1.0.0 every minor version may break. "+", which no tag may have, is "_", as Helm
 * writes it.
 *
 * @returns none for what is no semantic version
 */
export function semverTags(gitTag: string): readonly string[] {
  const match = SEMVER.exec(gitTag);
  if (match === null) return [];
  const [, major, minor, patch, pre = '', build = ''] = match;
  const whole = slug(`${major}.${minor}.${patch}${pre}${build.replace('+', '_')}`);
  if (pre !== '') return [whole];
  return [whole, `${major}.${minor}`, ...(major === '0' ? [] : [`${major}`])];
}

/** A commit may bear several tags: a release goes before a pre-release, and both before what is neither. */
function newest(gitTags: readonly string[]): string | undefined {
  const releases = gitTags.filter((tag) => semverTags(tag).length > 0);
  const byVersion = releases.toSorted((a, b) => {
    const [left, right] = [parts(a), parts(b)];
    for (const index of [0, 1, 2, 3]) {
      const difference = (right[index] ?? 0) - (left[index] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return byVersion[0] ?? gitTags[0];
}

function parts(tag: string): readonly number[] {
  const [, major, minor, patch, pre] = SEMVER.exec(tag) ?? [];
  return [Number(major), Number(minor), Number(patch), pre === undefined ? 1 : 0];
}
