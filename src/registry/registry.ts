import type { Clock } from '../model/clock.ts';
import { familiarName, type ImageName } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import type { Environment } from '../process/environment.ts';
import { addressOf } from './address.ts';
import { unexpected, verifiedDigest } from './answer.ts';
import { Authorization, loginOf, type Wish } from './authorization.ts';
import { Credentials, type Login, loginsFor } from './credentials.ts';
import { ecrHostOf } from './ecr-host.ts';
import { RegistryError } from './error.ts';
import { Http, type Reply } from './http.ts';
import {
  ACCEPT,
  childrenOf,
  type Manifest,
  type Platform,
  parseManifest,
  platformOfConfig,
  platformsOfIndex,
} from './manifest.ts';
import { type Asked, digestOf, putTag, readStored, type Stored, type Wire } from './stored.ts';
import { accessDenied, loginRefused, missingRepository, wordsOf } from './words.ts';

/** What the registry holds under a name. `exists: false` is the registry's own word (404). */
export type Resolved =
  | {
      readonly exists: true;
      readonly digest: string;
      readonly mediaType: string;
      /** Empty when neither index nor config names any. */
      readonly platforms: readonly Platform[];
      /** Of an index: the digests of the manifests in it that can run (attestations do not). */
      readonly children: readonly string[];
      /** Of a single image: the digest of its config, under which some runtimes know it. */
      readonly config: string | undefined;
    }
  | { readonly exists: false };

/** Reads registries and asks what they allow; throws RegistryError. Holds connections until it is closed. */
export interface Registry {
  /** By digest, or else by tag (`latest` when there is neither). */
  resolve(image: ImageName): Promise<Resolved>;
  /** Whether the manifest is there, by HEAD, which Docker Hub does not count as a pull. */
  has(image: ImageName): Promise<boolean>;
  /** What a name stands for now, by HEAD; undefined: the registry has no such tag. */
  digestOf(image: ImageName): Promise<string | undefined>;
  /**
   * The manifest of a digest, which is asked for only when nothing that was asked before has brought it; undefined:
   * there is none.
   */
  manifest(image: ImageName & { readonly digest: string }): Promise<Manifest | undefined>;
  /** The manifest itself with the labels of its images; undefined: there is none. */
  read(image: ImageName): Promise<Stored | undefined>;
  /** Puts a manifest under a further tag of the same repository: no layer moves. */
  tag(image: ImageName, stored: Stored): Promise<void>;
  /** Begins an upload and cancels it: a push that will be refused is known before the build. */
  checkPush(image: ImageName): Promise<void>;
  /**
   * The logins that docker needs beside those that it has: what the inputs give, and what a cloud gives for its own
   * credentials, for these hosts and the accounts in AWS_ACCOUNT_IDS (which docker/login-action reads too).
   */
  logins(hosts: readonly string[]): Promise<readonly Login[]>;
  /** Whether a cluster without a pull secret gets it; undefined: the registry did not say. */
  canPullAnonymously(image: ImageName): Promise<boolean | undefined>;
  close(): Promise<void>;
}

export interface RegistryArguments {
  readonly logins: readonly Login[];
  readonly environment: Environment;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Between 0 and 1, for the jitter of retries. */
  readonly random?: () => number;
  /** A repository that a push wants and Amazon ECR does not have is created. */
  readonly createRepository?: boolean;
}

