/**
 * A list that a watch keeps up to date, and that knows when it does not.
 *
 * A watch that died without a word looks like a watch with nothing to say. So whenever one was silent for a
 * while, a second, short watch from the same version asks what happened since: it costs next to nothing where
 * nothing did, brings what was missed where something did, and, because it ends after a second, gets through
 * proxies that hold answers back until they are complete. (Comparing lists would mean to fetch thousands of
 * pods every few seconds; comparing a list's version says nothing, it grows with the whole cluster.)
 */
import type { Clock } from '../model/clock.ts';
import { sleep } from '../model/clock.ts';
import type { KubeObject } from '../model/kube.ts';
import type { Log } from '../model/log.ts';
import type { Cluster, Collection, CollectionTarget, Trouble } from './client.ts';
import { ApiError } from './errors.ts';
import { backoff } from './retry.ts';
import { isNewer, Store } from './store.ts';
import type { Timing } from './timing.ts';
import type { Transport } from './transport.ts';
import { BrokenWatch, troubleOf } from './trouble.ts';
import { type StreamOptions, streamEvents, type WatchEvent } from './watch.ts';

/** So many early checks that find nothing, and a watch is no longer under suspicion. */
const QUIET = 10;

export interface CollectionContext {
  readonly transport: Transport;
  readonly list: Cluster['list'];
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: Timing;
  readonly random: () => number;
  readonly server: string;
}

export class WatchedCollection<T extends KubeObject> implements Collection<T> {
  readonly ready: Promise<void>;
  readonly #target: CollectionTarget<T>;
  readonly #context: CollectionContext;
  readonly #store: Store<T>;
  readonly #listeners = new Set<(changed?: ReadonlySet<string>) => void>();
  readonly #stopped = new AbortController();
  #trouble: Trouble | undefined;
  /** The store's version is too old for the server, or there is none yet. */
  #stale = true;
  /** In a row, for the back-off. */
  #failures = 0;
  /** Watches in a row that said nothing while there was something to say. */
  #held = 0;
  #told = false;
  #following: Promise<void> | undefined;

  constructor(target: CollectionTarget<T>, context: CollectionContext) {
    this.#target = target;
    this.#context = context;
    this.#store = new Store(target);
    this.ready = this.#list(target.patience);
    this.ready.catch(() => this.stop());
  }

  items(): readonly T[] {
    return this.#store.items();
  }

  find(key: string): readonly T[] {
    return this.#store.find(key);
  }

  /** The first to listen starts the watch: until then the list stands as it was read, and its connection is free. */
  subscribe(listener: (changed?: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    this.#following ??= this.ready.then(
      () => this.#follow(),
      () => {},
    );
    return () => this.#listeners.delete(listener);
  }

  trouble(): Trouble | undefined {
    return this.#trouble;
  }

  stop(): void {
    this.#stopped.abort(new Error(`the collection of ${this.#target.path} was stopped`));
    this.#listeners.clear();
  }

