/**
 * A list that a watch keeps up to date, and that knows when it does not.
 *
 * A watch that died without a word looks like a watch with nothing to say. So whenever one was silent for a
 * while, a second, short watch from the same version asks what happened since: it costs next to nothing where
 * nothing did, brings what was missed where something did, and, because it ends after a second, gets through
 * proxies that hold answers back until they are complete. (Comparing lists would mean to fetch thousands of
 * pods every few seconds; comparing a list's version says nothing, it grows with the whole cluster.)
 *
 * That a watch opened proves nothing: a maintenance page and a proxy that buffers open, too. Only what it brings does,
 * or a short one that lasted its time.
 */
import type { Clock } from '../model/clock.ts';
import { sleep } from '../model/clock.ts';
import type { KubeObject } from '../model/kube.ts';
import type { Log } from '../model/log.ts';
import { catchUp } from './catch-up.ts';
import type { Cluster, Collection, CollectionTarget, Query, Trouble } from './client.ts';
import { ApiError, heardUntil } from './errors.ts';
import { Freshness } from './freshness.ts';
import { backoff, retryAfter } from './retry.ts';
import { isNewer, Store } from './store.ts';
import type { Timing } from './timing.ts';
import type { Transport } from './transport.ts';
import { BrokenWatch, troubleOf } from './trouble.ts';
import { Vigil } from './vigil.ts';
import { ForeignAnswer, isReset, streamEvents, type WatchEvent } from './watch.ts';

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
  readonly #freshness = new Freshness();
  /** Clock.now() when the first watch was wanted: before, there was nothing to be silent. */
  #followedSince = 0;
  /** Wall time of the last proof, for messages. */
  #lastSeen: Date | undefined;
  #trouble: Trouble | undefined;
  /** The store's version is too old for the server, or there is none yet. */
  #stale = true;
  /** In a row, for the back-off. */
  #failures = 0;
  /** Watches in a row that said nothing while there was something to say. */
  #held = 0;
  /** The last watch opened, and nothing in it proved that the store is whole. */
  #unproven: 'mute' | 'spoke' | undefined;
  /** Over the watch that is under way. */
  #vigil: Vigil | undefined;
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

  sees(since: number): boolean {
    if (this.#freshness.seenAt >= since) return true;
    this.#freshness.want(since);
    this.#vigil?.wait();
    return false;
  }

  stop(): void {
    this.#stopped.abort(new Error(`the collection of ${this.#target.path} was stopped`));
    this.#listeners.clear();
  }

  async #list(patience: number | undefined): Promise<void> {
    const { labelSelector, fieldSelector, path, keep } = this.#target;
    const asked = this.#context.clock.now();
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
    this.#prove(asked);
    this.#notify();
  }

  /** Until stop(). Whatever fails is borne: it is for the gate to say when it was too long. */
  async #follow(): Promise<void> {
    const { clock, timing } = this.#context;
    this.#followedSince = clock.now();
    while (!this.#stopped.signal.aborted) {
      const started = clock.now();
      let productive = false;
      let asked: number | undefined;
      try {
        if (this.#stale) await this.#list(0);
        // Its own check dies with each watch that ends too soon for it.
        else if (this.#unproven !== undefined && this.#dueAt() <= started) await this.#checkUnproven();
        productive = this.#held >= 2 ? await this.#poll() : await this.#watch();
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        if (error instanceof ApiError && error.status === 410) this.#stale = true;
        else if (!(error instanceof BrokenWatch)) asked = this.#bear(error);
      }
      // A server or proxy that ends every watch at once must not be asked in a tight loop.
      if (productive || (this.#trouble === undefined && clock.now() - started >= timing.probe))
        this.#failures = 0;
      else await this.#pause(asked);
    }
  }

  /** When it is to be asked whether anything was missed: at once if somebody wants to know. */
  #dueAt(): number {
    if (this.#freshness.isWanted) return -Infinity;
    return Math.max(this.#freshness.seenAt, this.#followedSince) + this.#context.timing.silence;
  }

  /** What watches that ended too soon missed: those that said nothing may have been held back. */
  async #checkUnproven(): Promise<void> {
    const missed = await this.#catchUp(0, this.#stopped.signal);
    if (missed > 0 && this.#unproven === 'mute') this.#held++;
  }

  /** One watch to its end; answers whether it brought any news. */
  async #watch(): Promise<boolean> {
    const { clock, timing } = this.#context;
    let hasNews = false;
    const ending = new AbortController();
    const vigil = new Vigil({
      clock,
      timing,
      isUrgent: (isOpen) => this.#freshness.isWanted || (isOpen && this.#trouble !== undefined),
      isSuspicious: () => this.#held > 0,
      dueAt: () => this.#dueAt(),
      prove: (at) => this.#prove(at),
      check: () => this.#check(vigil, ending.signal),
      fail: (error) => ending.abort(error),
    });
    this.#vigil = vigil;
    try {
      await streamEvents<T>(this.#context.transport, {
        path: this.#target.path,
        query: this.#query(),
        seconds: timing.watch / 1000,
        signal: AbortSignal.any([ending.signal, this.#stopped.signal]),
        opened: () => vigil.opened(),
        events: (events) => {
          this.#held = 0;
          hasNews ||= events.some((event) => this.#isNews(event));
          this.#take(events);
          vigil.heard();
        },
      });
    } catch (error) {
      // A reset of a watch that was open is the way of the world; only if it can not be resumed is it trouble.
      if (vigil.isOpen && isReset(error) && !ending.signal.aborted) throw new BrokenWatch();
      throw error;
    } finally {
      vigil.end();
      this.#vigil = undefined;
      this.#unproven = vigil.isOpen && !vigil.hasProven ? (vigil.hasSpoken ? 'spoke' : 'mute') : undefined;
      ending.abort(new BrokenWatch());
    }
    return hasNews;
  }

  /** Rejects with what ends the watch: that it is behind, or that it can not be checked. */
  async #check(vigil: Vigil, signal: AbortSignal): Promise<void> {
    const { timing, log } = this.#context;
    const missed = await this.#catchUp(timing.grace, signal);
    if (missed === 0) return;
    if (!vigil.hasSpoken) this.#held++;
    log.debug(
      `The watch of ${this.#target.path} was silent while ${missed} changes happened: starting anew.`,
    );
    throw new BrokenWatch();
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

  /** What happened since the store's version; answers how much was news. Rejects when there may be more. */
  async #catchUp(grace: number, ending: AbortSignal): Promise<number> {
    const { transport, clock, timing } = this.#context;
    const asked = clock.now();
    const { path } = this.#target;
    const signal = AbortSignal.any([ending, this.#stopped.signal]);
    const { events, flaw } = await catchUp<T>({
      transport,
      clock,
      timing,
      path,
      query: this.#query(),
      signal,
    });
    const news = () => events.filter((event) => event.type !== 'BOOKMARK' && this.#isNews(event));
    if (grace > 0 && news().length > 0) await sleep(clock, grace, ending);
    const missed = news().length;
    this.#take(events);
    if (flaw === undefined) {
      this.#prove(asked);
      return missed;
    }
    if (missed > 0) throw new BrokenWatch();
    const words = `a watch that was to last ${timing.probe / 1000} s ended ${flaw}, with nothing new in it`;
    throw new ForeignAnswer(path, words);
  }

  #isNews(event: WatchEvent<T>): boolean {
    return isNewer(event.object.metadata?.resourceVersion ?? '', this.#store.version);
  }

  #query(): Query {
    const { labelSelector, fieldSelector } = this.#target;
    return { labelSelector, fieldSelector, resourceVersion: this.#store.version };
  }

  #take(events: readonly WatchEvent<T>[]): void {
    let changed = false;
    for (const event of events) changed = this.#store.apply(event) || changed;
    if (changed) this.#notify();
  }

  /** Answers how long the server asks to be left alone, in milliseconds, within what is obeyed. */
  #bear(error: unknown): number | undefined {
    const { clock, log, server, timing } = this.#context;
    const since = this.#trouble?.since ?? clock.now();
    this.#trouble = troubleOf(heardUntil(error, this.#lastSeen), server, since);
    log.debug(`${this.#target.path}: ${this.#trouble.message}`);
    this.#notify();
    if (!(error instanceof ApiError)) return undefined;
    const asked = retryAfter(error.retryAfter, clock.wall());
    return asked === undefined ? undefined : Math.min(asked, timing.retryAfterMax);
  }

  /** It is well, and holds all that there was at that moment. */
  #prove(at: number): void {
    this.#lastSeen = this.#context.clock.wall();
    const wasAwaited = this.#freshness.see(at);
    if (this.#trouble === undefined && !wasAwaited) return;
    this.#trouble = undefined;
    this.#notify();
  }

  /** The first time at once, unless the server asked for more. */
  async #pause(asked = 0): Promise<void> {
    const { clock, timing, random } = this.#context;
    const failures = this.#failures++;
    const { backoffFirst, backoffMax } = timing;
    const own = failures === 0 ? 0 : backoff(failures, { random, backoffFirst, backoffMax });
    const wait = Math.max(own, asked);
    if (wait > 0) await sleep(clock, wait, this.#stopped.signal).catch(() => {});
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
