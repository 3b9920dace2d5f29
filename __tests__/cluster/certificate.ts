/**
 * A certificate authority of the cluster's own, and what it signs (RFC 5280). Node can read certificates but
 * not write them, and openssl's command is not on every machine.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { bits, type Der, integer, objectId, octets, sequence, set, tagged, text, time, yes } from './der.ts';

export interface Pair {
  /** PEM */
  readonly certificate: string;
  /** PEM */
  readonly key: string;
}

export interface Authority extends Pair {
  readonly name: string;
  readonly signer: KeyObject;
  readonly identifier: Uint8Array;
}

export interface Subject {
  readonly name: string;
  /** Kubernetes reads it as the user's group. */
  readonly organization?: string;
  /** Addresses and host names of a server; a client has none. */
  readonly hosts?: readonly string[];
}

const day = 86_400_000;

export function makeAuthority(name: string): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const identifier = identify(publicKey);
  const extensions = [
    extension('2.5.29.19', sequence(yes), true),
    extension('2.5.29.15', bits(Buffer.of(0x06), 1), true), // keyCertSign, cRLSign
    extension('2.5.29.14', octets(identifier)),
  ];
  const certificate = write({ subject: { name }, issuer: name, publicKey, signer: privateKey, extensions });
  return { name, signer: privateKey, identifier, certificate, key: pem(privateKey) };
}

export function issue(authority: Authority, subject: Subject): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const usages = [objectId('1.3.6.1.5.5.7.3.2'), ...(subject.hosts ? [objectId('1.3.6.1.5.5.7.3.1')] : [])];
  const extensions = [
    extension('2.5.29.15', bits(Buffer.of(0x80), 7), true), // digitalSignature
    extension('2.5.29.37', sequence(...usages)),
    extension('2.5.29.35', sequence(tagged(0, authority.identifier, false))),
    ...(subject.hosts ? [extension('2.5.29.17', sequence(...subject.hosts.map(host)))] : []),
  ];
  const { name: issuer, signer } = authority;
  return { certificate: write({ subject, issuer, publicKey, signer, extensions }), key: pem(privateKey) };
}

interface Draft {
  readonly subject: Subject;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Der[];
}

function write({ subject, issuer, publicKey, signer, extensions }: Draft): string {
  const now = Date.now();
  const algorithm = sequence(objectId('1.2.840.10045.4.3.2')); // ecdsa-with-SHA256
  const body = sequence(
    tagged(0, integer(Buffer.of(2)), true),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    distinguished({ name: issuer }),
    // A day early: the clocks of a machine and its containers need not agree.
    sequence(time(new Date(now - day)), time(new Date(now + 3650 * day))),
    distinguished(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...extensions), true),
  );
  const der = Buffer.from(sequence(body, algorithm, bits(sign('sha256', body, signer))));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function distinguished({ name, organization }: Subject): Der {
  const attribute = (id: string, value: string): Der => set(sequence(objectId(id), text(value)));
  const group = organization ? [attribute('2.5.4.10', organization)] : [];
  return sequence(...group, attribute('2.5.4.3', name));
}

function extension(id: string, value: Der, critical = false): Der {
  return sequence(objectId(id), ...(critical ? [yes] : []), octets(value));
}

function host(name: string): Der {
  return isIPv4(name)
    ? tagged(7, Buffer.from(name.split('.').map(Number)), false)
    : tagged(2, Buffer.from(name), false);
}

function identify(key: KeyObject): Uint8Array {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
