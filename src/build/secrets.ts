import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { UserError } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import type { Environment } from '../process/environment.ts';
import type { BuildInputs } from './inputs.ts';

/** A secret of the build, and where buildx finds its value: never on the command line. */
export type SecretSource =
  | { readonly id: string; readonly file: string }
  | { readonly id: string; readonly variable: string };

/** What ends a field or an option in the CSV of `--secret` must not be in an id. */
const ID = /^[\w.-]+$/;

/**
 * Lays the secrets where buildx reads them: values as files that only this user reads, in a folder that is
 * removed after the build.
 */
export async function placeSecrets(args: {
  readonly inputs: BuildInputs;
  readonly folder: string;
  readonly directory: string;
  readonly environment: Environment;
  readonly log: Log;
}): Promise<readonly SecretSource[]> {
  const { inputs, folder, directory, environment, log } = args;
  const mistakes: string[] = [];
  const files = new Map<string, string>();
  const sources: SecretSource[] = [];
  const split = (entries: readonly string[], name: string, form: string): (readonly [string, string])[] =>
    entries.flatMap((entry, index) => {
      const equals = entry.indexOf('=');
      const id = entry.slice(0, Math.max(equals, 0)).trim();
      if (equals > 0 && ID.test(id)) return [[id, entry.slice(equals + 1)] as const];
      // The entry itself may be a secret whose id was forgotten: only its place is told.
      mistakes.push(
        `Line ${index + 1} of the input ${name} is not of the form ${form}: the id has letters, digits, "_", "." and "-".`,
      );
      return [];
    });
  for (const [id, value] of split(inputs.secrets, 'secrets', '"id=value"')) {
    if (value === '') {
      // As build-push-action: a pull request from a fork gets no secrets, and its build may do without.
      log.warning(`The secret "${id}" of the input secrets is empty and is not given to the build.`);
      continue;
    }
    log.secret(value);
    files.set(join(folder, `secret-${files.size}`), value);
    sources.push({ id, file: join(folder, `secret-${files.size - 1}`) });
  }
  for (const [id, path] of split(inputs.secretFiles, 'secret-files', '"id=path"')) {
    const file = isAbsolute(path) ? path : join(directory, path);
    if (existsSync(file)) sources.push({ id, file });
    else mistakes.push(`The file ${file} of the secret "${id}" (input secret-files) does not exist.`);
  }
  for (const [id, variable] of split(inputs.secretEnvs, 'secret-envs', '"id=VARIABLE"')) {
    if (isOurs(variable)) {
      mistakes.push(
        `The input secret-envs names ${variable}, which holds what only this step may read. Use secrets for "${id}".`,
      );
    } else if (environment[variable] === undefined) {
      mistakes.push(
        `The variable ${variable} of the secret "${id}" (input secret-envs) is not set: give it to the step with env.`,
      );
    } else {
      sources.push({ id, variable });
    }
  }
  if (mistakes.length > 0) throw new UserError(mistakes);
  await Promise.all([...files].map(([file, value]) => writeFile(file, value, { mode: 0o600, flag: 'wx' })));
  return sources;
}

/**
 * Variables that the user named and the build therefore gets: those of `secret-envs`, and of build-args
 * without a value, which docker fills in from its own environment.
 */
export function namedVariables(
  inputs: BuildInputs,
  secrets: readonly SecretSource[],
  environment: Environment,
): Record<string, string> {
  const names = [
    ...secrets.flatMap((secret) => ('variable' in secret ? [secret.variable] : [])),
    ...inputs.buildArgs.filter((argument) => !argument.includes('=')),
  ];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name];
      return value === undefined || isOurs(name) ? [] : [[name, value]];
    }),
  );
}

/** The step's inputs and the runner's own tokens, whoever asks. */
export function isOurs(name: string): boolean {
  return /^(?:INPUT_|STATE_|ACTIONS_)/i.test(name);
}
