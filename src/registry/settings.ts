import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '../model/error.ts';
import type { Environment } from '../process/environment.ts';

/** The user's docker configuration, as `docker login` and others left it on this machine. */
export interface DockerSettings {
  /** The folder; it need not exist. */
  readonly directory: string | undefined;
  readonly file: string | undefined;
  /** All of config.json, also what we do not know: it is copied for docker as it is. */
  readonly json: Readonly<Record<string, unknown>>;
}

/**
 * Reads `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`. `DOCKER_AUTH_CONFIG` (docker 28.3 and
 * GitLab's runners) lies on top of it: docker takes it before the file and before any helper.
 */
export function readDockerSettings(environment: Environment): DockerSettings {
  const home = environment['HOME'] || environment['USERPROFILE'];
  const directory = environment['DOCKER_CONFIG'] || (home ? join(home, '.docker') : undefined);
  const file = directory === undefined ? undefined : join(directory, 'config.json');
  const text = file === undefined ? undefined : readIfThere(file);
  const json = text === undefined || text.trim() === '' ? {} : parse(text, `Docker's configuration ${file}`);
  const fromEnvironment = environment['DOCKER_AUTH_CONFIG'];
  if (!fromEnvironment) return { directory, file, json };
  const auths = recordOf(parse(fromEnvironment, 'The variable DOCKER_AUTH_CONFIG')['auths']);
  return { directory, file, json: withLogins(json, auths) };
}

/**
 * The settings with these `auths` on top. A credential helper or store would be asked before them, so the
 * hosts get a helper without a name, which docker reads as "the file":
 * https://github.com/docker/cli/blob/v28.5.2/cli/config/configfile/file.go (getConfiguredCredentialStore).
 */
export function withLogins(
  json: Readonly<Record<string, unknown>>,
  auths: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const helpers = Object.fromEntries(Object.keys(auths).map((host) => [host, '']));
  return {
    ...json,
    auths: { ...recordOf(json['auths']), ...auths },
    credHelpers: { ...recordOf(json['credHelpers']), ...helpers },
  };
}

/** The names under which docker's tools keep the login of a registry; the first is docker's own. */
export function loginKeys(registry: string): readonly string[] {
  return registry === 'docker.io'
    ? ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io']
    : [registry];
}

/** The credential helper for a registry; undefined: its login lies in the file. */
export function helperOf(json: Readonly<Record<string, unknown>>, registry: string): string | undefined {
  const helpers = recordOf(json['credHelpers']);
  for (const key of loginKeys(registry)) {
    const helper = helpers[key];
    if (typeof helper === 'string') return helper || undefined;
  }
  return typeof json['credsStore'] === 'string' && json['credsStore'] !== '' ? json['credsStore'] : undefined;
}

/** The entry of `auths` for a registry, whatever form its key has: old logins wrote `https://host/v1/`. */
export function authOf(
  json: Readonly<Record<string, unknown>>,
  registry: string,
): Readonly<Record<string, unknown>> | undefined {
  const auths = recordOf(json['auths']);
  const keys = loginKeys(registry);
  const exact = keys.find((key) => key in auths);
  const key = exact ?? Object.keys(auths).find((name) => keys.includes(hostOf(name)));
  return key === undefined ? undefined : recordOf(auths[key]);
}

/** Every helper that docker may start with these settings. */
export function allHelpers(json: Readonly<Record<string, unknown>>): string[] {
  const names = [...Object.values(recordOf(json['credHelpers'])), json['credsStore']];
  return [...new Set(names.filter((name): name is string => typeof name === 'string' && name !== ''))];
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').split('/')[0] ?? '';
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new UserError(`Docker's configuration ${file} can not be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

function parse(text: string, what: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json))
      return json as Record<string, unknown>;
  } catch {
    // A parser's message quotes the text, and the text holds passwords.
  }
  throw new UserError(`${what} is no JSON object. Mend it, or remove it and log in again.`);
}
