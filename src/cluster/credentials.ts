/**
 * Who we are, now: credentials that expire are renewed before a request, those that the server no longer
 * accepts once after it. Concurrent requests share one renewal.
 */
import { promises } from 'node:fs';
import { type Clock, sleep } from '../model/clock.ts';
import { messageOf, UserError } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import type { ClusterAccess, CredentialSource } from './access.ts';
import type { LoginOptions } from './exec-plugin.ts';
import { LoginAwayError } from './login-error.ts';
import { mask } from './mask.ts';
import { inTime } from './patience.ts';
import { type ClientCertificate, readMaterial } from './pool.ts';
import { flawOf, TOKEN_ADVICE } from './token.ts';

export interface Credential {
  /** The header Authorization. */
  readonly authorization: string | undefined;
  readonly certificate: ClientCertificate | undefined;
}

/**
 * A credential is told from the next by identity, so an unchanged one is the same object.
 *
 * Both reject with the signal's reason as soon as it is aborted, with UserError where there never was a credential,
 * and with LoginAwayError where there was one and no other can be had, or not in time.
 */
export interface Credentials {
  current(wait: Wait): Promise<Credential>;
  /** After a 401 with this one: whether there is a newer one to try. */
  renew(stale: Credential, wait: Wait): Promise<boolean>;
}

/** How long a request waits for a login that is under way; the login itself goes on for those that come after. */
export interface Wait {
  readonly signal: AbortSignal;
  /**
   * In milliseconds; undefined: as long as the login may take. The first login of all has that long in any case:
   * before it, nothing has begun that must not wait.
   */
  readonly timeout: number | undefined;
}

/** As client-go: token files are read again after a minute (transport.NewCachedFileTokenSource). */
const FILE_LIFETIME = 60_000;
/** An expiring credential is renewed so much before its end, or at nine tenths of a short life. */
const LEEWAY = 30_000;
/** Between the tries of a renewal that fails. */
const PAUSES = [1_000, 3_000];

interface Fetched {
  readonly credential: Credential;
  /** Clock.now() from when on it should be renewed, and from when on it is useless; undefined: never. */
  readonly renewAt: number | undefined;
  readonly uselessAt: number | undefined;
}

export function createCredentials(options: LoginOptions): Credentials {
  const { access } = options;
  const source = access.credential;
  switch (source.kind) {
    case 'none':
      return constant({ authorization: undefined, certificate: undefined });
    case 'token':
      return constant(bearer(source.token));
    case 'basic':
      return constant(basic(source.username, source.password, options.log));
    case 'token-file':
    case 'certificate':
    case 'exec':
      return new Renewing(() => fetcher(source, options), options);
  }
}

function constant(credential: Credential): Credentials {
  return { current: () => Promise.resolve(credential), renew: () => Promise.resolve(false) };
}

function bearer(token: string): Credential {
  return { authorization: `Bearer ${token}`, certificate: undefined };
}

function basic(username: string, password: string, log: Log): Credential {
  const encoded = Buffer.from(`${username}:${password}`).toString('base64');
  log.secret(encoded);
  return { authorization: `Basic ${encoded}`, certificate: undefined };
}

type Fleeting = Extract<CredentialSource, { kind: 'token-file' | 'certificate' | 'exec' }>;

async function fetcher(source: Fleeting, options: LoginOptions): Promise<Fetched> {
  const { access, clock, log } = options;
  const soon = clock.now() + FILE_LIFETIME;
  switch (source.kind) {
    case 'token-file': {
      const token = await readToken(source.path, access, (value) => log.secret(value));
      return { credential: bearer(token), renewAt: soon, uselessAt: undefined };
    }
    case 'certificate': {
      const [certificate, key] = await Promise.all([
        readMaterial(source.certificate, 'the client certificate', access),
        readMaterial(source.key, 'the client key', access),
      ]);
      mask((value) => log.secret(value), key);
      const fixed = source.certificate.kind === 'data' && source.key.kind === 'data';
      return {
        credential: { authorization: undefined, certificate: { certificate, key } },
        renewAt: fixed ? undefined : soon,
        uselessAt: undefined,
      };
    }
    case 'exec': {
      const { runExecPlugin } = await import('./exec-plugin.ts');
      const answer = await runExecPlugin(source.plugin, options);
      const credential: Credential = {
        authorization: answer.token === undefined ? undefined : `Bearer ${answer.token}`,
        certificate: answer.certificate,
      };
      if (answer.expires === undefined) return { credential, renewAt: undefined, uselessAt: undefined };
      const life = Math.max(0, answer.expires.getTime() - clock.wall().getTime());
      const uselessAt = clock.now() + life;
      return { credential, renewAt: uselessAt - Math.min(LEEWAY, life / 10), uselessAt };
    }
  }
}

