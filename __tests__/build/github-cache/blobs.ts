/**
 * Azure's block blobs, as far as a client with a signed URL uses them: whole or in blocks, read whole or from a byte
 * on. Operations, statuses and error codes are those of
 * https://learn.microsoft.com/rest/api/storageservices/operations-on-block-blobs and its neighbours.
 */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** What a URL allows: to create and write, or to read. */
type Permission = 'cw' | 'r';

export type Operation = 'PUT blob' | 'PUT block' | 'PUT blocklist' | 'GET blob' | 'HEAD blob';

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer;
}

/** An error as Azure tells it: in a header and in XML. */
export class BlobError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Below this path is the storage account's only container. */
export const CONTAINER = '/actions-cache/';
const LIFETIME = 600_000;

export class Blobs {
  readonly #key = randomBytes(32);
  readonly #committed = new Map<string, Buffer>();
  readonly #blocks = new Map<string, Map<string, Buffer>>();

  /** A URL with which whoever has it may do that, for ten minutes. */
  sign(origin: string, name: string, permission: Permission, lifetime = LIFETIME): string {
    const expiry = new Date(Date.now() + lifetime).toISOString();
    const query = new URLSearchParams({ se: expiry, sp: permission, sr: 'b', sv: '2025-05-05' });
    query.set('sig', this.#signature(name, permission, expiry));
    return `${origin}${CONTAINER}${name}?${query}`;
  }

  size(name: string): number | undefined {
    return this.#committed.get(name)?.length;
  }

  remove(name: string): void {
    this.#committed.delete(name);
  }

  /** Answers a request below the container. */
  async serve(request: IncomingMessage, response: ServerResponse, before: (what: Operation) => void) {
    const head = { 'x-ms-request-id': randomUUID(), 'x-ms-version': '2025-05-05', 'accept-ranges': 'bytes' };
    // An answer before the whole body arrived would be a reset to whoever is still sending.
    const sent = await buffer(request);
    try {
      const { status, headers, body } = this.#answer(request, sent, before);
      response.writeHead(status, { ...head, 'content-length': body?.length ?? 0, ...headers }).end(body);
    } catch (error) {
      if (!(error instanceof BlobError)) throw error;
      const { status, code, message } = error;
      const xml = `\uFEFF<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}\nRequestId:${head['x-ms-request-id']}</Message></Error>`;
      response.writeHead(status, { ...head, 'content-type': 'application/xml', 'x-ms-error-code': code });
      response.end(request.method === 'HEAD' ? undefined : xml);
    }
  }

  #answer(request: IncomingMessage, sent: Buffer, before: (what: Operation) => void): Answer {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://blob');
    const name = pathname.slice(CONTAINER.length);
    const writes = request.method === 'PUT';
    this.#check(name, searchParams, writes ? 'w' : 'r');
    const operation = operationOf(request.method ?? '', searchParams.get('comp'));
    before(operation);
    const range = request.headers['x-ms-range'] ?? request.headers.range;
    switch (operation) {
      case 'PUT blob':
        if (request.headers['x-ms-blob-type'] !== 'BlockBlob') {
          throw new BlobError(400, 'MissingRequiredHeader', "An HTTP header that's mandatory is missing.");
        }
        return this.#commit(name, sent);
      case 'PUT block':
        return this.#stage(name, searchParams.get('blockid') ?? '', sent);
      case 'PUT blocklist':
        return this.#commit(name, this.#join(name, sent.toString('utf8')));
      case 'GET blob':
      case 'HEAD blob':
        return this.#read(name, operation === 'HEAD blob', typeof range === 'string' ? range : undefined);
    }
  }

  /** Who has no valid signature learns nothing else. */
  #check(name: string, query: URLSearchParams, wanted: string): void {
    const [signature = '', permission = '', expiry = ''] = ['sig', 'sp', 'se'].map(
      (key) => query.get(key) ?? '',
    );
    const expected = Buffer.from(this.#signature(name, permission, expiry));
    const given = Buffer.from(signature);
    const valid = given.length === expected.length && timingSafeEqual(given, expected);
    if (!valid || Date.parse(expiry) < Date.now()) {
      throw new BlobError(
        403,
        'AuthenticationFailed',
        'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.',
      );
    }
    if (!permission.includes(wanted)) {
      throw new BlobError(
        403,
        'AuthorizationPermissionMismatch',
        'This request is not authorized to perform this operation using this permission.',
      );
    }
  }

  #signature(name: string, permission: string, expiry: string): string {
    return createHmac('sha256', this.#key).update(`${permission}\n${expiry}\n${name}`).digest('base64');
  }

  #stage(name: string, id: string, bytes: Buffer): Answer {
    const staged = this.#blocks.get(name) ?? new Map<string, Buffer>();
    const [other = id] = staged.keys();
    if (id === '' || id.length !== other.length) {
      throw new BlobError(400, 'InvalidBlobOrBlock', 'The specified blob or block content is invalid.');
    }
    this.#blocks.set(name, staged.set(id, bytes));
    return { status: 201 };
  }

  #join(name: string, list: string): Buffer {
    const ids = [...list.matchAll(/<(?:Latest|Uncommitted)>([^<]*)</g)].map(([, id = '']) => id);
    return Buffer.concat(
      ids.map((id) => {
        const block = this.#blocks.get(name)?.get(id);
        if (block === undefined) {
          throw new BlobError(400, 'InvalidBlockList', 'The specified block list is invalid.');
        }
        return block;
      }),
    );
  }

  #commit(name: string, bytes: Buffer): Answer {
    this.#committed.set(name, bytes);
    this.#blocks.delete(name);
    return { status: 201, headers: { etag: '"0x8DC"', 'last-modified': new Date().toUTCString() } };
  }

  #read(name: string, onlyHead: boolean, range: string | undefined): Answer {
    const bytes = this.#committed.get(name);
    if (bytes === undefined) throw new BlobError(404, 'BlobNotFound', 'The specified blob does not exist.');
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const type = {
      'content-type': 'application/octet-stream',
      'x-ms-blob-type': 'BlockBlob',
      etag: '"0x8DC"',
    };
    if (first === undefined) {
      return {
        status: 200,
        headers: { ...type, 'content-length': bytes.length },
        ...(onlyHead ? {} : { body: bytes }),
      };
    }
    const from = Number(first);
    const to = Math.min(last ? Number(last) : bytes.length - 1, bytes.length - 1);
    if (from > to) {
      throw new BlobError(
        416,
        'InvalidRange',
        'The range specified is invalid for the current size of the resource.',
      );
    }
    const part = bytes.subarray(from, to + 1);
    const headers = {
      ...type,
      'content-range': `bytes ${from}-${to}/${bytes.length}`,
      'content-length': part.length,
    };
    return { status: 206, headers, ...(onlyHead ? {} : { body: part }) };
  }
}

function operationOf(method: string, component: string | null): Operation {
  const operation = `${method} ${component ?? 'blob'}`;
  if (/^(?:PUT (?:blob|block|blocklist)|(?:GET|HEAD) blob)$/.test(operation)) return operation as Operation;
  throw new BlobError(405, 'UnsupportedHttpVerb', "The resource doesn't support the specified HTTP verb.");
}
