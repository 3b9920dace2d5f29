/** What goes wrong with a watch, told apart: what merely has to be resumed, and what somebody must hear of. */
import { UserError } from '../model/error.ts';
import type { Trouble } from './client.ts';
import { ApiError } from './errors.ts';
import { explain } from './explain.ts';
import { LoginAwayError } from './login-error.ts';

/** The watch ended in a way that is no trouble: it is to be resumed from where it was. */
export class BrokenWatch extends Error {
  override readonly name = 'BrokenWatch';
}

export function troubleOf(error: unknown, server: string, since: number): Trouble {
  return { kind: kindOf(error), message: explain(error, { server }), since };
}

function kindOf(error: unknown): Trouble['kind'] {
  if (error instanceof ApiError && error.status === 403) return 'forbidden';
  // It worked before: what keeps it from working now may be what keeps the cluster away.
  if (error instanceof LoginAwayError) return 'unreachable';
  // Credentials that can not be had are as good as credentials that are not accepted.
  if (error instanceof UserError || (error instanceof ApiError && error.status === 401))
    return 'unauthorized';
  return 'unreachable';
}
