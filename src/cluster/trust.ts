/**
 * Whom we take for the API server, now. A certificate authority that is given as a file is rotated while we run (a
 * service account's mount, a file that an agent keeps fresh): it is read again when the server's certificate does not
 * fit it, and only then, so that an ordinary request costs nothing. One that stands in the kubeconfig itself is all
 * that there is.
 */
import { UserError } from '../model/error.ts';
import type { ClusterAccess } from './access.ts';
import { readMaterial } from './pool.ts';

export class Trust {
  readonly #access: ClusterAccess;
  #held: Promise<string> | undefined;

  constructor(access: ClusterAccess) {
    this.#access = access;
  }

  /**
   * PEM; undefined: the machine's own authorities.
   *
   * @throws UserError when the file can not be read, or holds no certificate
   */
  async current(): Promise<string | undefined> {
    const { ca } = this.#access;
    if (ca === undefined) return undefined;
    if (ca.kind === 'data') return ca.data;
    this.#held ??= this.#read();
    const reading = this.#held;
    try {
      return await reading;
    } catch (error) {
      // A file that was missing for a moment must not be missing for ever.
      if (this.#held === reading) this.#held = undefined;
      throw error;
    }
  }

  /** After a server that this one does not vouch for: whether there is a newer one to try. */
  async renew(stale: string | undefined): Promise<boolean> {
    if (this.#access.ca?.kind !== 'file') return false;
    const held = await this.#held?.catch(() => undefined);
    if (held !== undefined && held !== stale) return true;
    try {
      const now = await this.#read();
      if (now === stale) return false;
      this.#held = Promise.resolve(now);
      return true;
    } catch {
      // In the middle of being replaced: the next try looks again, and the server's certificate is what is told.
      return false;
    }
  }

  async #read(): Promise<string> {
    const { ca, origin } = this.#access;
    const path = ca?.kind === 'file' ? ca.path : '';
    const text = await readMaterial({ kind: 'file', path }, 'the certificate authority', this.#access);
    // An empty one would make Node trust every authority of the machine.
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
    throw new UserError(
      `The file ${path}, which ${origin} names as the certificate authority, holds no certificate (PEM).`,
    );
  }
}
