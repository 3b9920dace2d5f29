/** The commit that an image is made of, as far as its labels and tags tell it. */
export interface SourceFacts {
  readonly sha: string;
  readonly dirty: boolean;
  readonly committed: Date;
  readonly url?: string;
}

/** What the event tells of the repository; somebody else's text. */
export interface RepositoryFacts {
  readonly name: string | undefined;
  readonly description: string | undefined;
  /** Where people read of it. */
  readonly url: string | undefined;
  /** SPDX, as GitHub recognised it. */
  readonly license: string | undefined;
}

export interface LabelFacts {
  readonly repository: RepositoryFacts | undefined;
  /** Of the release, branch or pull request; else the commit is the version. */
  readonly version: string | undefined;
  readonly now: Date;
  readonly sourceDateEpoch: string | undefined;
}

/** GitHub's longest description has 350 characters; other text may come from anywhere. */
const LONGEST = 500;

/**
 * The labels of https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md that we know. ghcr.io
 * links the package to the repository by `source`.
 *
 * `created` is the commit's time (or SOURCE_DATE_EPOCH, where somebody set it), not the build's: the label is
 * part of the image, and with the wall time each build of one commit would be another image, whose digest
 * makes pods restart for nothing. A dirty tree is no commit's content: it bears the time of the build.
 */
export function imageLabels(source: SourceFacts, facts: LabelFacts): Record<string, string> {
  const { repository, now, sourceDateEpoch } = facts;
  const epoch = /^\d+$/.test(sourceDateEpoch ?? '') ? new Date(Number(sourceDateEpoch) * 1000) : undefined;
  const created = epoch ?? (source.dirty ? now : source.committed);
  const revision = `${source.sha}${source.dirty ? '-dirty' : ''}`;
  const labels = {
    title: repository?.name ?? source.url?.replace(/^.*\//, ''),
    description: repository?.description,
    url: repository?.url ?? source.url,
    source: source.url,
    version: facts.version ?? revision,
    revision,
    created: created.toISOString().replace(/\.\d+Z$/, 'Z'),
    licenses: repository?.license,
  };
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => {
      const text = (value ?? '')
        .replace(/[\p{Cc}\s]+/gu, ' ')
        .trim()
        .slice(0, LONGEST);
      return text === '' ? [] : [[`org.opencontainers.image.${name}`, text]];
    }),
  );
}
