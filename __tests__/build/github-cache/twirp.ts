/** Errors as Twirp tells them: https://twitchtv.github.io/twirp/docs/spec_v7.html#error-codes */
const STATUS = {
  bad_route: 404,
  invalid_argument: 400,
  malformed: 400,
  not_found: 404,
  permission_denied: 403,
  already_exists: 409,
  unauthenticated: 401,
} as const;

/** An answer that ends a call. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, body: string) {
    super(body);
    this.status = status;
  }
}

export function twirpError(code: keyof typeof STATUS, message: string): Refusal {
  return new Refusal(STATUS[code], JSON.stringify({ code, msg: message }));
}
