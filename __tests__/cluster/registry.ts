/** An image registry on the loopback, plain HTTP: the cluster's own, and others that a test wants. */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './addresses.ts';
import { packages } from './packages.ts';
import { machinePath, place } from './place.ts';
import { mark } from './process.ts';

export interface RegistryOptions {
  /** Its data, configuration and log. */
  readonly dir: string;
  /** Who may use it; without, everybody. */
  readonly htpasswd?: { readonly user: string; readonly password: string };
  /** A token service that it trusts instead; see the registry's `auth.token`. */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly rootcertbundle: string;
  };
  /** The address of another registry, whose mirror it is. */
  readonly mirrorOf?: string;
}

export interface Registry {
  /** `127.0.0.1:20123`, as pushers, the cluster's containerd and Docker name it. */
  readonly host: string;
  stop(): Promise<void>;
}

/** A registry besides the cluster's, for one test: it ends with `stop`, with this process, or with `down`. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const program = (await packages(() => undefined)).registry;
  const port = await freePort();
  const config = configureRegistry(options, port);
  const log = openSync(join(options.dir, 'registry.log'), 'a');
  const env = { PATH: machinePath(), ...mark(place()) };
  const child = spawn(program, ['serve', config], { stdio: ['ignore', log, log], env });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  child.unref();
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (child.exitCode !== null || tries > 100) {
      kill();
      throw new Error(
        `The registry does not answer: ${readFileSync(join(options.dir, 'registry.log'), 'utf8')}`,
      );
    }
    await sleep(50);
  }
  const stop = async (): Promise<void> => {
    process.removeListener('exit', kill);
    kill();
    child.ref();
    await ended;
  };
  return { host: `127.0.0.1:${port}`, stop };
}

/** Whether a registry answers, be it by asking who one is. */
export async function answers(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/v2/`, { signal: AbortSignal.timeout(2000) }).catch(
    () => undefined,
  );
  return response?.ok === true || response?.status === 401;
}

/** Writes the configuration and returns its path. */
export function configureRegistry({ dir, htpasswd, token, mirrorOf }: RegistryOptions, port: number): string {
  mkdirSync(join(dir, 'data'), { recursive: true });
  const users = join(dir, 'htpasswd');
  if (htpasswd) writeFileSync(users, `${htpasswd.user}:${bcrypt(htpasswd.password)}\n`, { mode: 0o600 });
  const config = {
    version: 0.1,
    log: { level: 'info', formatter: 'text' },
    storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: randomBytes(16).toString('hex') },
    ...(htpasswd && { auth: { htpasswd: { realm: 'steadyship-test', path: users } } }),
    ...(token && { auth: { token } }),
    ...(mirrorOf && { proxy: { remoteurl: mirrorOf } }),
  };
  const path = join(dir, 'registry.yml');
  // JSON is YAML too.
  writeFileSync(path, JSON.stringify(config, null, 2));
  return path;
}

/** The registry reads bcrypt alone. Node has none; the C library has, and perl, on every Debian, calls it. */
function bcrypt(password: string): string {
  const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const salt = [...randomBytes(21)].map((byte) => alphabet[byte & 63]).join('');
  const args = ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, `$2y$05$${salt}.`];
  const { stdout, stderr } = spawnSync('perl', args, { encoding: 'utf8' });
  if (!stdout.startsWith('$2y$')) throw new Error(`perl did not make a bcrypt hash: ${stderr || stdout}`);
  return stdout;
}
