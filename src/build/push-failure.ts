import { type ImageName, parseImage } from '../model/image.ts';
import { accessDenied, missingRepository } from '../registry/words.ts';
import type { DockerConfig } from './docker-config.ts';
import type { BuildStory } from './progress.ts';

/** A push that failed: what of, and the error that the registry or the way to it gave. */
export interface FailedPush {
  /** undefined: it was not named. */
  readonly reference: string | undefined;
  readonly words: string;
}

/** Told apart from a failing step, whose words may be anything. */
export function failedPush({ failed, error }: BuildStory): FailedPush | undefined {
  const named =
    /^(?:target \S+: )?(?:failed to build: )?(?:failed to solve: )?failed to push (\S+): ([\s\S]*)/.exec(
      error ?? '',
    );
  if (named) return { reference: named[1], words: (named[2] ?? '').trim() };
  // Docker's own builder lets the daemon push, in a step of this name; bake puts the target before it.
  const byDocker = /^(?:\[[\w-]+\] )?pushing (\S+) with docker$/.exec(failed?.name ?? '');
  return byDocker === null ? undefined : { reference: byDocker[1], words: failed?.error.trim() ?? '' };
}

/**
 * Whether the registry refused to move a tag, as it is set to. ECR: "cannot be overwritten because the tag is
 * immutable" (moby/buildkit#3776); Google, Harbor and Quay say "immutable" as well.
 */
export function refusedAsImmutable(push: FailedPush): boolean {
  return /immutable|cannot be overwritten|ImageTagAlreadyExists/i.test(push.words);
}

const DENIED =
  /\b40[13]\b|denied|unauthorized|authentication required|authorization failed|insufficient_scope/i;
const AWAY =
  /dial tcp|no such host|i\/o timeout|connection re|TLS handshake|EOF|x509|server gave HTTP response|\b(?:429|50\d)\b|too many requests/i;

export function explainPush(
  push: FailedPush,
  {
    image,
    loginOf,
    tries = 1,
  }: {
    readonly image: ImageName;
    readonly loginOf: DockerConfig['loginOf'];
    readonly tries?: number;
  },
): string {
  const target = push.reference === undefined ? image : parseImage(push.reference).image;
  const words = ownWords(push.words);
  const times = tries === 1 ? '' : ` (${tries} tries)`;
  if (/name[ _]unknown|repository .* does not exist/i.test(words)) return missingRepository(target);
  if (DENIED.test(words)) {
    return accessDenied({ image: target, action: 'push', login: loginOf(target.registry), words });
  }
  if (AWAY.test(words)) {
    return `The push to ${target.registry} failed, for the registry can not be reached or is overloaded${times}: ${words}. Run the job again; layers that arrived are not sent twice.`;
  }
  return `The push to ${target.registry} failed${times}: ${words}`;
}

/** Without the address of a layer, which says nothing to a reader. */
export function ownWords(words: string): string {
  return words.replace(/unexpected status from \w+ request to \S+: /, '').trim();
}
