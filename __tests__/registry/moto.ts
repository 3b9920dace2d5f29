/** Amazon's API as moto answers it: a real server, in a Python environment in the tests' cache. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../cluster/addresses.ts';
import { cache, machinePath } from '../cluster/place.ts';

const PACKAGES = ['moto==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5'];

export interface Moto {
  readonly url: string;
  /** One unsigned call of an API that takes forms (IAM). */
  form(parameters: Readonly<Record<string, string>>): Promise<string>;
  /** From now on every call must be signed by a user who may do what it asks. */
  checkSignatures(): Promise<void>;
  /** The names of the repositories of ECR. */
  repositories(region: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** undefined: there is no Python here, and that was said; with CI=true it is an error. */
export async function startMoto(): Promise<Moto | undefined> {
  const program = install();
  if (program === undefined) return undefined;
  const port = await freePort();
  const child = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    // From the first call on everybody may do everything, until `checkSignatures`.
    env: { PATH: machinePath(), INITIAL_NO_AUTH_ACTION_COUNT: '1000' },
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}`;
  const post = async (
    path: string,
    body: string | URLSearchParams,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<string> => await (await fetch(`${url}${path}`, { method: 'POST', body, headers })).text();
  while (!(await fetch(`${url}/moto-api/`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error(`moto ended with code ${child.exitCode}.`);
    await sleep(100);
  }
  const checkSignatures = async (): Promise<void> => void (await post('/moto-api/reset-auth', '0'));
  return {
    url,
    form: (parameters) =>
      post('/', new URLSearchParams({ Version: '2010-05-08', ...parameters }), unsigned('iam', 'us-east-1')),
    checkSignatures,
    repositories: async (region) => {
      await post('/moto-api/reset-auth', '1');
      const headers = {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.DescribeRepositories',
        ...unsigned('ecr', region),
      };
      const answer = await post('/', '{}', headers);
      await checkSignatures();
      const { repositories } = JSON.parse(answer) as {
        readonly repositories: readonly { readonly repositoryName: string }[];
      };
      return repositories.map(({ repositoryName }) => repositoryName);
    },
    stop: async () => {
      process.removeListener('exit', kill);
      kill();
      await ended;
    },
  };
}

/** Which service is meant moto reads from the signature's scope. */
function unsigned(service: string, region: string): { readonly authorization: string } {
  const scope = `Credential=x/20260101/${region}/${service}/aws4_request`;
  return { authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=x` };
}

function install(): string | undefined {
  const folder = join(cache(), 'moto-5.2.5');
  const program = join(folder, 'bin', 'moto_server');
  if (existsSync(program)) return program;
  const python = (...args: readonly string[]) => spawnSync('python3', args, { encoding: 'utf8' });
  if (python('-c', 'import venv, ensurepip').status !== 0) {
    const words = 'No Python with venv is here: the tests of Amazon ECR against moto are skipped.';
    if (process.env['CI'] === 'true') throw new Error(words);
    console.log(words);
    return undefined;
  }
  // The scripts name their folder, so it is made where it stays, and a half-made one is made anew.
  rmSync(folder, { recursive: true, force: true });
  const made = python('-m', 'venv', folder);
  const pip = join(folder, 'bin', 'pip');
  const installed = spawnSync(pip, ['install', '--quiet', '--disable-pip-version-check', ...PACKAGES], {
    encoding: 'utf8',
  });
  if (made.status === 0 && installed.status === 0) return program;
  rmSync(folder, { recursive: true, force: true });
  throw new Error(`moto could not be installed: ${made.stderr}${installed.stderr}`);
}
