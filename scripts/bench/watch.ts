/**
 * What happens in a namespace, with the time at which each change arrived here. The watches are the bench's own,
 * so that no tool is measured by its own word.
 */
import { get, type IncomingMessage } from 'node:http';
import type { Api } from '../shop/api.ts';

export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly generation?: number;
    readonly resourceVersion: string;
    readonly deletionTimestamp?: string;
  };
  readonly [field: string]: unknown;
}

const PATHS = { deployments: 'apis/apps/v1', pods: 'api/v1' } as const;

export type Kind = keyof typeof PATHS;

/** @param at of performance.now() */
export type Listener = (kind: Kind, object: KubeObject, at: number) => void;

export class Watcher {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #objects: Readonly<Record<Kind, Map<string, KubeObject>>> = {
    deployments: new Map(),
    pods: new Map(),
  };
  readonly #listeners = new Set<Listener>();
  readonly #streams: IncomingMessage[] = [];
  #broken: Error | undefined;

  readonly #kinds: readonly Kind[];

  constructor(api: Api, namespace: string, kinds: readonly Kind[] = ['deployments', 'pods']) {
    this.#api = api;
    this.#namespace = namespace;
    this.#kinds = kinds;
  }

  async open(): Promise<this> {
    await Promise.all(this.#kinds.map((kind) => this.#watch(kind)));
    return this;
  }

  close(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  /** The objects as they are now. */
  objects(kind: Kind): readonly KubeObject[] {
    return [...this.#objects[kind].values()];
  }

  /** Answers with what ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits until something holds of the objects. */
  async until(what: string, holds: () => boolean, seconds = 120): Promise<void> {
    if (this.#broken) throw this.#broken;
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(
        () => settle(() => reject(new Error(`${seconds} s went by without ${what}.`))),
        seconds * 1000,
      );
      const unsubscribe = this.subscribe(() => {
        if (holds()) settle(resolve);
      });
      const settle = (then: () => void): void => {
        clearTimeout(late);
        unsubscribe();
        then();
      };
    });
  }

  async #watch(kind: Kind): Promise<void> {
    const url = `${this.#api.url}/${PATHS[kind]}/namespaces/${this.#namespace}/${kind}`;
    const response = await fetch(url);
    const list = (await response.json()) as { items: KubeObject[]; metadata: { resourceVersion: string } };
    for (const item of list.items) this.#objects[kind].set(item.metadata.name, item);
    const query = `watch=true&timeoutSeconds=7200&resourceVersion=${list.metadata.resourceVersion}`;
    const stream = await open(`${url}?${query}`);
    this.#streams.push(stream);
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const at = performance.now();
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(kind, JSON.parse(line), at);
    });
    stream.once('close', () => {
      this.#broken = new Error(`The bench's watch of ${kind} ended.`);
    });
  }

  #take(kind: Kind, event: { type: string; object: KubeObject }, at: number): void {
    if (event.type === 'ERROR')
      throw new Error(`The bench's watch of ${kind}: ${JSON.stringify(event.object)}`);
    if (event.type === 'DELETED') this.#objects[kind].delete(event.object.metadata.name);
    else this.#objects[kind].set(event.object.metadata.name, event.object);
    for (const listener of [...this.#listeners]) listener(kind, event.object, at);
  }
}

function open(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`GET ${url}: ${response.statusCode}`));
    }).once('error', reject);
  });
}
