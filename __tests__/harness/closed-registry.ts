import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pushImage } from '../cluster/image.ts';
import { startRegistry } from '../cluster/registry.ts';
import { compile, REPOSITORY } from './images.ts';

const user = 'octocat';
const password = 'correct-horse';

/** A registry that asks for a login, with one good image in it. */
export interface ClosedRegistry {
  readonly host: string;
  readonly image: string;
  /** As inputs. */
  readonly login: { readonly username: string; readonly password: string };
  /** The arguments of the kubectl that makes the secret for the pods. */
  pullSecret(name: string): readonly string[];
  stop(): Promise<void>;
}

/** Starts one; its data lies in the folder. */
export async function startClosedRegistry(folder: string): Promise<ClosedRegistry> {
  const dir = join(folder, 'registry');
  mkdirSync(dir);
  const { host, stop } = await startRegistry({ dir, htpasswd: { user, password } });
  const { app } = await compile();
  const repository = `${host}/${REPOSITORY}`;
  const args = ['-version', 'closed'];
  const digest = await pushImage({
    reference: `${repository}:1`,
    program: app,
    args,
    login: { user, password },
  });
  const credentials = [
    `--docker-server=${host}`,
    `--docker-username=${user}`,
    `--docker-password=${password}`,
  ];
  return {
    host,
    image: `${repository}@${digest}`,
    login: { username: user, password },
    pullSecret: (name) => ['create', 'secret', 'docker-registry', name, ...credentials],
    stop,
  };
}