  async #list(patience: number | undefined): Promise<void> {
    const { labelSelector, fieldSelector, path, keep } = this.#target;
    const options = {
      signal: this.#stopped.signal,
      ...(patience === undefined ? {} : { patience }),
      ...(keep === undefined ? {} : { keep }),
    };
    const { items, resourceVersion } = await this.#context.list<T>(
      path,
      { labelSelector, fieldSelector },
      options,
    );
    this.#store.replace(items, resourceVersion);
    this.#stale = false;
    this.#well();
    this.#notify();
  }

  /** Until stop(). Whatever fails is borne: it is for the gate to say when it was too long. */
  async #follow(): Promise<void> {
    const { clock, timing } = this.#context;
    while (!this.#stopped.signal.aborted) {
      const started = clock.now();
      let productive = false;
      try {
        if (this.#stale) await this.#list(0);
        productive = this.#held >= 2 ? await this.#poll() : await this.#watch();
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        if (error instanceof ApiError && error.status === 410) this.#stale = true;
        else if (!(error instanceof BrokenWatch)) this.#bear(error);
      }
      // A server or proxy that ends every watch at once must not be asked in a tight loop.
      if (productive || (this.#trouble === undefined && clock.now() - started >= timing.probe))
        this.#failures = 0;
      else await this.#pause();
    }
  }

  /** One watch to its end; answers whether it delivered anything. */
  async #watch(): Promise<boolean> {
    const { clock, timing, log } = this.#context;
    const ending = new AbortController();
    let opened = false;
    let heard = false;
    let checking = false;
    let quiet = 0;
    let takeBack = (): void => {};
    const wait = (): void => {
      takeBack();
      if (ending.signal.aborted) return;
      // Until it has opened, and after one that was held back, there is reason to look sooner.
      const calm = opened && (heard || this.#held === 0 || quiet >= QUIET);
      takeBack = clock.timer(calm ? timing.silence : Math.min(timing.poll, timing.silence), check);
    };
    const check = (): void => {
      if (checking) return;
      checking = true;
      this.#catchUp(timing.grace, ending.signal).then(
        (missed) => {
          checking = false;
          if (missed === 0) {
            quiet++;
            wait();
            return;
          }
          if (!heard) this.#held++;
          log.debug(
            `The watch of ${this.#target.path} was silent while ${missed} changes happened: starting anew.`,
          );
          ending.abort(new BrokenWatch());
        },
        (error) => ending.abort(error),
      );
    };
    wait();
    try {
      await this.#stream({
        seconds: timing.watch / 1000,
        signal: AbortSignal.any([ending.signal, this.#stopped.signal]),
        opened: () => {
          opened = true;
          this.#well();
          wait();
        },
        events: (events) => {
          heard = true;
          this.#held = 0;
          wait();
          this.#take(events);
        },
      });
    } catch (error) {
      // A reset of a watch that was open is the way of the world; only if it can not be resumed is it trouble.
      if (opened && !(error instanceof ApiError) && !ending.signal.aborted) throw new BrokenWatch();
      throw error;
    } finally {
      takeBack();
      ending.abort(new BrokenWatch());
    }
    return heard;
  }

  /** Reads where watches are held back; every so often a watch is tried again. */
  async #poll(): Promise<boolean> {
    const { clock, timing, log, server } = this.#context;
    if (!this.#told) {
      this.#told = true;
      log.info(
        `Something between this runner and ${server} holds watches back (a proxy that buffers answers?): ` +
          `reading ${this.#target.path} every ${timing.poll / 1000} s instead.`,
      );
    }
    const until = clock.now() + timing.watch;
    while (clock.now() < until) {
      await this.#catchUp(0, this.#stopped.signal);
      await sleep(clock, Math.max(0, timing.poll - timing.probe), this.#stopped.signal);
    }
    this.#held = 1;
    return true;
  }

  /** What happened since the store's version, by a watch that ends at once; answers how much was news. */
  async #catchUp(grace: number, signal: AbortSignal): Promise<number> {
    const { clock, timing } = this.#context;
    const seen: WatchEvent<T>[] = [];
    await this.#stream({
      seconds: timing.probe / 1000,
      timeout: timing.probeTry,
      signal: AbortSignal.any([signal, this.#stopped.signal]),
      opened: () => {},
      events: (events) => seen.push(...events),
    });
    this.#well();
    const news = () => seen.filter((event) => event.type !== 'BOOKMARK' && this.#isNews(event));
    if (grace > 0 && news().length > 0) await sleep(clock, grace, signal);
    const missed = news().length;
    this.#take(seen);
    return missed;
  }

  #isNews(event: WatchEvent<T>): boolean {
    return isNewer(event.object.metadata?.resourceVersion ?? '', this.#store.version);
  }

  #stream(options: Omit<StreamOptions<T>, 'path' | 'query'>): Promise<void> {
    const { path, labelSelector, fieldSelector } = this.#target;
    const query = { labelSelector, fieldSelector, resourceVersion: this.#store.version };
    return streamEvents(this.#context.transport, { path, query, ...options });
  }

  #take(events: readonly WatchEvent<T>[]): void {
    let changed = false;
    for (const event of events) changed = this.#store.apply(event) || changed;
    if (changed) this.#notify();
  }

  #bear(error: unknown): void {
    const { clock, log, server } = this.#context;
    this.#trouble = troubleOf(error, server, this.#trouble?.since ?? clock.now());
    log.debug(`${this.#target.path}: ${this.#trouble.message}`);
    this.#notify();
  }

  #well(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#notify();
  }

  /** The first time at once. */
  async #pause(): Promise<void> {
    const { clock, timing, random } = this.#context;
    const failures = this.#failures++;
    if (failures === 0) return;
    const { backoffFirst, backoffMax } = timing;
    const wait = backoff(failures, { random, backoffFirst, backoffMax });
    await sleep(clock, wait, this.#stopped.signal).catch(() => {});
  }

  /** In microtasks: what a listener throws is a bug of its own and must not pass for a broken watch. */
  #notify(): void {
    const changed = this.#store.takeChanged();
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener(changed);
      });
    }
  }
}
