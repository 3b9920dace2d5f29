import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../../model/error.ts';
import type { Environment } from '../../process/environment.ts';
import { missingCheckout } from '../context.ts';
import { isOurs } from '../secrets.ts';

/** What bake reads when it is given no file: bake/bake.go of buildx, and compose's own names. */
const BY_ITSELF = [
  'compose.yaml',
  'compose.yml',
  'docker-compose.yml',
  'docker-compose.yaml',
  'docker-bake.json',
  'docker-bake.hcl',
  'docker-bake.override.json',
  'docker-bake.override.hcl',
];

/**
 * The bake files' texts.
 *
 * @throws UserError for each that is not there
 */
export function readBakeFiles(files: readonly string[], directory: string): readonly string[] {
  const given = files.map((file) => ({ file, path: resolve(directory, file) }));
  const missing = given.filter(({ path }) => !existsSync(path));
  const found = BY_ITSELF.map((name) => join(directory, name)).filter(existsSync);
  const there =
    found.length === 0
      ? ''
      : ` There is ${found.map((path) => path.slice(directory.length + 1)).join(', ')}.`;
  if (missing.length > 0) {
    throw new UserError(
      missing.map(
        ({ file, path }) =>
          `There is no bake file ${path}. The input bake-file (${JSON.stringify(file)}) starts from ${directory}.${there}`,
      ),
    );
  }
  const paths = given.length === 0 ? found : given.map(({ path }) => path);
  if (paths.length === 0) {
    throw new UserError(
      existsSync(join(directory, '.git'))
        ? `There is no bake file in ${directory}: bake looks for ${BY_ITSELF.join(', ')}. The input bake-file names another.`
        : missingCheckout(directory),
    );
  }
  return paths.map(readText);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`The bake file ${path} can not be read.`, { cause: error });
  }
}

/**
 * The variables of the job that a bake file names: `variable "TAG" {}` takes its value from the environment. No
 * other reaches bake. What is a name and what only looks like one is not told apart: the file is the repository's.
 */
export function variablesIn(
  texts: readonly string[],
  environment: Environment,
): Readonly<Record<string, string>> {
  const words = new Set(texts.flatMap((text) => text.match(/[A-Za-z_]\w*/g) ?? []));
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && words.has(name) && !isOurs(name) ? [[name, value]] : [],
    ),
  );
}
