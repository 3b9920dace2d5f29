import { UserError } from '../model/error.ts';

/**
 * A login that worked before gives no credential now: as a cluster that is away, it may be back in a moment. One that
 * never worked is a plain UserError.
 */
export class LoginAwayError extends UserError {}
