import { UserError } from '../model/error.ts';
import { type CommitNames, semverTags } from './names.ts';
import { slug } from './slug.ts';

/** What stands in braces in the input `tags`; no literal tag can: the grammar has no braces. */
export const PLACEHOLDERS = ['branch', 'semver', 'git-tag', 'pr', 'latest', 'commit', 'short'] as const;

type Placeholder = (typeof PLACEHOLDERS)[number];

/**
 * Fills in the placeholders of one entry. One that has no value in this run (`{semver}` on a branch) leaves the
 * entry out; `{semver}` makes up to three of it.
 *
 * @param commit undefined: a dirty tree, which is no commit's content
 * @throws UserError for a placeholder that there is none of
 */
export function fillIn(text: string, names: CommitNames, commit: string | undefined): readonly string[] {
  return [...text.matchAll(/\{([^{}]*)\}/g)].reduce<readonly string[]>(
    (filled, [whole, name = '']) =>
      filled.flatMap((each) =>
        valuesOf(name, text, names, commit).map((value) => each.replace(whole, () => value)),
      ),
    [text],
  );
}

export function hasPlaceholder(text: string): boolean {
  return /\{[^{}]*\}/.test(text);
}

function valuesOf(
  name: string,
  text: string,
  names: CommitNames,
  commit: string | undefined,
): readonly string[] {
  switch (name as Placeholder) {
    case 'branch':
      return slugged(names.branch);
    case 'git-tag':
      return slugged(names.gitTag);
    case 'semver':
      return names.gitTag === undefined ? [] : semverTags(names.gitTag);
    case 'pr':
      return names.pullRequest === undefined ? [] : [`pr-${names.pullRequest}`];
    case 'latest':
      return names.isDefaultBranch ? ['latest'] : [];
    case 'commit':
      return commit === undefined ? [] : [commit];
    case 'short':
      return commit === undefined ? [] : [commit.slice(0, 7)];
    default:
      throw new UserError(
        `The input tags has "${text}", and there is no placeholder {${name}}. There are ${PLACEHOLDERS.map((each) => `{${each}}`).join(', ')}.`,
      );
  }
}

/** None for a name that has nothing which a tag may have. */
function slugged(name: string | undefined): readonly string[] {
  return [slug(name ?? '')].filter((value) => value !== '');
}