/**
 * A client of the OCI distribution API, as little of it as shipping needs. No library on npm does this
 * small part: they pull layers, want a daemon, or know one cloud.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export function openRegistry(args: RegistryArguments): Registry {
  const http = new Http(args);
  const credentials = new Credentials({ ...args, http });
  const authorization = new Authorization({ http, credentials, log: args.log, clock: args.clock });
  const client = new Client(http, authorization);
  const wire =
    (action: Wish['action']): Wire =>
    (image, question) =>
      client.send({ image, action, anonymous: false }, question);
  return {
    resolve: (image) => client.resolve({ image, action: 'pull', anonymous: false }),
    has: (image) => client.has({ image, action: 'pull', anonymous: false }),
    digestOf: (image) => digestOf(wire('pull'), image),
    manifest: (image) => client.manifest({ image, action: 'pull', anonymous: false }, image.digest),
    read: (image) => readStored(wire('pull'), image),
    tag: (image, stored) => putTag(wire('push'), image, stored),
    checkPush: async (image) => {
      const wish = { image, action: 'push', anonymous: false } as const;
      const host = args.createRepository === true ? ecrHostOf(image.registry) : undefined;
      if (host === undefined) return await client.checkPush(wish);
      const { checkPushOrCreate } = await import('./ecr-create.ts');
      await checkPushOrCreate({ ...args, http }, host, image, () => client.checkPush(wish));
    },
    logins: (hosts) => loginsFor(hosts, credentials, args),
    canPullAnonymously: (image) => client.canPullAnonymously({ image, action: 'pull', anonymous: true }),
    close: () => http.close(),
  };
}

class Client {
  readonly #http: Http;
  readonly #authorization: Authorization;
  /** By digest, which no registry can give another meaning; the repository decides only who may see it. */
  readonly #manifests = new Map<string, Manifest>();

  constructor(http: Http, authorization: Authorization) {
    this.#http = http;
    this.#authorization = authorization;
  }

  async resolve(wish: Wish): Promise<Resolved> {
    const read = await this.#read(wish);
    if (read === undefined) return { exists: false };
    const { digest, manifest } = read;
    const platforms =
      manifest.kind === 'index'
        ? platformsOfIndex(manifest.manifests)
        : await this.#platformOf(wish, manifest.config.digest, digest);
    return {
      exists: true,
      digest,
      mediaType: manifest.mediaType,
      platforms,
      children: manifest.kind === 'index' ? childrenOf(manifest.manifests) : [],
      config: manifest.kind === 'image' ? manifest.config.digest : undefined,
    };
  }

  async manifest(wish: Wish, digest: string): Promise<Manifest | undefined> {
    return this.#manifests.get(digest) ?? (await this.#read(wish))?.manifest;
  }

  async #read(wish: Wish): Promise<{ readonly digest: string; readonly manifest: Manifest } | undefined> {
    const reply = await this.#manifest('GET', wish);
    if (reply === undefined) return undefined;
    const digest = verifiedDigest(reply, wish.image);
    const where = familiarName(wish.image);
    const manifest = parseManifest(reply.body.toString('utf8'), reply.header('content-type'), where);
    this.#manifests.set(digest, manifest);
    return { digest, manifest };
  }

  async has(wish: Wish): Promise<boolean> {
    return (await this.#manifest('HEAD', wish)) !== undefined;
  }

  async checkPush(wish: Wish): Promise<void> {
    const { image } = wish;
    const started = await this.send(wish, {
      method: 'POST',
      path: `/v2/${image.repository}/blobs/uploads/`,
    });
    if (started.status === 404)
      throw new RegistryError(
        'missing-repository',
        missingRepository(image, this.#authorization.serviceOf(image.registry)),
      );
    if (started.status === 405) {
      throw new RegistryError(
        'read-only',
        `${image.registry} takes no pushes: it is a mirror or read-only. Name the registry itself in the input image.`,
      );
    }
    if (started.status >= 300) throw unexpected(wish, started);
    const location = started.header('location');
    if (location === undefined) return;
    const upload = new URL(location, started.url);
    // An address elsewhere (a signed one of a blob store) is not ours to call; the upload ends by itself.
    if (upload.origin !== started.url.origin) return;
    await this.send(wish, { method: 'DELETE', path: `${upload.pathname}${upload.search}` }).catch(
      (error: unknown) => {
        // Uploads that nobody goes on with are swept by the registry. What was asked is answered already.
        if (!(error instanceof RegistryError)) throw error;
      },
    );
  }

  async canPullAnonymously(wish: Wish): Promise<boolean | undefined> {
    try {
      return (await this.has(wish)) ? true : undefined;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return error.failure === 'unauthorized' || error.failure === 'denied' ? false : undefined;
    }
  }

  async #platformOf(wish: Wish, config: string, digest: string): Promise<readonly Platform[]> {
    const reply = await this.send(wish, {
      method: 'GET',
      path: `/v2/${wish.image.repository}/blobs/${config}`,
    });
    // A config that is gone makes the image unusable, but that is the kubelet's to say: here it only means
    // that the platform is not known.
    if (reply.status !== 200) return [];
    return platformOfConfig(reply.body.toString('utf8'), digest, familiarName(wish.image));
  }

  async #manifest(method: 'GET' | 'HEAD', wish: Wish): Promise<Reply | undefined> {
    const { image } = wish;
    const reference = image.digest ?? image.tag ?? 'latest';
    const reply = await this.send(wish, {
      method,
      path: `/v2/${image.repository}/manifests/${reference}`,
      headers: { accept: ACCEPT },
    });
    if (reply.status === 404) return undefined;
    if (reply.status !== 200) throw unexpected(wish, reply);
    return reply;
  }

  async send(wish: Wish, { path, headers = {}, ...rest }: Asked): Promise<Reply> {
    const url = new URL(path, addressOf(wish.image.registry));
    const ask = (authorization: string | undefined): Promise<Reply> =>
      this.#http.send({
        ...rest,
        url,
        headers: authorization === undefined ? headers : { ...headers, authorization },
      });
    const known = this.#authorization.known(wish);
    let reply = await ask(known);
    if (reply.status !== 401) return await this.#admitted(wish, reply);
    // A token may have been revoked, or be of the wrong kind for this method: one fresh grant, never a loop.
    this.#authorization.forget(wish);
    reply = await ask(await this.#authorization.grant(wish, reply));
    return await this.#admitted(wish, reply);
  }

  async #admitted(wish: Wish, reply: Reply): Promise<Reply> {
    if (reply.status !== 401 && reply.status !== 403) return reply;
    this.#authorization.forget(wish);
    const login = loginOf(await this.#authorization.credential(wish));
    const service = this.#authorization.serviceOf(wish.image.registry);
    const refusal = { image: wish.image, action: wish.action, login, words: wordsOf(reply.body), service };
    // Basic authentication has no token service that would have refused the login before.
    const wrongLogin = reply.status === 401 && /^basic/i.test(reply.header('www-authenticate') ?? '');
    if (wrongLogin && login !== undefined) throw new RegistryError('unauthorized', loginRefused(refusal));
    throw new RegistryError(login === undefined ? 'unauthorized' : 'denied', accessDenied(refusal));
  }
}
