import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { childEnvironment, type Environment, purposesOfHelper } from '../process/environment.ts';
import { CommandNotFound, run } from '../process/run.ts';
import type { AwsKeys } from './aws-credentials.ts';
import type { EcrLogin } from './ecr.ts';
import { type EcrHost, ecrHostOf, registryOfAccount } from './ecr-host.ts';
import { RegistryError } from './error.ts';
import type { Http } from './http.ts';
import { authOf, type DockerSettings, helperOf, readDockerSettings } from './settings.ts';

/** A login that the user gave for one registry. */
export interface Login {
  /** Host as in an image name: `ghcr.io`, `docker.io`, `localhost:5000`. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  /** Where it comes from, as a sentence goes on behind "the login from"; the inputs' names by default. */
  readonly origin?: string;
}

export const INPUTS_ORIGIN = 'the inputs username and password';

/** How to log in, and where that was found, for the sentence when it is refused. */
export type Credential = { readonly origin: string } & (
  | {
      readonly kind: 'password';
      readonly username: string;
      readonly password: string;
      /** It was got for a cloud's credentials: docker does not know it. */
      readonly traded?: true;
    }
  /** What `docker login` got from an OAuth registry (Azure) instead of a password. */
  | { readonly kind: 'refresh-token'; readonly token: string }
);

/** A helper that waits for a person (a keychain's prompt) must not hang the job. */
const HELPER_TIMEOUT = 30_000;
/** What a helper answers for a host that it has nothing for: docker-credential-helpers/credentials/error.go. */
const NOT_FOUND = /credentials not found in native keychain/i;

export interface CredentialsArguments {
  readonly logins: readonly Login[];
  readonly environment: Environment;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** For clouds that trade their own credentials for a login. */
  readonly http: Http;
}

/**
 * Finds the login of a registry: the inputs' first, then what docker on this machine would use, then, for Amazon's,
 * the AWS credentials of the job.
 */
export class Credentials {
  readonly #args: CredentialsArguments;
  readonly #found = new Map<string, Promise<Credential | undefined>>();
  readonly #traded = new Map<string, Promise<EcrLogin | undefined>>();
  #settings: DockerSettings | undefined;

  constructor(args: CredentialsArguments) {
    this.#args = args;
    for (const login of args.logins) mask(args.log, login.username, login.password);
  }

  find(registry: string): Promise<Credential | undefined> {
    const known = this.#found.get(registry) ?? this.#look(registry);
    this.#found.set(registry, known);
    return known;
  }

