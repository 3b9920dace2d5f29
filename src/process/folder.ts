import { promises, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './environment.ts';

/** A folder that only this user can enter, for secrets that a program wants as files. */
export interface PrivateFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Lies where the runner cleans up after a job, should we be killed; goes with this process otherwise. */
export async function makePrivateFolder(environment: Environment, name: string): Promise<PrivateFolder> {
  // mkdtemp makes it with mode 0700 and a name that nobody can have prepared.
  const path = await promises.mkdtemp(join(environment['RUNNER_TEMP'] || tmpdir(), `steadyship-${name}-`));
  const removeAtExit = (): void => rmSync(path, { recursive: true, force: true });
  process.once('exit', removeAtExit);
  return {
    path,
    remove: async () => {
      await promises.rm(path, { recursive: true, force: true });
      process.removeListener('exit', removeAtExit);
    },
  };
}
