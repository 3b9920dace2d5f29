import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault, Passing } from './fault.ts';

type Match = (request: Passing) => boolean;

interface Rule {
  readonly match: Match;
  readonly fault: Fault;
  readonly once: boolean;
  readonly met: (request: Passing) => void;
}

/** What passes a server of ours, and what it meets there: the first rule that fits. */
export class Rules {
  /** Every request in the order in which it came. */
  readonly seen: Passing[] = [];
  #rules: readonly Rule[] = [];

  /** What the next request that fits meets; resolves when it came. */
  once(match: Match, fault: Fault): Promise<Passing> {
    const { promise, resolve } = Promise.withResolvers<Passing>();
    this.#rules = [...this.#rules, { match, fault, once: true, met: resolve }];
    return promise;
  }

  /** What every request that fits meets, until it is taken back. */
  always(match: Match, fault: Fault): () => void {
    const rule = { match, fault, once: false, met: (): void => undefined };
    this.#rules = [...this.#rules, rule];
    return () => {
      this.#rules = this.#rules.filter((one) => one !== rule);
    };
  }

  /** Serves one request: `forward` hands it on, `pass` passes the answer on. */
  protected async serve(
    incoming: IncomingMessage,
    response: ServerResponse,
    forward: (request: Passing) => Promise<IncomingMessage>,
    pass: (request: Passing, answer: IncomingMessage) => void,
  ): Promise<void> {
    response.on('error', () => undefined);
    try {
      const request = await passing(incoming);
      this.seen.push(request);
      const rule = this.#rules.find(({ match }) => match(request));
      if (rule?.once) this.#rules = this.#rules.filter((one) => one !== rule);
      rule?.met(request);
      const ahead = async (): Promise<IncomingMessage> => {
        request.reached = true;
        const answer = await forward(request);
        request.status = answer.statusCode;
        return answer;
      };
      const through = async (): Promise<void> => pass(request, await ahead());
      await (rule === undefined
        ? through()
        : rule.fault({ request, response, forward: ahead, pass: through }));
    } catch {
      // The other side went away, or the test has ended: whoever still waits on this side sees the same.
      response.destroy();
    }
  }
}

async function passing(incoming: IncomingMessage): Promise<Passing> {
  const at = performance.now();
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const url = new URL(incoming.url ?? '/', 'http://server');
  return {
    method: incoming.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    watch: url.searchParams.has('watch'),
    token: incoming.headers.authorization?.replace(/^Bearer /, '') ?? '',
    body: Buffer.concat(chunks),
    at,
    reached: false,
    status: undefined,
  };
}
