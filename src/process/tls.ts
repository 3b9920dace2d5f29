import { UserError } from '../model/error.ts';

/**
 * Node obeys this variable in every connection that it makes: to the cluster, the registry and GitHub alike.
 *
 * @throws UserError when it turns verification off
 */
export function refuseUnverifiedTls(environment: Readonly<Record<string, string | undefined>>): void {
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return;
  throw new UserError(
    'The environment variable NODE_TLS_REJECT_UNAUTHORIZED=0 turns off the verification of all TLS ' +
      'certificates, so anybody in between could read the credentials. Remove it; for a certificate authority ' +
      'of your own set NODE_EXTRA_CA_CERTS to its file.',
  );
}
