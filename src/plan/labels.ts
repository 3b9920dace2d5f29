/** The commit that an image is made of, as far as its labels and tags tell it. */
export interface SourceFacts {
  readonly sha: string;
  readonly dirty: boolean;
  readonly committed: Date;
  readonly url?: string;
}

/**
 * The labels of https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md that we know. ghcr.io
 * links the package to the repository by `source`.
 *
 * `created` is the commit's time (or SOURCE_DATE_EPOCH, where somebody set it), not the build's: the label is
 * part of the image, and with the wall time each build of one commit would be another image, whose digest
 * makes pods restart for nothing. A dirty tree is no commit's content: it bears the time of the build.
 */
export function imageLabels(
  source: SourceFacts,
  { now, sourceDateEpoch }: { readonly now: Date; readonly sourceDateEpoch: string | undefined },
): Record<string, string> {
  const epoch = /^\d+$/.test(sourceDateEpoch ?? '') ? new Date(Number(sourceDateEpoch) * 1000) : undefined;
  const created = epoch ?? (source.dirty ? now : source.committed);
  return {
    ...(source.url === undefined ? {} : { 'org.opencontainers.image.source': source.url }),
    'org.opencontainers.image.revision': `${source.sha}${source.dirty ? '-dirty' : ''}`,
    'org.opencontainers.image.created': created.toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}