  async #look(registry: string): Promise<Credential | undefined> {
    const ecr = ecrHostOf(registry);
    const login = this.#args.logins.find((one) => one.registry === registry);
    // The inputs may hold AWS keys for Amazon's registries, as docker/login-action has it.
    const donor =
      login ?? this.#args.logins.find((one) => ecr && ecrHostOf(one.registry)?.region === ecr.region);
    const keys = donor && ecr && awsKeysOf(donor, this.#args.environment);
    if (keys && ecr) return await this.#trade(ecr, keys);
    if (login) return ofLogin(login);
    this.#settings ??= readDockerSettings(this.#args.environment);
    const settings = this.#settings;
    const helper = helperOf(settings.json, registry);
    const found =
      helper === undefined ? this.#fromFile(registry, settings) : await this.#ask(helper, registry, settings);
    if (ecr === undefined) return found;
    if (found !== undefined && !isSpent(found, this.#args.clock)) return found;
    return (await this.#trade(ecr)) ?? found;
  }

  /** One trade for a region: what it gives is good for the registry of every account that these keys may use. */
  async #trade(ecr: EcrHost, keys?: AwsKeys): Promise<Credential | undefined> {
    const key = [ecr.service, ecr.region, keys?.accessKeyId].join(' ');
    const traded =
      this.#traded.get(key) ?? import('./ecr.ts').then(({ ecrLogin }) => ecrLogin(this.#args, ecr, keys));
    this.#traded.set(key, traded);
    const login = await traded;
    if (login === undefined) return undefined;
    mask(this.#args.log, login.username, login.password);
    return { kind: 'password', traded: true, ...login };
  }

  #fromFile(registry: string, settings: DockerSettings): Credential | undefined {
    const auth = authOf(settings.json, registry);
    if (auth === undefined) return undefined;
    const origin = settings.file ?? 'DOCKER_AUTH_CONFIG';
    if (typeof auth['identitytoken'] === 'string' && auth['identitytoken'] !== '') {
      this.#args.log.secret(auth['identitytoken']);
      return { kind: 'refresh-token', token: auth['identitytoken'], origin };
    }
    let { username, password } = auth;
    if (typeof auth['auth'] === 'string' && auth['auth'] !== '') {
      const decoded = Buffer.from(auth['auth'], 'base64').toString('utf8').replace(/\0+$/, '');
      const colon = decoded.indexOf(':');
      if (colon > 0) [username, password] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
    }
    if (typeof username !== 'string' || typeof password !== 'string' || username === '') return undefined;
    mask(this.#args.log, username, password);
    return { kind: 'password', username, password, origin };
  }

  async #ask(helper: string, registry: string, settings: DockerSettings): Promise<Credential | undefined> {
    const file = `docker-credential-${helper}`;
    const origin = `${file}, named in ${settings.file ?? 'DOCKER_AUTH_CONFIG'}`;
    const { environment, clock, signal, log } = this.#args;
    const server = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
    let ended: Awaited<ReturnType<typeof run>>;
    try {
      ended = await run(
        {
          file,
          args: ['get'],
          stdin: server,
          environment: childEnvironment(environment, ['credential-helper', ...purposesOfHelper(helper)]),
          timeout: HELPER_TIMEOUT,
          ...(signal === undefined ? {} : { signal }),
        },
        clock,
      );
    } catch (error) {
      if (!(error instanceof CommandNotFound)) throw error;
      throw new RegistryError(
        'unauthorized',
        `The login of ${registry} is kept by ${origin}, and that program is not on PATH. Install it, or set the inputs username and password.`,
        { cause: error },
      );
    }
    if (ended.exitCode !== 0) {
      const words = `${ended.stdout.trim() || ended.stderr.trim()}`.split('\n').at(-1) ?? '';
      if (NOT_FOUND.test(words)) return undefined;
      const how = ended.kind === 'timed-out' ? `did not answer within ${HELPER_TIMEOUT / 1000} s` : 'failed';
      throw new RegistryError(
        'unauthorized',
        `The credential helper of ${registry} (${origin}) ${how}${words === '' ? '' : `: "${words.slice(0, 300)}"`}. Mend it, or set the inputs username and password.`,
      );
    }
    return this.#readAnswer(ended.stdout, registry, origin, log);
  }

  #readAnswer(stdout: string, registry: string, origin: string, log: Log): Credential {
    try {
      const { Username: username, Secret: secret } = JSON.parse(stdout) as Record<string, unknown>;
      if (typeof username === 'string' && typeof secret === 'string' && secret !== '') {
        mask(log, username, secret);
        // The helpers' sign for a refresh token: docker/cli/cli/config/credentials/native_store.go.
        if (username === '<token>') return { kind: 'refresh-token', token: secret, origin };
        return { kind: 'password', username, password: secret, origin };
      }
    } catch {
      // Its answer holds a secret: neither it nor a parser's quote of it may be shown.
    }
    throw new RegistryError(
      'unauthorized',
      `The credential helper of ${registry} (${origin}) answered with something that is no login. Mend it, or set the inputs username and password.`,
    );
  }
}

/** See {@link Registry.logins}. */
export async function loginsFor(
  hosts: readonly string[],
  credentials: Credentials,
  { logins, environment }: Pick<CredentialsArguments, 'logins' | 'environment'>,
): Promise<readonly Login[]> {
  const accounts = (environment['AWS_ACCOUNT_IDS'] ?? '').split(/[\s,]+/).filter((id) => /^\d{12}$/.test(id));
  const named = [...logins.map(({ registry }) => registry), ...hosts];
  const amazon = named.filter((host) => ecrHostOf(host)?.service === 'ecr');
  const others = amazon.flatMap((host) => accounts.map((account) => registryOfAccount(host, account)));
  const found = await Promise.all(
    [...new Set([...named, ...others])].map(async (registry): Promise<Login | undefined> => {
      const given = logins.find((login) => login.registry === registry);
      if (ecrHostOf(registry) === undefined) return given;
      const credential = await credentials.find(registry);
      if (credential?.kind !== 'password' || credential.traded !== true) return given;
      const { username, password, origin } = credential;
      return { registry, username, password, origin };
    }),
  );
  return found.filter((login) => login !== undefined);
}

function ofLogin({ username, password, origin = INPUTS_ORIGIN }: Login): Credential {
  return { kind: 'password', username, password, origin };
}

/** AWS's long-lived keys begin with AKIA, those that end by themselves, and have a third part, with ASIA. */
export function awsKeysOf(login: Login, environment: Environment): AwsKeys | undefined {
  const { username, password, origin = INPUTS_ORIGIN } = login;
  if (!/^A[KS]IA[A-Z0-9]{12,}$/.test(username)) return undefined;
  const sessionToken = username.startsWith('ASIA') ? environment['AWS_SESSION_TOKEN'] : undefined;
  return { accessKeyId: username, secretAccessKey: password, sessionToken, origin };
}

/** ECR's passwords are JSON in base64 that says when they end; an old one may lie in a self-hosted runner's file. */
function isSpent(credential: Credential, clock: Clock): boolean {
  if (credential.kind !== 'password') return false;
  try {
    const { expiration } = JSON.parse(Buffer.from(credential.password, 'base64').toString('utf8')) as {
      readonly expiration?: unknown;
    };
    return typeof expiration === 'number' && expiration * 1000 < clock.wall().getTime();
  } catch {
    return false;
  }
}

/** Basic authentication's form of a login. */
export function basic(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

function mask(log: Log, username: string, password: string): void {
  if (password === '') return;
  log.secret(password);
  log.secret(basic(username, password));
}
