import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issue, makeAuthority } from './certificate.ts';

const authority = makeAuthority('an authority');
const parsed = new X509Certificate(authority.certificate);

describe('a certificate', () => {
  it('of the authority is one and signs itself', () => {
    expect(parsed.ca).toBe(true);
    expect(parsed.subject).toBe('CN=an authority');
    expect(parsed.verify(parsed.publicKey)).toBe(true);
  });

  it('of a server names its hosts and addresses and is signed by the authority', () => {
    const pair = issue(authority, { name: 'server', hosts: ['127.0.0.1', 'kubernetes.default'] });
    const server = new X509Certificate(pair.certificate);
    expect(server.checkIssued(parsed)).toBe(true);
    expect(server.verify(parsed.publicKey)).toBe(true);
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkHost('kubernetes.default')).toBe('kubernetes.default');
    expect(server.checkHost('kubernetes.other')).toBeUndefined();
    expect(server.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
  });

  it('of a client bears the user and the group that Kubernetes reads', () => {
    const pair = issue(authority, { name: 'system:node:a', organization: 'system:nodes' });
    const client = new X509Certificate(pair.certificate);
    expect(client.subject).toBe('O=system:nodes\nCN=system:node:a');
    expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(client.subjectAltName).toBeUndefined();
  });
});
