/** Tells a recording to the caches behind a gate, late and more than once, and hears the evaluator. */
import type { Cluster, Collection, CollectionTarget } from '../../src/cluster/client.ts';
import { ApiError } from '../../src/cluster/client.ts';
import { isNewer, Store } from '../../src/cluster/store.ts';
import { pinReply } from '../../src/deploy/snapshot.ts';
import { begin, evaluate } from '../../src/gate/evaluate/workload.ts';
import { openObserver } from '../../src/gate/observe.ts';
import type { KubeObject } from '../../src/model/kube.ts';
import type { Limits } from '../../src/model/limits.ts';
import type { Verdict } from '../../src/model/verdict.ts';
import { beforeOf } from '../../src/run/pin.ts';
import type { Happening, Recording, Stream } from './recording.ts';

/** How one watch behaves. */
export interface Way {
  /** Milliseconds by which each event comes late, in turn; none overtakes the one before it. */
  readonly late: readonly number[];
  /** After so many events something else happens. */
  readonly breaks: readonly {
    readonly after: number;
    /** `again`: the last ones are told again, as by a watch that resumes further back; `relist`: what is there now. */
    readonly kind: 'again' | 'relist';
    readonly events: number;
  }[];
}

/** A verdict, and when it was given (milliseconds since the patch). */
export interface Given {
  readonly verdict: Verdict;
  readonly at: number;
}

interface Delivery {
  readonly at: number;
  deliver(): void;
}

/**
 * Every verdict that is none of `progressing`, from the patch until long after the last event: the gate ends at the
 * first of them, and what comes after it must not contradict it.
 */
export async function replay(
  recording: Recording,
  ways: readonly Way[],
  limits: Limits,
): Promise<readonly Given[]> {
  const { kind, namespace, name, container, reply } = recording;
  const tapes = recording.streams.map((stream, index) => new Tape(stream, ways[index % ways.length] as Way));
  const cluster = {
    collection: <T extends KubeObject>(target: CollectionTarget<T>) =>
      tapes.find(({ path }) => path === target.path)?.open(target) ?? hidden(target.path),
  } as Pick<Cluster, 'collection'> as Cluster;
  const id = { kind, namespace, name };
  const observer = openObserver(cluster, [{ ...id, selector: reply.spec?.selector }]);
  observer.subscribe(() => undefined);
  await observer.ready;
  let pin = pinReply(reply, [{ list: 'containers', name: container }], beforeOf(observer.observe(id)));
  let memory = begin(pin, 0);
  const deliveries = tapes.flatMap((tape) => tape.deliveries()).sort((one, other) => one.at - other.at);
  const end = Math.max(...deliveries.map(({ at }) => at)) + limits.timeout + (limits.stableFor ?? 0);
  const given: Given[] = [];
  const look = (now: number): number => {
    const told = evaluate({ pin, memory, seen: observer.observe(id), limits, now });
    ({ memory, pin } = told);
    if (told.verdict.kind !== 'progressing') given.push({ verdict: told.verdict, at: now });
    return told.recheckIn === undefined ? Infinity : now + Math.max(1, told.recheckIn);
  };
  let due = look(0);
  for (const { at, deliver } of [...deliveries, { at: end, deliver: () => undefined }]) {
    while (due < at) due = look(due);
    deliver();
    if (at >= 0) due = look(at);
  }
  observer.stop();
  return given;
}

/** A DaemonSet's nodes, which a Role can not grant. */
function hidden<T>(path: string): Collection<T> {
  const ready = Promise.reject(
    new ApiError({ verb: 'list', path }, { status: 403, reason: 'Forbidden', message: 'nodes is forbidden' }),
  );
  ready.catch(() => undefined);
  return {
    ready,
    items: () => [],
    find: () => [],
    subscribe: () => () => undefined,
    trouble: () => undefined,
    sees: () => true,
    stop: () => undefined,
  };
}

const GONE = 'gone';

/** One list and its watch. */
class Tape {
  readonly path: string;
  readonly #stream: Stream;
  readonly #way: Way;
  #store: Store<KubeObject> | undefined;
  readonly #listeners = new Set<(changed?: ReadonlySet<string>) => void>();
  /** By uid, as last seen. */
  readonly #versions = new Map<string | undefined, string>();

  constructor(stream: Stream, way: Way) {
    this.path = stream.path;
    this.#stream = stream;
    this.#way = way;
  }

  open<T extends KubeObject>(target: CollectionTarget<T>): Collection<T> {
    const store = new Store<T>(target);
    store.replace(this.#stream.items as readonly T[], this.#stream.resourceVersion);
    this.#store = store as unknown as Store<KubeObject>;
    return {
      ready: Promise.resolve(),
      items: () => store.items(),
      find: (key) => store.find(key),
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      trouble: () => undefined,
      sees: () => true,
      stop: () => undefined,
    };
  }

  deliveries(): readonly Delivery[] {
    const { happenings } = this.#stream;
    const { late, breaks } = this.#way;
    let at = -Infinity;
    return happenings.flatMap((happening, index) => {
      at = Math.max(at, happening.at + (late[index % late.length] ?? 0));
      const now = at;
      const tell = (one: Happening): Delivery => ({ at: now, deliver: () => this.#apply(one) });
      const more = breaks
        .filter(({ after }) => after === index)
        .flatMap(({ kind, events }) =>
          kind === 'again'
            ? happenings.slice(Math.max(0, index - events), index + 1).map(tell)
            : [{ at: now, deliver: () => this.#relist(now) }],
        );
      return [tell(happening), ...more];
    });
  }

  #apply(happening: Happening): void {
    this.#store?.apply(happening);
    this.#tell();
  }

  #tell(): void {
    const changed = this.#store?.takeChanged();
    for (const listener of this.#listeners) listener(changed);
    this.#check();
  }

  /** No object goes back to what it was, and none that has gone comes back. */
  #check(): void {
    const there = new Map(
      this.#store?.items().map(({ metadata }) => [metadata?.uid, metadata?.resourceVersion ?? '']),
    );
    for (const [uid, before] of this.#versions) {
      const now = there.get(uid);
      if (now !== undefined && (before === GONE || isNewer(before, now)))
        throw new Error(`${this.path}: ${uid} went back from ${before} to ${now}`);
    }
    for (const uid of this.#versions.keys()) if (!there.has(uid)) this.#versions.set(uid, GONE);
    for (const [uid, version] of there) this.#versions.set(uid, version);
  }

  /** What the server answers at that moment: all that had happened by then, told or not. */
  #relist(now: number): void {
    const { items, happenings, resourceVersion } = this.#stream;
    const there = new Map(items.map((item) => [item.metadata?.uid, item]));
    let version = resourceVersion;
    for (const { at, type, object } of happenings) {
      if (at > now) break;
      if (type === 'DELETED') there.delete(object.metadata?.uid);
      else there.set(object.metadata?.uid, object);
      version = object.metadata?.resourceVersion ?? version;
    }
    this.#store?.replace([...there.values()], version);
    this.#tell();
  }
}
