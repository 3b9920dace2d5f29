import type { BuildStory } from './progress.ts';

/** What Azure's client, with which BuildKit reads and writes GitHub's cache, makes of an answer that is an error. */
const AZURE =
  /\b(GET|HEAD|PUT) (https?:\/\/\S+)\n-+\nRESPONSE \d+: (.+)\nERROR CODE(?:: (.+)| UNAVAILABLE)[\s\S]*/;

/**
 * What failed was the writing of a cache alone, in BuildKit's words: where it can not even be set up, or BuildKit is
 * older than `ignore-error` (0.12), it ends the build.
 */
export function writeError({ failed, failedCaches, error = '' }: BuildStory): string | undefined {
  const setUp = /failed to configure \S+ cache exporter: ([\s\S]*)/.exec(error)?.[1];
  if (setUp !== undefined) return ownWords(setUp);
  const [first] = failedCaches;
  return failed === undefined &&
    first !== undefined &&
    failedCaches.some((cache) => error.includes(cache.error.split('\n')[0] ?? ''))
    ? ownWords(first.error)
    : undefined;
}

/**
 * What failed was the reading of GitHub's cache: it knew of a layer and could not give it, which BuildKit learns when
 * the step that it stands for is needed, or when it is pushed. Then that ends the build. No registry answers so.
 */
export function readError({ error = '' }: Pick<BuildStory, 'error'>): string | undefined {
  const words = /(?:^|: )failed to copy: (GET [\s\S]*)/.exec(error)?.[1];
  return words !== undefined && AZURE.test(words) ? ownWords(words) : undefined;
}

/** A sentence for each cache that was not written by a build that went on. */
export function unwrittenCaches(story: BuildStory): readonly string[] {
  if (writeError(story) !== undefined) return [];
  return story.failedCaches.map(
    ({ name, error }) =>
      `The build's cache was not written (${name}): ${ownWords(error)}. The image is not affected; the next build may take longer.`,
  );
}

function ownWords(words: string): string {
  return words
    .replace(AZURE, (_, method: string, url: string, status: string, code?: string) =>
      [`${method} ${url}: ${status}`, ...(code === undefined ? [] : [`(${code})`])].join(' '),
    )
    .trim()
    .split('\n')
    .join(': ');
}
