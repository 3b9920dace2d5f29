import { X509Certificate } from 'node:crypto';
import type { Credential } from './credentials.ts';

/** Why the server may have refused it, as far as it can be seen from here: an end that has passed. */
export function whyRefused(credential: Credential, now: Date): string | undefined {
  const ends = (what: string, end: Date): string | undefined =>
    end.getTime() <= now.getTime() ? `${what} expired on ${day(end)}` : undefined;
  if (credential.certificate !== undefined) {
    try {
      return ends(
        'the client certificate',
        new X509Certificate(credential.certificate.certificate).validToDate,
      );
    } catch {
      return undefined;
    }
  }
  const claims = credential.authorization?.match(/^Bearer [^.]+\.([^.]+)\.[^.]*$/)?.[1];
  if (claims === undefined) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' ? ends('the token', new Date(exp * 1000)) : undefined;
  } catch {
    return undefined;
  }
}

function day(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
