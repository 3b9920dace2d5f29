/**
 * The two ways in which a request fails, told apart because the gate must never mix them up: a server that
 * answered "no" said something about the world, a server that did not answer said nothing.
 */
export interface RequestName {
  readonly verb: string;
  readonly path: string;
}

/** A cause inside a Status object; admission and quota refusals say the interesting part here. */
export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** `details` of the Status object that the server answered with. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** What ApiError is made of. */
export interface Refusal {
  readonly status: number;
  readonly reason?: string | undefined;
  readonly message: string;
  readonly details?: StatusDetails | undefined;
  readonly retryAfter?: string | string[] | undefined;
  readonly hint?: string | undefined;
}

/** The server answered, and the answer was no. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** `NotFound`, `Forbidden`, `AlreadyExists`, `Conflict`, `Invalid`, …: the Status object's reason. */
  readonly reason: string | undefined;
  /** The server's own sentence, or the first line of whatever body came instead of a Status object. */
  readonly serverMessage: string;
  readonly verb: string;
  readonly path: string;
  readonly details: StatusDetails | undefined;

  /** The header Retry-After as it came. */
  readonly retryAfter: string | undefined;
  /** What we can see ourselves of why: "its token expired on …". */
  readonly hint: string | undefined;

  constructor(request: RequestName, answer: Refusal, options?: ErrorOptions) {
    const reason = answer.reason ? ` ${answer.reason}` : '';
    super(`${request.verb} ${request.path}: ${answer.status}${reason}: ${answer.message}`, options);
    this.status = answer.status;
    this.reason = answer.reason === '' ? undefined : answer.reason;
    this.serverMessage = answer.message;
    this.verb = request.verb;
    this.path = request.path;
    this.details = answer.details;
    this.retryAfter = Array.isArray(answer.retryAfter) ? answer.retryAfter[0] : answer.retryAfter;
    this.hint = answer.hint;
  }
}

interface UnreachableOptions extends ErrorOptions {
  readonly lastHeard?: Date | undefined;
  readonly trusting?: UnreachableError['trusting'];
}

/** No answer, or not a whole one. The cause is what the network layer said. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  /** Whether the server may have carried out the request: false only when it was certainly never sent. */
  readonly mayHaveArrived: boolean;
  readonly verb: string;
  readonly path: string;
  /** When the server last said anything in this run (wall time); undefined: never. */
  readonly lastHeard: Date | undefined;
  /** Whose certificate authorities the server's certificate was checked against. */
  readonly trusting: 'kubeconfig' | 'machine';

  constructor(
    request: RequestName,
    message: string,
    mayHaveArrived: boolean,
    { lastHeard, trusting = 'kubeconfig', ...options }: UnreachableOptions = {},
  ) {
    super(`${request.verb} ${request.path}: ${message}`, options);
    this.mayHaveArrived = mayHaveArrived;
    this.lastHeard = lastHeard;
    this.trusting = trusting;
    this.verb = request.verb;
    this.path = request.path;
  }
}

/** The same, where the server was heard before and the error does not say until when: its address is right then. */
export function heardUntil(error: unknown, lastHeard: Date | undefined): unknown {
  if (!(error instanceof UnreachableError) || error.lastHeard !== undefined) return error;
  const words = error.message.slice(`${error.verb} ${error.path}: `.length);
  return new UnreachableError(error, words, error.mayHaveArrived, { cause: error.cause, lastHeard });
}
