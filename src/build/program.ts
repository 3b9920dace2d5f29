import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { UserError } from '../model/error.ts';
import type { Environment } from '../process/environment.ts';

/** What builds the image on this runner. */
export type Program =
  | { readonly kind: 'buildx'; readonly file: string; readonly before: readonly string[] }
  | { readonly kind: 'buildah' };

/**
 * buildx as Docker's plugin or, without Docker's client, by itself; else buildah. buildx goes first wherever it
 * is: it honours every input, and with BUILDKIT_HOST it needs no daemon of Docker's.
 *
 * @throws UserError when there is none
 */
export function findProgram(environment: Environment): Program {
  if (isOnPath('docker', environment)) return { kind: 'buildx', file: 'docker', before: ['buildx'] };
  const alone = ['docker-buildx', 'buildx'].find((name) => isOnPath(name, environment));
  if (alone !== undefined) return { kind: 'buildx', file: alone, before: [] };
  if (isOnPath('buildah', environment)) return { kind: 'buildah' };
  throw new UserError(
    environment['BUILDKIT_HOST']
      ? 'BUILDKIT_HOST names a BuildKit, and nothing on PATH can speak to it: the program docker, or buildx alone, is needed. Add the step `- uses: docker/setup-buildx-action@v3` before this one; no Docker daemon is needed.'
      : 'The program docker is not on PATH: the image is built with it. Use a runner that has Docker, for example ubuntu-latest. Without Docker, buildah does too, or buildx with BUILDKIT_HOST.',
  );
}

function isOnPath(name: string, environment: Environment): boolean {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  return (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .some((folder) => suffixes.some((suffix) => isProgram(join(folder, name + suffix))));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
