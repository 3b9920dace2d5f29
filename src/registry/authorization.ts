import type { Clock } from '../model/clock.ts';
import type { ImageName } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import { isLoopback } from './address.ts';
import { parseChallenges } from './challenge.ts';
import { basic, type Credential, type Credentials } from './credentials.ts';
import { RegistryError } from './error.ts';
import type { Http, Reply } from './http.ts';
import { accessDenied, loginRefused, wordsOf } from './words.ts';

/** What is asked for, and by whom. */
export interface Wish {
  readonly image: ImageName;
  readonly action: 'pull' | 'push';
  /** As somebody without a login: a cluster that has no pull secret. */
  readonly anonymous: boolean;
}

interface Token {
  readonly header: string;
  readonly expires: number;
}

/** The protocol's default; tokens that say nothing of it live at least so long. */
const LIFE = 60;

/**
 * Answers a registry's 401 with what it wants: a token from its token service, or the login itself.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export class Authorization {
  readonly #http: Http;
  readonly #credentials: Credentials;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();
  /** How each registry names itself to its token service. */
  readonly #services = new Map<string, string>();

  constructor(args: { http: Http; credentials: Credentials; log: Log; clock: Clock }) {
    this.#http = args.http;
    this.#credentials = args.credentials;
    this.#log = args.log;
    this.#clock = args.clock;
  }

  /** What was granted before and still holds. */
  known(wish: Wish): string | undefined {
    const token = this.#tokens.get(keyOf(wish));
    return token !== undefined && token.expires > this.#clock.now() ? token.header : undefined;
  }

  forget(wish: Wish): void {
    this.#tokens.delete(keyOf(wish));
  }

  serviceOf(registry: string): string | undefined {
    return this.#services.get(registry);
  }

  async credential(wish: Wish): Promise<Credential | undefined> {
    return wish.anonymous ? undefined : await this.#credentials.find(wish.image.registry);
  }

  /** The Authorization header that answers this 401. */
  async grant(wish: Wish, refused: Reply): Promise<string> {
    const challenges = parseChallenges(refused.header('www-authenticate') ?? '');
    const credential = await this.credential(wish);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) return await this.#fetchToken(wish, bearer.parameters, refused.url, credential);
    if (challenges.some(({ scheme }) => scheme === 'basic') && credential?.kind === 'password') {
      // No expiry of its own: it holds as long as the login does.
      return this.#keep(
        wish,
        `Basic ${basic(credential.username, credential.password)}`,
        Number.POSITIVE_INFINITY,
      );
    }
    throw new RegistryError(
      'unauthorized',
      accessDenied({
        image: wish.image,
        action: wish.action,
        login: undefined,
        words: wordsOf(refused.body),
      }),
    );
  }

  async #fetchToken(
    wish: Wish,
    parameters: Readonly<Record<string, string>>,
    asked: URL,
    credential: Credential | undefined,
  ): Promise<string> {
    const realm = this.#realm(parameters['realm'], asked, wish.image);
    const scopes = new Set([
      `repository:${wish.image.repository}:${wish.action === 'push' ? 'pull,push' : 'pull'}`,
    ]);
    if (parameters['scope']) scopes.add(parameters['scope']);
    const service = parameters['service'];
    if (service !== undefined) this.#services.set(wish.image.registry, service);
    const reply =
      credential?.kind === 'refresh-token'
        ? await this.#exchange(realm, service, scopes, credential.token)
        : await this.#http.send({
            method: 'GET',
            url: withQuery(realm, [
              ...(service === undefined ? [] : [['service', service] as const]),
              ...[...scopes].map((scope) => ['scope', scope] as const),
            ]),
            headers:
              credential === undefined
                ? {}
                : { authorization: `Basic ${basic(credential.username, credential.password)}` },
          });
    if (reply.status !== 200) throw this.#refused(wish, reply, credential);
    return this.#readToken(wish, reply);
  }

  /** https://distribution.github.io/distribution/spec/auth/oauth/ */
  async #exchange(
    realm: URL,
    service: string | undefined,
    scopes: ReadonlySet<string>,
    token: string,
  ): Promise<Reply> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'steadyship',
      scope: [...scopes].join(' '),
      refresh_token: token,
    });
    if (service !== undefined) form.set('service', service);
    return await this.#http.send({
      method: 'POST',
      url: realm,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
  }

  /** The password goes to this address, which the registry chose: never in clear text over a network. */
  #realm(text: string | undefined, asked: URL, image: ImageName): URL {
    const realm =
      text !== undefined && URL.canParse(text, asked.href) ? new URL(text, asked.href) : undefined;
    if (realm?.protocol === 'https:' || (realm?.protocol === 'http:' && isLoopback(realm.hostname)))
      return realm;
    throw new RegistryError(
      'invalid',
      `${image.registry} wants the login sent to "${text ?? ''}", which is no https address: it was not sent.`,
    );
  }

  #readToken(wish: Wish, reply: Reply): string {
    const { token, access_token, expires_in } = parseToken(reply.body);
    const value = token ?? access_token;
    if (typeof value !== 'string' || value === '') {
      throw new RegistryError(
        'invalid',
        `The token service of ${wish.image.registry} (${reply.url.origin}) sent no token.`,
      );
    }
    this.#log.secret(value);
    const seconds = typeof expires_in === 'number' ? Math.max(expires_in, LIFE) : LIFE;
    // A little earlier than it ends, for the way to the registry.
    return this.#keep(wish, `Bearer ${value}`, this.#clock.now() + seconds * 900);
  }

  #keep(wish: Wish, header: string, expires: number): string {
    this.#tokens.set(keyOf(wish), { header, expires });
    return header;
  }

  #refused(wish: Wish, reply: Reply, credential: Credential | undefined): RegistryError {
    const words = wordsOf(reply.body);
    const login = loginOf(credential);
    if ([400, 401, 403].includes(reply.status)) {
      const refusal = { ...wish, login, words, service: this.serviceOf(wish.image.registry) };
      const sentence = login === undefined ? accessDenied(refusal) : loginRefused(refusal);
      return new RegistryError('unauthorized', sentence);
    }
    return new RegistryError(
      'invalid',
      `The token service of ${wish.image.registry} (${reply.url.origin}) answered with ${reply.status}${words === '' ? '' : `: "${words}"`}.`,
    );
  }
}

/** What may be said of a login. */
export function loginOf(
  credential: Credential | undefined,
): { readonly username?: string; readonly origin: string } | undefined {
  if (credential === undefined) return undefined;
  return credential.kind === 'password'
    ? { username: credential.username, origin: credential.origin }
    : { origin: credential.origin };
}

function keyOf({ image, action, anonymous }: Wish): string {
  return [image.registry, image.repository, action, anonymous].join(' ');
}

function withQuery(url: URL, query: readonly (readonly [string, string])[]): URL {
  const result = new URL(url);
  for (const [name, value] of query) result.searchParams.append(name, value);
  return result;
}

function parseToken(body: Buffer): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    // A parser's message would quote the token.
    return {};
  }
}
