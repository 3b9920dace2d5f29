import { createHash } from 'node:crypto';
import { familiarName, type ImageName, isDigest } from '../model/image.ts';
import { unexpected, verifiedDigest } from './answer.ts';
import { RegistryError } from './error.ts';
import type { Question, Reply } from './http.ts';
import {
  ACCEPT,
  type Manifest,
  type Platform,
  parseManifest,
  platformOfConfig,
  platformsOfIndex,
} from './manifest.ts';
import { wordsOf } from './words.ts';

/** A manifest as it lies in the registry, and what the configs of its images say. */
export interface Stored {
  readonly digest: string;
  readonly mediaType: string;
  /** Byte by byte: what is put under another tag must have the same digest. */
  readonly body: Buffer;
  readonly platforms: readonly Platform[];
  /** The labels of each image: one, or as many as an index holds. Attestations are no images. */
  readonly labels: readonly Readonly<Record<string, string>>[];
}

/** A question to a registry, by path; who asks and how is settled already. */
export type Asked = Pick<Question, 'method' | 'body'> & {
  readonly path: string;
  readonly headers?: Record<string, string>;
};

export type Wire = (image: ImageName, asked: Asked) => Promise<Reply>;

/** More than any image has platforms for. */
const MOST_IMAGES = 32;

/** The digest behind a name; undefined: there is none. */
export async function digestOf(wire: Wire, image: ImageName): Promise<string | undefined> {
  const head = await manifest(wire, 'HEAD', image);
  const digest = head?.header('docker-content-digest');
  if (head === undefined || (digest !== undefined && isDigest(digest))) return digest;
  // The header is no duty of a registry's.
  const reply = await manifest(wire, 'GET', image);
  return reply && verifiedDigest(reply, image);
}

/** Reads a manifest and the configs below it; undefined: there is none of that name. */
export async function readStored(wire: Wire, image: ImageName): Promise<Stored | undefined> {
  const reply = await manifest(wire, 'GET', image);
  if (reply === undefined) return undefined;
  const where = familiarName(image);
  const digest = verifiedDigest(reply, image);
  const parsed = parse(reply, image);
  const stored = { digest, mediaType: parsed.mediaType, body: reply.body };
  if (parsed.kind === 'image') {
    const config = await readConfig(wire, image, parsed.config.digest);
    return { ...stored, platforms: platformOfConfig(config, digest, where), labels: [labelsOf(config)] };
  }
  const children = parsed.manifests.filter(
    ({ annotations }) => annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest',
  );
  if (children.length > MOST_IMAGES) {
    throw new RegistryError(
      'invalid',
      `${where} is an index of ${children.length} images, too many to look at.`,
    );
  }
  const labels = await Promise.all(
    children.map((child) => readLabels(wire, { ...image, digest: child.digest })),
  );
  return { ...stored, platforms: platformsOfIndex(parsed.manifests), labels };
}

/** Puts a manifest under the image's tag, in the repository that has it. */
export async function putTag(wire: Wire, image: ImageName, stored: Stored): Promise<void> {
  const reply = await wire(image, {
    method: 'PUT',
    path: `/v2/${image.repository}/manifests/${image.tag ?? 'latest'}`,
    headers: { 'content-type': stored.mediaType },
    body: stored.body,
  });
  if (reply.status < 300) return;
  const words = wordsOf(reply.body);
  // ECR, Google, Harbor and Quay say so in words of their own, under different codes.
  if (/immutable|cannot be overwritten|ImageTagAlreadyExists/i.test(words)) {
    throw new RegistryError(
      'immutable',
      `${image.registry} does not let the tag ${familiarName(image)} be moved.`,
    );
  }
  throw unexpected({ image }, reply);
}

async function readLabels(wire: Wire, image: ImageName): Promise<Stored['labels'][number]> {
  const reply = await manifest(wire, 'GET', image);
  const parsed = reply && parse(reply, image);
  if (reply === undefined || parsed?.kind !== 'image') throw lacking(image, image.digest);
  verifiedDigest(reply, image);
  return labelsOf(await readConfig(wire, image, parsed.config.digest));
}

async function manifest(wire: Wire, method: 'GET' | 'HEAD', image: ImageName): Promise<Reply | undefined> {
  const reference = image.digest ?? image.tag ?? 'latest';
  const path = `/v2/${image.repository}/manifests/${reference}`;
  const reply = await wire(image, { method, path, headers: { accept: ACCEPT } });
  if (reply.status === 404) return undefined;
  if (reply.status !== 200) throw unexpected({ image }, reply);
  return reply;
}

function parse(reply: Reply, image: ImageName): Manifest {
  return parseManifest(reply.body.toString('utf8'), reply.header('content-type'), familiarName(image));
}

async function readConfig(wire: Wire, image: ImageName, digest: string): Promise<string> {
  const reply = await wire(image, { method: 'GET', path: `/v2/${image.repository}/blobs/${digest}` });
  const actual = `sha256:${createHash('sha256').update(reply.body).digest('hex')}`;
  if (reply.status !== 200 || actual !== digest) throw lacking(image, digest);
  return reply.body.toString('utf8');
}

function lacking(image: ImageName, digest: string | undefined): RegistryError {
  return new RegistryError(
    'invalid',
    `${familiarName(image)} names ${digest}, which its registry does not have.`,
  );
}

/** `config.Labels` of an image's config; a strange one has none. */
function labelsOf(text: string): Readonly<Record<string, string>> {
  try {
    const json = JSON.parse(text) as { readonly config?: { readonly Labels?: unknown } | null } | null;
    const labels = json?.config?.Labels;
    if (typeof labels !== 'object' || labels === null) return {};
    return Object.fromEntries(
      Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {};
  }
}
