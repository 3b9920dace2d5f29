import { readFile } from 'node:fs/promises';
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
  const current = (await readJson(join(folder, 'current')))['Name'];
  const name = builder || environment['BUILDX_BUILDER'] || current;
  if (typeof name !== 'string' || name === '' || name === 'default') return;
  const { Driver, Nodes } = /^[\w.-]+$/.test(name) ? await readJson(join(folder, 'instances', name)) : {};
  const local =
    Driver === 'docker-container' &&
    Array.isArray(Nodes) &&
    Nodes.every(
      (node) => /^(?:unix:.*|default)$/.test(String(at(node, 'Endpoint'))) && isEmpty(at(node, 'Platforms')),
    );
  if (!local) throw doubt(`the builder ${name}`);
}

/** Nothing where there is no file; a file that can not be read is one that says something else. */
async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Doubt(`Docker's file ${path} can not be read`);
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
