/**
 * The cluster as its administrator sees it, through `kubectl proxy`: what the tests set up and what they find
 * afterwards owes nothing to the code that is tested.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../src/model/kube.ts';
import type { Cluster } from '../cluster/index.ts';

/** A manifest, or anything else that the API takes. */
export type Manifest = Readonly<Record<string, unknown>> & KubeObject;

/** Starts `kubectl proxy` at a socket that nobody else may open; answers its path and how to end it. */
export async function startProxy(cluster: Cluster): Promise<{ readonly socket: string; stop(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'steadyship-proxy-'));
  const socket = join(folder, 'socket');
  const args = ['proxy', `--unix-socket=${socket}`, '--kubeconfig', cluster.kubeconfig];
  const child = spawn(cluster.kubectl, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const stop = (): void => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', stop);
  for (let tries = 0; !existsSync(socket); tries += 1) {
    if (child.exitCode !== null || tries > 200) throw new Error(`kubectl proxy did not start: ${said}`);
    await sleep(50);
  }
  return { socket, stop };
}

/** What a watch brings: the objects that there are, after every change. */
type Predicate<T> = (items: readonly T[]) => boolean;

export class Kube {
  readonly #agent = new Agent({ keepAlive: true, timeout: 4_000 });
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  async get<T>(path: string): Promise<T> {
    return await this.#send<T>('GET', path);
  }

  async list<T>(path: string): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> {
    const { items, metadata } = await this.get<{ items: T[]; metadata: { resourceVersion: string } }>(path);
    return { items, resourceVersion: metadata.resourceVersion };
  }

  async create<T>(path: string, object: object): Promise<T> {
    return await this.#send<T>('POST', path, object);
  }

  /** Like `kubectl apply --server-side`, so that a manifest is all there is to say. */
  async apply<T>(path: string, object: Manifest, manager = 'e2e-setup'): Promise<T> {
    const name = object.metadata?.name ?? '';
    const query = `fieldManager=${manager}&force=true`;
    return await this.#send<T>('PATCH', `${path}/${name}?${query}`, object, 'application/apply-patch+yaml');
  }

  async delete(path: string): Promise<void> {
    await this.#send('DELETE', path, { propagationPolicy: 'Background' });
  }

  /** Every state of the objects of a list, from now on, until the signal ends it. */
  async *watch<T extends KubeObject>(path: string, signal: AbortSignal): AsyncGenerator<readonly T[]> {
    const { items, resourceVersion } = await this.list<T>(path);
    const known = new Map(items.map((item) => [item.metadata?.uid, item]));
    yield [...known.values()];
    for await (const { type, object } of this.events<T>(path, resourceVersion, signal)) {
      if (type === 'DELETED') known.delete(object.metadata?.uid);
      else known.set(object.metadata?.uid, object);
      yield [...known.values()];
    }
  }

  /** What happens to the objects of a list after that version, one by one, until the signal ends it. */
  async *events<T extends KubeObject>(
    path: string,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }> {
    const query = `watch=1&resourceVersion=${resourceVersion}`;
    const response = await this.#open('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`, { signal });
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = JSON.parse(line) as { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T };
        if ((event.type as string) === 'ERROR') throw new Error(`watch of ${path}: ${line}`);
        yield event;
      }
    }
  }

  /** Waits until what is listed is as wanted, and tells what it was when that does not come. */
  async until<T extends KubeObject>(path: string, wanted: Predicate<T>, seconds = 90): Promise<readonly T[]> {
    const limit = AbortSignal.timeout(seconds * 1_000);
    let last: readonly T[] = [];
    try {
      for await (const items of this.watch<T>(path, limit)) {
        last = items;
        if (wanted(items)) return items;
      }
    } catch (error) {
      if (!limit.aborted) throw error;
    }
    throw new Error(
      `Waited ${seconds} s for ${wanted} of ${path}; last seen: ${JSON.stringify(last, null, 2)}`,
    );
  }

  async #send<T>(method: string, path: string, body?: object, type?: string): Promise<T> {
    return JSON.parse(await text(await this.#open(method, path, { body, type }))) as T;
  }

  async #open(
    method: string,
    path: string,
    {
      body,
      type = 'application/json',
      signal,
    }: { body?: object | undefined; type?: string | undefined; signal?: AbortSignal },
  ): Promise<IncomingMessage> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({
        socketPath: this.#socket,
        agent: this.#agent,
        method,
        path,
        ...(bytes === undefined
          ? {}
          : { headers: { 'content-type': type, 'content-length': String(bytes.length) } }),
        ...(signal === undefined ? {} : { signal }),
      })
        .on('response', resolve)
        .on('error', reject)
        .end(bytes);
    });
    if ((response.statusCode ?? 0) < 300) return response;
    throw new Error(`${method} ${path}: ${response.statusCode} ${await text(response)}`);
  }
}
