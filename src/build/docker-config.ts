import { existsSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../model/log.ts';
import type { Environment } from '../process/environment.ts';
import { makePrivateFolder } from '../process/folder.ts';
import { basic, INPUTS_ORIGIN, type Login } from '../registry/credentials.ts';
import {
  allHelpers,
  authOf,
  helperOf,
  loginKeys,
  readDockerSettings,
  withLogins,
} from '../registry/settings.ts';

/** A private folder with our logins in it and all that the user configured; gone after `close`. */
export interface DockerConfig {
  readonly directory: string;
  /** What docker's children get on top: DOCKER_CONFIG, BUILDX_CONFIG. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the credential helpers that docker may run, for their variables. */
  readonly helpers: readonly string[];
  /** With what docker logs in to a registry, for the sentence when that is refused. */
  readonly loginOf: (registry: string) => { readonly username?: string; readonly origin: string } | undefined;
  close(): Promise<void>;
}

/**
 * What docker looks for beside config.json. They are linked, not copied: contexts and plugins that the user
 * adds meanwhile count. The three files are the client's certificate, which docker seeks there when
 * DOCKER_TLS_VERIFY is set without DOCKER_CERT_PATH.
 */
const LINKED = ['contexts', 'cli-plugins', 'ca.pem', 'cert.pem', 'key.pem'];

/**
 * `docker login` would write the password into the user's own file and leave it there for the next job of a
 * self-hosted runner. So docker gets a configuration of its own: the user's, with our logins on top.
 */
export async function openDockerConfig(args: {
  readonly logins: readonly Login[];
  readonly environment: Environment;
  readonly log: Log;
}): Promise<DockerConfig> {
  const { logins, environment, log } = args;
  const settings = readDockerSettings(environment);
  const auths = Object.fromEntries(
    logins.flatMap(({ registry, username, password }) => {
      const auth = basic(username, password);
      log.secret(password);
      log.secret(auth);
      return loginKeys(registry).map((key) => [key, { auth }]);
    }),
  );
  const json = withLogins(settings.json, auths);
  const folder = await makePrivateFolder(environment, 'docker');
  try {
    await writeFile(join(folder.path, 'config.json'), JSON.stringify(json), { mode: 0o600 });
    const { directory } = settings;
    if (directory !== undefined) {
      const there = LINKED.filter((name) => existsSync(join(directory, name)));
      await Promise.all(
        there.map((name) => symlink(join(directory, name), join(folder.path, name), 'junction')),
      );
    }
    // Builders that the user made (docker/setup-buildx-action) live here; without any, buildx's own notes go
    // into our folder and leave no trace.
    const builders =
      environment['BUILDX_CONFIG'] || (directory === undefined ? '' : join(directory, 'buildx'));
    return {
      directory: folder.path,
      environment: {
        DOCKER_CONFIG: folder.path,
        ...(builders !== '' && existsSync(builders) ? { BUILDX_CONFIG: builders } : {}),
      },
      helpers: allHelpers(json),
      loginOf: (registry) => {
        const given = logins.find((login) => login.registry === registry);
        if (given !== undefined) return { username: given.username, origin: given.origin ?? INPUTS_ORIGIN };
        const helper = helperOf(json, registry);
        if (helper !== undefined) return { origin: `docker-credential-${helper}` };
        return authOf(json, registry) === undefined
          ? undefined
          : { origin: settings.file ?? 'DOCKER_AUTH_CONFIG' };
      },
      close: folder.remove,
    };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}
