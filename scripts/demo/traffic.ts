/**
 * A customer who never stops asking. The requests go to the shop's Service through the API server's proxy,
 * which picks a pod that is ready, as a load balancer does (the embedded cluster has no kube-proxy).
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two requests; none waits for the one before. */
export const EVERY = 50;
/** A request that takes longer has failed: a customer would have gone. */
const PATIENCE = 5_000;

export interface Failed {
  readonly at: Date;
  readonly why: string;
}

export class Traffic {
  readonly #url: string;
  readonly #onVersion: (version: string) => void;
  readonly #answers = new Map<string, number>();
  readonly #failed: Failed[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #sent = 0;
  #running = Promise.resolve();

  constructor(url: string, onVersion: (version: string) => void) {
    this.#url = url;
    this.#onVersion = onVersion;
  }

  get sent(): number {
    return this.#sent;
  }

  get failed(): readonly Failed[] {
    return this.#failed;
  }

  /** How many answers each version gave. */
  get answers(): ReadonlyMap<string, number> {
    return this.#answers;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Sends no more, and waits for what is still to be answered. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#open);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const request = this.#ask().finally(() => this.#open.delete(request));
      this.#open.add(request);
      await sleep(EVERY, undefined, { signal }).catch(() => undefined);
    }
  }

  async #ask(): Promise<void> {
    this.#sent += 1;
    try {
      const response = await fetch(this.#url, { signal: AbortSignal.timeout(PATIENCE) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`);
      const { version } = JSON.parse(text) as { version: string };
      if (!this.#answers.has(version)) this.#onVersion(version);
      this.#answers.set(version, (this.#answers.get(version) ?? 0) + 1);
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
      this.#failed.push({ at: new Date(), why: `${error instanceof Error ? error.message : error}${cause}` });
    }
  }
}