async function readToken(
  path: string,
  access: ClusterAccess,
  secret: (value: string) => void,
): Promise<string> {
  let text: string;
  try {
    text = (await promises.readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new UserError(
      `Cannot read the token file ${path}, which ${access.origin} names: ${messageOf(error)}.`,
      {
        cause: error,
      },
    );
  }
  if (text === '') throw new UserError(`The token file ${path}, which ${access.origin} names, is empty.`);
  mask(secret, text);
  const flaw = flawOf(text);
  if (flaw === undefined) return text;
  throw new UserError(
    `The token file ${path}, which ${access.origin} names, has a token with ${flaw}. ${TOKEN_ADVICE}`,
  );
}

class Renewing implements Credentials {
  #held: Fetched | undefined;
  #running: Promise<Fetched> | undefined;
  readonly #fetch: () => Promise<Fetched>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #access: ClusterAccess;

  constructor(fetch: () => Promise<Fetched>, { access, clock, log, signal }: LoginOptions) {
    this.#fetch = fetch;
    this.#access = access;
    this.#clock = clock;
    this.#log = log;
    this.#signal = signal;
  }

  async current(wait: Wait): Promise<Credential> {
    wait.signal.throwIfAborted();
    const held = this.#held;
    if (held === undefined || this.#reached(held.uselessAt)) {
      return (await this.#inTime(this.#renewal(), wait)).credential;
    }
    if (!this.#reached(held.renewAt)) return held.credential;
    // A login service that stutters must not cost the rollback: what is held is still good.
    const renewed = this.#renewal().catch((error: unknown) => {
      if (!this.#signal.aborted) {
        this.#log.debug(`Renewing the credential failed, the present one is still used: ${messageOf(error)}`);
      }
      return held;
    });
    // Nor may one that hangs. A file is there at once.
    return this.#access.credential.kind === 'exec'
      ? held.credential
      : (await this.#inTime(renewed, wait)).credential;
  }

  async renew(stale: Credential, wait: Wait): Promise<boolean> {
    if (this.#held !== undefined && this.#held.credential !== stale) return true;
    await this.#inTime(this.#renewal(), wait);
    return this.#held?.credential !== stale;
  }

  #inTime<T>(renewal: Promise<T>, { signal, timeout }: Wait): Promise<T> {
    const limit = this.#held === undefined ? undefined : timeout;
    const late = () =>
      new LoginAwayError(
        `The login of the kubeconfig's user "${this.#access.user ?? ''}" gave no new credential within ` +
          `${(limit ?? 0) / 1000} s, where the one before is no longer good. Look at the service that it asks, and at ` +
          'the network of this runner, then run this again.',
      );
    return inTime(renewal, { clock: this.#clock, signal, timeout: limit, late });
  }

  /**
   * The first failure of all is told at once. Later ones are borne for a few seconds: the login worked before,
   * and what hangs on it may be the rollback.
   */
  async #patiently(): Promise<Fetched> {
    for (const wait of this.#held === undefined ? [] : PAUSES) {
      try {
        return await this.#fetch();
      } catch (error) {
        if (this.#signal.aborted) throw error;
        this.#log.debug(`Renewing the credential failed, trying again: ${messageOf(error)}`);
        await sleep(this.#clock, wait, this.#signal);
      }
    }
    try {
      return await this.#fetch();
    } catch (error) {
      if (this.#held === undefined || !(error instanceof UserError)) throw error;
      throw new LoginAwayError(error.message, { cause: error });
    }
  }

  #reached(time: number | undefined): boolean {
    return time !== undefined && this.#clock.now() >= time;
  }

  #renewal(): Promise<Fetched> {
    this.#running ??= this.#patiently()
      .then((fetched) => {
        this.#held = same(this.#held?.credential, fetched.credential)
          ? { ...fetched, credential: this.#held?.credential ?? fetched.credential }
          : fetched;
        return this.#held;
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }
}

function same(a: Credential | undefined, b: Credential): boolean {
  return (
    a !== undefined &&
    a.authorization === b.authorization &&
    a.certificate?.certificate === b.certificate?.certificate &&
    a.certificate?.key === b.certificate?.key
  );
}
