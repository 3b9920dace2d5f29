/** No whole answer came. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  /** Bytes of the request may have left. */
  readonly sent: boolean;

  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.sent = sent;
  }
}

/** The proxy was reached and opened no tunnel, so the server never heard of the request. */
export class ProxyRefusal extends Error {
  override readonly name = 'ProxyRefusal';
  readonly status: number;

  constructor(status: number) {
    super(
      status === 407
        ? 'the proxy asks for a user name and password (407)'
        : `the proxy answered ${status} when it was asked for a tunnel`,
    );
    this.status = status;
  }
}

/** An error with one of the codes by which Node tells network errors apart. */
export function networkError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Node's words for a connection that the other side closed, which say so to those alone who know them. */
const CLOSED: ReadonlySet<string> = new Set(['socket hang up', 'aborted']);

/** The network layer's own words. A name with several addresses fails with a list of errors and no message. */
export function wordsOf(error: Error): string {
  if (CLOSED.has(error.message)) return 'the other side closed the connection';
  const parts = error instanceof AggregateError ? error.errors : [];
  const words =
    error.message || parts.map((part) => (part instanceof Error ? part.message : String(part))).join(', ');
  return words || String((error as { code?: unknown }).code ?? error.name);
}
