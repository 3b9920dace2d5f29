import { createHash } from 'node:crypto';
import type { ImageName } from '../../src/model/image.ts';
import { parseImage } from '../../src/model/image.ts';
import { RegistryError } from '../../src/registry/error.ts';
import { failureOf } from '../process/fakes.ts';
import type { Answer } from './wire.ts';

export const INDEX = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [
    { digest: `sha256:${'1'.repeat(64)}`, platform: { os: 'linux', architecture: 'amd64' } },
    { digest: `sha256:${'2'.repeat(64)}`, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    {
      digest: `sha256:${'3'.repeat(64)}`,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    },
  ],
};
export const CONFIG = `sha256:${'c'.repeat(64)}`;
export const MANIFEST = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: { digest: CONFIG },
};
export const INDEX_DIGEST = digestOf(INDEX);

export function digestOf(body: object): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(body)).digest('hex')}`;
}

export function image(host: string, rest = 'acme/shop:v1'): ImageName {
  return parseImage(`${host}/${rest}`).image;
}

export function refusal(status: number, code: string, message = ''): Answer {
  return { status, body: { errors: [{ code, message }] } };
}

export async function registryError(action: () => unknown): Promise<RegistryError> {
  const error = await failureOf(action);
  if (error instanceof RegistryError) return error;
  throw error;
}
