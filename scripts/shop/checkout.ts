/** A checkout of the shop: a real git repository whose commits are the versions that are shipped. */
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandOptions, run } from './command.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/shop', import.meta.url));
const CHANGES = fileURLToPath(new URL('changes', import.meta.url));

/** The versions that come after the first, each a patch upon the one before. */
export type Change = 'v2' | 'v3';

/** What a machine's own git configuration says (signing, hooks) must not reach the shop's commits. */
const GIT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Octo Cat',
  GIT_AUTHOR_EMAIL: 'octocat@example.com',
  GIT_COMMITTER_NAME: 'Octo Cat',
  GIT_COMMITTER_EMAIL: 'octocat@example.com',
};

export class Checkout {
  readonly folder: string;
  readonly #options: CommandOptions;

  constructor(folder: string, signal?: AbortSignal) {
    this.folder = folder;
    this.#options = { cwd: folder, env: GIT, signal };
  }

  /** Makes the repository with v1 as its first commit. */
  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await cp(EXAMPLE, this.folder, { recursive: true, filter: (path) => path !== join(EXAMPLE, 'bin') });
    await this.git('init', '--quiet', '--initial-branch', 'main');
    await this.git('remote', 'add', 'origin', 'https://github.com/acme/shop.git');
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--message', 'Open the shop');
  }

  /** Commits the next version. */
  async commit(change: Change): Promise<void> {
    await this.git('am', '--quiet', join(CHANGES, `${change}.patch`));
  }

  /** Compiles the program for the cluster's nodes, as the step before SteadyShip does it. */
  async compile(): Promise<void> {
    await run('go', ['build', '-trimpath', '-o', 'bin/shop', '.'], {
      ...this.#options,
      env: { CGO_ENABLED: '0', GOOS: 'linux', GOWORK: 'off', GOFLAGS: '' },
    });
  }

  async git(...args: readonly string[]): Promise<string> {
    return (await run('git', args, this.#options)).trim();
  }
}
