/**
 * What stands between the action and the real API server, and misbehaves as told: at the wire (resets, silence,
 * refused connections) by the adapter's own TCP proxy, and above TLS (statuses, lost answers, watches that expire or
 * are held back) by this server. It keeps count of what really reached the API server.
 */
import type { Agent, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, Agent as SecureAgent, type Server, request as sendRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { onTestFinished } from 'vitest';
import { issue, makeAuthority } from '../cluster/certificate.ts';
import { FaultProxy } from '../cluster-adapter/fault-proxy.ts';
import type { Stage } from '../harness/stage.ts';
import { imagesOf, longWatch, type Passing } from './fault.ts';
import { Rules } from './rules.ts';

const authority = makeAuthority('faults');
const SUBJECT = { name: 'faulty-api', hosts: ['127.0.0.1'] };
const pair = issue(authority, SUBJECT);

export class FaultyApi extends Rules {
  readonly #stage: Stage;
  readonly #server: Server;
  readonly #upstream: Agent;
  readonly #watches = new Set<Watch>();
  #opened = Promise.withResolvers<void>();
  #wire: FaultProxy | undefined;

  /** @param finished the test's own, for tests run at the same time */
  static async before(stage: Stage, finished: typeof onTestFinished): Promise<FaultyApi> {
    const api = new FaultyApi(stage);
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve));
    api.#wire = await FaultProxy.to((api.#server.address() as AddressInfo).port, finished);
    finished(() => api.#stop());
    stage.know('api', api.url);
    stage.know('address', new URL(api.url).host);
    return api;
  }

  private constructor(stage: Stage) {
    super();
    this.#stage = stage;
    const ca = Buffer.from(String(stage.setup.server['certificate-authority-data']), 'base64');
    this.#upstream = new SecureAgent({ ca, keepAlive: true });
    const options = { cert: pair.certificate, key: pair.key };
    this.#server = createServer(options, (request, response) => void this.#serve(request, response));
  }

  get wire(): FaultProxy {
    if (this.#wire === undefined) throw new Error('The proxy was not started.');
    return this.#wire;
  }

  get url(): string {
    return `https://127.0.0.1:${this.wire.port}`;
  }

  /** The stage's user, or another, at this address; with the authority in a file, if there is one. */
  kubeconfig(user: object = this.#stage.user, file?: string): string {
    const data = Buffer.from(authority.certificate).toString('base64');
    const trusts = { 'certificate-authority-data': file === undefined ? data : undefined };
    return this.#stage.kubeconfigWith(user, {
      server: this.url,
      ...trusts,
      ...(file === undefined ? {} : { 'certificate-authority': file }),
    });
  }

  /** The certificate, in PEM, of the authority that vouches for this server to begin with. */
  readonly authority = authority.certificate;

  /** From now on another authority vouches for this server; what was open is cut. Answers its certificate. */
  rotate(): string {
    const next = makeAuthority('faults');
    const { certificate, key } = issue(next, SUBJECT);
    this.#server.setSecureContext({ cert: certificate, key });
    this.reset();
    return next.certificate;
  }

  /** The images that the API server was asked to set, in the order in which the patches reached it. */
  get patches(): readonly string[] {
    return this.seen.filter(({ method, reached }) => method === 'PATCH' && reached).flatMap(imagesOf);
  }

  /** Nothing listens at the address any more, and what was open is gone. */
  async away(): Promise<void> {
    await this.wire.stop();
  }

  async back(): Promise<void> {
    await this.wire.listen(this.wire.port);
  }

  /** All that is open is cut by TCP resets. */
  reset(): void {
    this.wire.reset();
  }

  /** Waits until so many watches that are to last are open. */
  async watched(count: number): Promise<void> {
    const lasting = () => [...this.#watches].filter(({ request }) => longWatch(request));
    while (lasting().length < count) await this.#opened.promise;
  }

  /** The watches that are open end with this event. */
  endWatches(event: object): void {
    for (const watch of this.#watches) watch.endWith(event);
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.serve(
      incoming,
      response,
      (request) => this.#forward(incoming, request, response),
      (request, answer) => this.#pass(request, answer, response),
    );
  }

  #forward(incoming: IncomingMessage, request: Passing, response: ServerResponse): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(this.#stage.server);
      const { method, headers, url } = incoming;
      const outgoing = sendRequest({ hostname, port, method, headers, path: url, agent: this.#upstream });
      outgoing.once('error', reject).once('response', resolve);
      if (request.watch) response.once('close', () => outgoing.destroy());
      outgoing.end(request.body);
    });
  }

  #pass(request: Passing, answer: IncomingMessage, response: ServerResponse): void {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    if (!request.watch || answer.statusCode !== 200) {
      answer.on('error', () => response.destroy()).pipe(response);
      return;
    }
    response.flushHeaders();
    const watch = new Watch(request, answer, response);
    this.#watches.add(watch);
    this.#opened.resolve();
    this.#opened = Promise.withResolvers();
    response.once('close', () => this.#watches.delete(watch));
  }

  async #stop(): Promise<void> {
    // First what is silent: a TLS handshake that never ends would be waited for two minutes.
    await this.wire.stop();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#upstream.destroy();
    await closed;
  }
}

/** A watch that passes; an event of ours may only come between two lines. */
class Watch {
  readonly request: Passing;
  readonly #response: ServerResponse;
  #between = true;
  #last: string | undefined;

  constructor(request: Passing, answer: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.#response = response;
    answer.on('error', () => response.destroy());
    answer.on('end', () => response.end());
    answer.on('data', (chunk: Buffer) => {
      if (response.writableEnded) return;
      response.write(chunk);
      this.#between = chunk.at(-1) === 0x0a;
      this.#endIfAsked();
    });
  }

  endWith(event: object): void {
    this.#last = `${JSON.stringify(event)}\n`;
    this.#endIfAsked();
  }

  #endIfAsked(): void {
    if (this.#last !== undefined && this.#between) this.#response.end(this.#last);
  }
}
