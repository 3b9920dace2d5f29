/** Every interval of the adapter, in milliseconds, so that a test can scale them and nobody hides one. */
export interface Timing {
  /** TCP and TLS. */
  readonly connect: number;
  /** One try of a read, from sending to the last byte. */
  readonly readTry: number;
  /** The only try of a write: admission webhooks may take 30 s, the API server itself gives up after 60 s. */
  readonly writeTry: number;
  /** How long a read, or an attempt to send a write, is tried again. */
  readonly readPatience: number;
  /** The same before the cluster has ever answered: a mistyped host should be told at once. */
  readonly firstContactPatience: number;
  /** A server's Retry-After is obeyed up to this; asking for more is an answer for the caller. */
  readonly retryAfterMax: number;
  /** How long an exec credential plugin may take. */
  readonly exec: number;
  readonly backoffFirst: number;
  readonly backoffMax: number;
  /**
   * An idle connection is not used again after this. Short, so that a connection that a NAT or load balancer
   * dropped in silence is never picked up for the patch that puts things back; a handshake costs less.
   */
  readonly keepAlive: number;
  /** What the server is asked to end a watch after. */
  readonly watch: number;
  /** A watch that said nothing for so long is checked by a short second one. */
  readonly silence: number;
  /** How long that second one may last. */
  readonly probe: number;
  /** One try of it, and so how soon a dead path is noticed: silence + probeTry < 30 s. */
  readonly probeTry: number;
  /** The watch may deliver so much later than the probe before it is held to be behind. */
  readonly grace: number;
  /** How often to read where watches are held back. */
  readonly poll: number;
}

export const DEFAULT_TIMING: Timing = {
  connect: 10_000,
  readTry: 15_000,
  writeTry: 60_000,
  readPatience: 30_000,
  firstContactPatience: 5_000,
  retryAfterMax: 30_000,
  exec: 60_000,
  backoffFirst: 200,
  backoffMax: 5_000,
  keepAlive: 4_000,
  watch: 300_000,
  silence: 15_000,
  probe: 1_000,
  probeTry: 8_000,
  grace: 500,
  poll: 2_000,
};
