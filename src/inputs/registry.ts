import type { Reader } from './reader.ts';

/** A host with an optional port, as an image name bears it. */
const HOST = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:\d{1,5})?$/i;

/**
 * Reads `registry` in the forms that docker/login-action takes: a host, or an address with scheme and path, of
 * which the host is what counts.
 *
 * @returns the host as image names bear it; undefined: that of `image`
 */
export function readRegistry(reader: Reader): string | undefined {
  const value = reader.text('registry');
  if (value === undefined) return undefined;
  const host = value
    .replace(/^https?:\/\//i, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
  if (!HOST.test(host)) {
    reader.mistake(
      `registry: ${JSON.stringify(value)} is no host. Write, for example, ghcr.io or registry.example.com:5000.`,
    );
    return undefined;
  }
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}
