import { randomUUID, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeAuthority } from '../cluster/certificate.ts';
import type { RegistryOptions } from '../cluster/registry.ts';

/** Who may do what, by `user:password`; `anonymous` for who shows no login. */
export type Rights = Readonly<Record<string, readonly string[]>>;

/**
 * A token service as the distribution registry trusts one: it signs what of the wished scopes the user may do.
 * https://distribution.github.io/distribution/spec/auth/jwt/
 */
export async function startTokenServer(
  folder: string,
  rights: Rights,
): Promise<{ readonly token: NonNullable<RegistryOptions['token']>; stop(): Promise<void> }> {
  const authority = makeAuthority('the token service');
  const rootcertbundle = join(folder, 'tokens.crt');
  writeFileSync(rootcertbundle, authority.certificate);
  const der = authority.certificate.replace(/-----[^-]+-----|\s/g, '');
  const service = 'the test registry';
  const issuer = 'the test';
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tokenFor = (scopes: readonly string[], allowed: readonly string[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',').filter((action) => allowed.includes(action)) };
    });
    const claims = {
      iss: issuer,
      sub: 'x',
      aud: service,
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access,
    };
    const text = `${part({ typ: 'JWT', alg: 'ES256', x5c: [der] })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(text), { key: authority.signer, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://token');
    const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    const who = basic === undefined ? 'anonymous' : Buffer.from(basic, 'base64').toString('utf8');
    const allowed = rights[who];
    response.setHeader('content-type', 'application/json');
    if (allowed === undefined) {
      response.writeHead(401).end(JSON.stringify({ details: 'incorrect username or password' }));
      return;
    }
    const token = tokenFor(url.searchParams.getAll('scope'), allowed);
    response.end(JSON.stringify({ token, expires_in: 300 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return {
    token: { realm, service, issuer, rootcertbundle },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
