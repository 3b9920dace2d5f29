import { isDigest } from '../model/image.ts';

/**
 * The digest in buildx's metadata file: of the index or manifest that was pushed.
 *
 * The descriptor is the exporter's own word. `containerimage.digest` is the same with every other driver, but
 * with Docker's it is what the daemon found for the tag after the push, which may be an older image that bore
 * the tag (seen with buildx 0.13: an index pushed before under the same tag). Docker's old image store writes
 * no descriptor; there the tag's digest is all there is.
 *
 * @param target of a bake, whose file has an entry for each; undefined: a build of one image
 */
export function readDigest(metadata: string, target?: string): string {
  const whole: unknown = JSON.parse(metadata);
  const json = target === undefined ? whole : field(whole, target);
  const digest =
    field(field(json, 'containerimage.descriptor'), 'digest') ?? field(json, 'containerimage.digest');
  if (typeof digest === 'string' && isDigest(digest)) return digest;
  throw new Error(
    `buildx wrote no digest of the pushed image${target === undefined ? '' : ` of target ${target}`} into its metadata file: ${metadata.slice(0, 500)}`,
  );
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
