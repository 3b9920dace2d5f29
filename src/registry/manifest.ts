import { RegistryError } from './error.ts';

/** What an image can run on, and the digest of the manifest that does. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly digest: string;
}

export interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size?: number;
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest as the registry sent it: of one image, or an index of several. */
export type Manifest =
  | { readonly kind: 'index'; readonly mediaType: string; readonly manifests: readonly Descriptor[] }
  | {
      readonly kind: 'image';
      readonly mediaType: string;
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
    };

export const INDEX_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
] as const;
export const IMAGE_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

/** A registry that is not told of indexes answers with one platform's manifest, whose digest is another. */
export const ACCEPT = [...INDEX_TYPES, ...IMAGE_TYPES].join(', ');

/** `contentType` decides when the body bears no mediaType, as the OCI specification allows. */
export function parseManifest(body: string, contentType: string | undefined, where: string): Manifest {
  const json = parseJson(body, where);
  const declared =
    typeof json['mediaType'] === 'string' ? json['mediaType'] : contentType?.split(';')[0]?.trim();
  if (Array.isArray(json['manifests'])) {
    return {
      kind: 'index',
      mediaType: declared ?? INDEX_TYPES[0],
      manifests: json['manifests'].filter(isDescriptor),
    };
  }
  if (isDescriptor(json['config'])) {
    return {
      kind: 'image',
      mediaType: declared ?? IMAGE_TYPES[0],
      config: json['config'],
      layers: Array.isArray(json['layers']) ? json['layers'].filter(isDescriptor) : [],
    };
  }
  throw new RegistryError(
    'invalid',
    `${where} is no image that Kubernetes runs: the registry answered with the type "${declared ?? 'unknown'}". Push it again with a current builder.`,
  );
}

/** The platforms of an index. Attestations lie in it as `unknown/unknown`; nothing runs them. */
export function platformsOfIndex(manifests: readonly Descriptor[]): Platform[] {
  return manifests.flatMap(({ platform, digest, annotations }) => {
    if (isAttestation(annotations)) return [];
    if (platform?.os === undefined || platform.architecture === undefined || platform.os === 'unknown')
      return [];
    return [toPlatform(platform.os, platform.architecture, platform.variant, digest)];
  });
}

/** The manifests of an index that a node may pull. */
export function childrenOf(manifests: readonly Descriptor[]): string[] {
  return manifests.filter(({ annotations }) => !isAttestation(annotations)).map(({ digest }) => digest);
}

function isAttestation(annotations: Descriptor['annotations']): boolean {
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

/** The platform in the config of an image that is in no index. */
export function platformOfConfig(body: string, digest: string, where: string): Platform[] {
  const { os, architecture, variant } = parseJson(body, where);
  if (typeof os !== 'string' || typeof architecture !== 'string') return [];
  return [toPlatform(os, architecture, typeof variant === 'string' ? variant : undefined, digest)];
}

/** `linux/arm64`, `linux/arm/v7`. */
export function renderPlatform(platform: Omit<Platform, 'digest'>): string {
  return [platform.os, platform.architecture, platform.variant]
    .filter((part) => part !== undefined)
    .join('/');
}

/**
 * The platforms that the running image had and the new one lacks: nodes of those could not run it. An image
 * that names no platform (some builders leave it out) says nothing either way.
 */
export function platformsLost(
  old: readonly Omit<Platform, 'digest'>[],
  fresh: readonly Omit<Platform, 'digest'>[],
): string[] {
  if (old.length === 0 || fresh.length === 0) return [];
  const has = new Set(fresh.map(renderPlatform));
  return [...new Set(old.map(renderPlatform))].filter((platform) => !has.has(platform)).sort();
}

/**
 * Variants that are the architecture's default are left out, as containerd's `platforms.Normalize` does:
 * `arm64/v8` and `arm64` are one platform, as are `arm` and `arm/v7`.
 */
function toPlatform(os: string, architecture: string, variant: string | undefined, digest: string): Platform {
  const isDefault =
    variant === undefined ||
    variant === '' ||
    (architecture === 'arm64' && (variant === 'v8' || variant === '8'));
  if (isDefault && architecture === 'arm') return { os, architecture, variant: 'v7', digest };
  return isDefault || (architecture === 'amd64' && variant === 'v1')
    ? { os, architecture, digest }
    : { os, architecture, variant, digest };
}

function isDescriptor(value: unknown): value is Descriptor {
  return typeof value === 'object' && value !== null && 'digest' in value && typeof value.digest === 'string';
}

function parseJson(body: string, where: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(body);
    if (typeof json === 'object' && json !== null && !Array.isArray(json))
      return json as Record<string, unknown>;
  } catch (error) {
    throw new RegistryError('invalid', `The registry's answer about ${where} is no JSON.`, { cause: error });
  }
  throw new RegistryError('invalid', `The registry's answer about ${where} is no JSON object.`);
}
