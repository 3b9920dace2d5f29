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

/** The proxy opened no tunnel, so the server never heard of the request. Its message is about the proxy alone. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** What the proxy answered; undefined: it did not. */
  readonly status: number | undefined;
  /** Node's, where it is the way to the proxy that failed. */
  readonly code: string | undefined;

  private constructor(
    message: string,
    { status, code }: { readonly status?: number; readonly code?: string | undefined },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = status;
    this.code = code;
  }

  static refused(status: number): ProxyError {
    const why =
      status === 407
        ? 'the proxy asks for a user name and password (407)'
        : `the proxy answered ${status} when it was asked for a tunnel`;
    return new ProxyError(why, { status });
  }

  /** @param host with the port, and without the login that the proxy's URL may bear */
  static unreachable(host: string, cause: Error): ProxyError {
    const { code } = cause as NodeJS.ErrnoException;
    return new ProxyError(`the proxy ${host} can not be reached (${wordsOf(cause)})`, { code }, { cause });
  }

  static silent(host: string, seconds: number): ProxyError {
    return new ProxyError(`the proxy ${host} opened no tunnel within ${seconds} s`, { code: 'ETIMEDOUT' });
  }

  /** @param words of the SOCKS client; not its error, which bears the password */
  static socks(words: string): ProxyError {
    return new ProxyError(`the SOCKS proxy: ${words}`, {});
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
