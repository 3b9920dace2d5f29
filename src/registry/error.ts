import { UserError } from '../model/error.ts';

/**
 * Why a registry did not do what was asked. "Absent" is none of them: only an answer of the registry that
 * says so makes an image absent, never one that did not come.
 */
export type RegistryFailure =
  | 'denied'
  | 'unauthorized'
  | 'unreachable'
  | 'missing-repository'
  | 'read-only'
  | 'immutable'
  | 'invalid';

/** A registry's refusal or silence, in a sentence that is shown as it stands. */
export class RegistryError extends UserError {
  readonly failure: RegistryFailure;

  constructor(failure: RegistryFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
