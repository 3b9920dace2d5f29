import type { Deployment, PodSpec } from '../../src/model/kube.ts';
import type { Kube } from './kube.ts';

/** Watches the Deployments of a namespace, so that no patch goes unseen, not even one that was taken back. */
export class Recorder {
  readonly #abort = new AbortController();
  /** By uid, every generation's template. */
  readonly #seen = new Map<string, Map<number, PodSpec>>();
  #changed = Promise.withResolvers<void>();

  /** Resolves when it has seen what there is now. */
  static async start(kube: Kube, path: string): Promise<Recorder> {
    const recorder = new Recorder();
    const watch = kube.watch<Deployment>(path, recorder.#abort.signal);
    const first = await watch.next();
    recorder.#take(first.value ?? []);
    void recorder.#follow(watch);
    return recorder;
  }

  /** The pod specs that the Deployment had since the start, up to what was just read of it. */
  async historyOf({ metadata }: Deployment): Promise<readonly PodSpec[]> {
    const seen = (): ReadonlyMap<number, PodSpec> => this.#seen.get(metadata?.uid ?? '') ?? new Map();
    while (!seen().has(metadata?.generation ?? 0)) await this.#changed.promise;
    return [...seen()].sort(([one], [other]) => one - other).map(([, spec]) => spec);
  }

  stop(): void {
    this.#abort.abort();
  }

  async #follow(watch: AsyncGenerator<readonly Deployment[]>): Promise<void> {
    try {
      for await (const items of watch) this.#take(items);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#changed.reject(error);
    }
  }

  #take(items: readonly Deployment[]): void {
    for (const { metadata, spec } of items) {
      const uid = metadata?.uid ?? '';
      const generations = this.#seen.get(uid) ?? new Map<number, PodSpec>();
      this.#seen.set(uid, generations.set(metadata?.generation ?? 0, spec?.template?.spec ?? {}));
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
