/** The faults that one request can meet on its way to the API server and back. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One request, and what became of it. */
export interface Passing {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly watch: boolean;
  readonly token: string;
  readonly body: Buffer;
  /** performance.now() of its arrival. */
  readonly at: number;
  /** Whether it was handed on to the API server. */
  reached: boolean;
  /** What the API server answered, as soon as it has. */
  status: number | undefined;
}

interface Exchange {
  readonly request: Passing;
  readonly response: ServerResponse;
  /** Hands the request on; answers the API server's answer, of which nothing is passed on yet. */
  readonly forward: () => Promise<IncomingMessage>;
  /** As if nothing were in between. */
  readonly pass: () => Promise<void>;
}

export type Fault = (exchange: Exchange) => void | Promise<void>;

export const any = (): boolean => true;
export const patch = ({ method }: Passing): boolean => method === 'PATCH';
export const list = ({ method, watch }: Passing): boolean => method === 'GET' && !watch;
export const watch = (request: Passing): boolean => request.watch;
/** Watches that are to last, as opposed to the short ones that only ask what was missed. */
export const longWatch = ({ query }: Passing): boolean => Number(query.get('timeoutSeconds')) > 5;
/** A patch that sets this image. */
export const patchTo =
  (image: string) =>
  (request: Passing): boolean =>
    patch(request) && imagesOf(request).includes(image);

/** The images that a patch sets. */
export function imagesOf({ body }: Passing): readonly string[] {
  const operations = JSON.parse(body.toString()) as readonly {
    readonly op: string;
    readonly path: string;
    value: unknown;
  }[];
  return operations
    .filter(({ op, path }) => op === 'replace' && path.endsWith('/image'))
    .map(({ value }) => String(value));
}

/** The API server's own form of a refusal. */
export function status(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message };
}

/** An answer that the API server never gave. */
export function refuse(
  code: number,
  reason: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Fault {
  return ({ response }) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(status(code, reason, message)));
  };
}

/** Something else answers, and means well: the login or maintenance page of a gateway. */
export const page: Fault = ({ response }) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<!doctype html>\n<html><title>Maintenance</title><h1>Back in a minute</h1></html>\n');
};

/** The request is carried out, and the connection breaks before the first byte of the answer. */
export const loseReply: Fault = async ({ response, forward }) => {
  await read(await forward());
  response.destroy();
};

/** The request is carried out, and the connection breaks in the middle of the answer. */
export const cutReply: Fault = async ({ response, forward }) => {
  const answer = await forward();
  const body = await read(answer);
  response.writeHead(answer.statusCode ?? 500, answer.headers);
  response.write(body.subarray(0, body.length / 2), () => response.destroy());
};

/** The connection breaks before the request gets anywhere. The client can not tell it from a lost reply. */
export const loseRequest: Fault = ({ response }) => {
  response.destroy();
};

/** Nobody ever answers. */
export const stall: Fault = () => undefined;

/** Everything comes so many milliseconds late. */
export function late(milliseconds: number): Fault {
  return async ({ pass }) => {
    await sleep(milliseconds);
    await pass();
  };
}

/** It is carried out at once, but the answer takes so many milliseconds. */
export function lateReply(milliseconds: number): Fault {
  return async ({ response, forward }) => {
    const answer = await forward();
    const [body] = await Promise.all([read(answer), sleep(milliseconds)]);
    response.writeHead(answer.statusCode ?? 500, answer.headers).end(body);
  };
}

/** As a proxy that buffers: nothing of the answer is passed on before all of it is there. */
export const holdBack: Fault = async ({ response, forward }) => {
  const answer = await forward();
  const body = await read(answer);
  response.writeHead(answer.statusCode ?? 500, answer.headers).end(body);
};

/** A stream that comes in pieces of so many bytes, each in a packet of its own. */
export function drip(bytes: number): Fault {
  return async ({ response, forward }) => {
    const answer = await forward();
    response.writeHead(answer.statusCode ?? 500, answer.headers).flushHeaders();
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      for (let start = 0; start < chunk.length; start += bytes) {
        response.write(chunk.subarray(start, start + bytes));
        await new Promise(setImmediate);
      }
    }
    response.end();
  };
}

/** Something happens elsewhere before the request is handed on. */
export function after(event: () => Promise<unknown>): Fault {
  return async ({ pass }) => {
    await event();
    await pass();
  };
}

async function read(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
