import { UserError } from './error.ts';

/**
 * An image's name, split and normalised, in the words of the field: "registry" is the grammar's domain,
 * "repository" its path. What `docker.io` leaves out is filled in (`nginx` is `docker.io/library/nginx`).
 * Grammar: https://github.com/distribution/reference/blob/v0.6.0/reference.go
 */
export interface ImageName {
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

export interface ParsedImage {
  readonly image: ImageName;
  /** The repository bore upper-case letters, as a GitHub owner's name may: they were lowered; say so. */
  readonly lowered: boolean;
}

const DOCKER_HUB = 'docker.io';
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
/** Registries refuse longer ones (`ErrNameTooLong` of the reference grammar). */
const MAX_REPOSITORY = 255;

export function isTag(text: string): boolean {
  return TAG.test(text);
}

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Reads an image name; a UserError says which part is wrong and what it should look like. */
export function parseImage(text: string): ParsedImage {
  const name = text.trim();
  refuseWhatIsNoName(name);
  const at = name.indexOf('@');
  const digest = at < 0 ? undefined : name.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw new UserError(
      `The image "${name}" has the digest "${digest}", which is none: a digest is "sha256:" and 64 characters of 0-9 and a-f.`,
    );
  }
  const tagged = at < 0 ? name : name.slice(0, at);
  // A colon before the last slash belongs to the registry's port.
  const colon = tagged.indexOf(':', tagged.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : tagged.slice(colon + 1);
  if (tag !== undefined && !isTag(tag)) throw new UserError(badTag(name, tag));
  const bare = colon < 0 ? tagged : tagged.slice(0, colon);
  const { registry, path } = split(bare);
  const repository = path.toLowerCase();
  checkPath(name, registry, repository);
  return {
    image: {
      registry,
      repository,
      ...(tag === undefined ? {} : { tag }),
      ...(digest === undefined ? {} : { digest }),
    },
    lowered: repository !== path,
  };
}

/** The complete form, which no host's default can turn into another image: `docker.io/library/nginx:1`. */
export function renderImage(image: ImageName): string {
  return withTagAndDigest(`${image.registry}/${image.repository}`, image);
}

/** The short form that people write and `docker` prints, the field's "familiar name": `nginx:1`. */
export function familiarName(image: ImageName): string {
  if (image.registry !== DOCKER_HUB) return renderImage(image);
  const official = /^library\/([^/]+)$/.exec(image.repository)?.[1];
  return withTagAndDigest(official ?? image.repository, image);
}

/** Registry and repository alone: `ghcr.io/acme/shop`. */
export function repositoryName(image: ImageName): string {
  return `${image.registry}/${image.repository}`;
}

/** A moment in the letters that a tag may have: `20261121t091500z`. */
export function tagStamp(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d+Z$/, 'z')
    .replace(/[-:]/g, '')
    .toLowerCase();
}

function withTagAndDigest(name: string, image: ImageName): string {
  return `${name}${image.tag === undefined ? '' : `:${image.tag}`}${image.digest === undefined ? '' : `@${image.digest}`}`;
}

function refuseWhatIsNoName(name: string): void {
  if (name === '') throw new UserError('The image is empty: write it as "ghcr.io/owner/name".');
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(name);
  if (scheme) {
    throw new UserError(
      `The image "${name}" begins with "${scheme[0]}": an image has no scheme, write "${name.slice(scheme[0].length) || 'ghcr.io/owner/name'}".`,
    );
  }
  if (/\s/.test(name))
    throw new UserError(`The image "${name}" contains a space: write one image without spaces.`);
}

function badTag(name: string, tag: string): string {
  if (tag === '')
    return `The image "${name}" ends with a colon: a tag is missing behind it, or the colon is too much.`;
  return `The image "${name}" has the tag "${tag}", which is none: a tag has at most 128 letters, digits, "_", "." and "-", and begins with a letter, a digit or "_".`;
}

/** The first part is a registry when it looks like a host; otherwise all of it is a path on Docker Hub. */
function split(bare: string): { registry: string; path: string } {
  const slash = bare.indexOf('/');
  const first = slash < 0 ? '' : bare.slice(0, slash);
  if (first === '' || !(/[.:]/.test(first) || first.toLowerCase() === 'localhost')) {
    // The grammar takes an upper-case first part for a host; from a workflow it is an owner's name.
    return { registry: DOCKER_HUB, path: slash < 0 && bare !== '' ? `library/${bare}` : bare };
  }
  const host = first.toLowerCase();
  const path = bare.slice(slash + 1);
  if (host !== DOCKER_HUB && host !== 'index.docker.io') return { registry: host, path };
  return { registry: DOCKER_HUB, path: path.includes('/') || path === '' ? path : `library/${path}` };
}

function checkPath(name: string, registry: string, repository: string): void {
  if (!HOST.test(registry)) {
    throw new UserError(
      `The image "${name}" names the registry "${registry}", which is no host: write it as "ghcr.io" or "localhost:5000".`,
    );
  }
  if (repository === '') {
    throw new UserError(
      `The image "${name}" names no repository${registry === DOCKER_HUB ? '' : ` on ${registry}`}: write it as "${registry}/owner/name".`,
    );
  }
  const bad = repository.split('/').find((component) => !PATH_COMPONENT.test(component));
  if (bad !== undefined) {
    throw new UserError(
      `The image "${name}" has ${bad === '' ? 'an empty part between slashes' : `the part "${bad}"`}, which no repository may have: each part has letters and digits, joined by ".", "_", "__" or "-".`,
    );
  }
  if (repository.length > MAX_REPOSITORY) {
    throw new UserError(
      `The image "${name}" has a repository of ${repository.length} characters: registries take at most ${MAX_REPOSITORY}.`,
    );
  }
  if (/^[a-f0-9]{64}$/.test(repository.replace(/^library\//, ''))) {
    throw new UserError(
      `The image "${name}" is 64 hexadecimal characters, which is an image's id and no name: write it as "${registry}/owner/name".`,
    );
  }
  // "host:port" without a slash reads as a name with a tag; "ghcr.io" as an image of Docker Hub. Both are
  // a forgotten repository, and would be pushed to Docker Hub.
  if (
    registry === DOCKER_HUB &&
    !name.includes('/') &&
    (/\.[a-z]{2,}$/i.test(name.split(/[:@]/)[0] ?? '') || /^localhost\b/i.test(name))
  ) {
    throw new UserError(
      `The image "${name}" names no repository on ${name}: write it as "${name}/owner/name".`,
    );
  }
}

/** Whether a template's image comes from the repository that is deployed, however it is written. */
export function sameRepositoryAs(image: ImageName): (other: string) => boolean {
  const wanted = repositoryName(image);
  return (other) => {
    try {
      return repositoryName(parseImage(other).image) === wanted;
    } catch {
      return false;
    }
  };
}
