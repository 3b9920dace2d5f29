import { createHash } from 'node:crypto';
import { familiarName, type ImageName } from '../model/image.ts';
import type { Wish } from './authorization.ts';
import { RegistryError } from './error.ts';
import type { Reply } from './http.ts';
import { wordsOf } from './words.ts';

/** An answer that no rule of the protocol foresees. */
export function unexpected(wish: Pick<Wish, 'image'>, reply: Reply): RegistryError {
  const words = wordsOf(reply.body);
  return new RegistryError(
    'invalid',
    `${wish.image.registry} answered with ${reply.status} when asked about ${familiarName(wish.image)}${words === '' ? '' : `: "${words.slice(0, 200)}"`}.`,
  );
}

/**
 * The digest that the body really has, held against what was asked for and what the registry claims: what is
 * deployed by digest is only as good as this.
 */
export function verifiedDigest(reply: Reply, image: ImageName): string {
  const claimed = image.digest ?? reply.header('docker-content-digest');
  const algorithm = claimed?.split(':')[0];
  const name = algorithm === 'sha384' || algorithm === 'sha512' ? algorithm : 'sha256';
  const actual = `${name}:${createHash(name).update(reply.body).digest('hex')}`;
  if (claimed !== undefined && claimed !== actual) {
    throw new RegistryError(
      'invalid',
      `${image.registry} sent something else than ${familiarName(image)}: its digest should be ${claimed} and is ${actual}. A proxy in between may change it; do not deploy it.`,
    );
  }
  return actual;
}
