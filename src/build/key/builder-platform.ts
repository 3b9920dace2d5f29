import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../../process/environment.ts';
import type { BuildInputs } from '../inputs.ts';
import { Doubt } from './doubt.ts';

/**
 * Without `platforms` an image is built for the machine that the builder runs on. That is this one, unless a
 * builder or daemon elsewhere is chosen, of which nothing is known without asking it.
 *
 * @throws Doubt when the builder may run elsewhere
 */
export async function refuseBuilderElsewhere(
  { platforms, builder }: Pick<BuildInputs, 'platforms' | 'builder'>,
  environment: Environment,
): Promise<void> {
  if (platforms.length > 0) return;
  const doubt = (what: string): Doubt =>
    new Doubt(
      `${what} may run on a machine of another kind, and \`platforms\` does not say what to build for`,
    );
  const host = environment['DOCKER_HOST'] ?? '';
  if (host !== '' && !host.startsWith('unix:')) throw doubt(`the Docker daemon at ${host}`);
  const kit = environment['BUILDKIT_HOST'] ?? '';
  if (kit !== '' && !kit.startsWith('unix:')) throw doubt(`the BuildKit at ${kit}`);
  const home = join(environment['HOME'] ?? '', '.docker');
  const config = environment['DOCKER_CONFIG'] || home;
  const { currentContext } = await readJson(join(config, 'config.json'));
  const context = environment['DOCKER_CONTEXT'] || (host === '' ? currentContext : undefined);
  if (typeof context === 'string' && context !== '' && context !== 'default') {
    throw doubt(`the Docker context ${context}`);
  }
  const folder = environment['BUILDX_CONFIG'] || join(config, 'buildx');
  const chosen = builder || environment['BUILDX_BUILDER'];
  for (const name of chosen ? [chosen] : await usedBuilders(folder)) {
    if (name === '' || name === 'default') continue;
    const instance = /^[\w.-]+$/.test(name) ? await readJson(join(folder, 'instances', name)) : {};
    if (!isLocal(instance)) throw doubt(`the builder ${name}`);
  }
}

/**
 * What `docker buildx use` chose: the current builder, and with `--default` one for each daemon. Which of them it
 * takes depends on the daemon; all are looked at.
 *
 * @see https://github.com/docker/buildx/blob/v0.13.1/store/store.go
 */
async function usedBuilders(folder: string): Promise<readonly string[]> {
  const { Name } = await readJson(join(folder, 'current'));
  const defaults = join(folder, 'defaults');
  const names = await Promise.all(
    (await readdir(defaults).catch(nothingThere(defaults, []))).map((file) =>
      readFile(join(defaults, file), 'utf8').catch(nothingThere(defaults, '')),
    ),
  );
  return [...(typeof Name === 'string' ? [Name] : []), ...names];
}

function isLocal({ Driver, Nodes }: Readonly<Record<string, unknown>>): boolean {
  return (
    Driver === 'docker-container' &&
    Array.isArray(Nodes) &&
    Nodes.every(
      (node) => /^(?:unix:.*|default)$/.test(String(at(node, 'Endpoint'))) && isEmpty(at(node, 'Platforms')),
    )
  );
}

/** Nothing where there is no file; a file that can not be read is one that says something else. */
async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path, 'utf8').catch(nothingThere(path, '{}'));
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    throw unreadable(path);
  }
}

function nothingThere<T>(path: string, nothing: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return nothing;
    throw unreadable(path);
  };
}

function unreadable(path: string): Doubt {
  return new Doubt(`Docker's file ${path} can not be read`);
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
