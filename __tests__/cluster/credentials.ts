/** Who is who in the cluster: one authority, a certificate for each component, a kubeconfig for each client. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Addresses, nodeAddress } from './addresses.ts';
import { type Authority, issue, makeAuthority, type Pair, type Subject } from './certificate.ts';
import type { Place } from './place.ts';

export const nodeName = 'steadyship';

// Kubernetes gives rights to these names by itself: it makes the roles and bindings at its start.
const clients: Readonly<Record<string, Subject>> = {
  admin: { name: 'kubernetes-admin', organization: 'system:masters' },
  controllers: { name: 'system:kube-controller-manager' },
  scheduler: { name: 'system:kube-scheduler' },
  // Has to be told from the administrator in the API server's log of requests.
  kwok: { name: 'kwok', organization: 'system:masters' },
  node: { name: `system:node:${nodeName}`, organization: 'system:nodes' },
};

export function credentialFile({ state }: Place, name: string): string {
  return join(state, 'credentials', name);
}

export function kubeconfigFile(place: Place): string {
  return credentialFile(place, 'admin.kubeconfig');
}

export function makeCredentials(place: Place, addresses: Addresses): void {
  mkdirSync(join(place.state, 'credentials'), { recursive: true, mode: 0o700 });
  const authority = makeAuthority('steadyship-test');
  writePair(place, 'authority', authority);
  writePair(place, 'api', issue(authority, apiServer()));
  writePair(
    place,
    'kubelet',
    issue(authority, { name: nodeName, hosts: [nodeName, nodeAddress(addresses)] }),
  );
  writePair(
    place,
    'api-to-kubelet',
    issue(authority, { name: 'kube-apiserver', organization: 'system:masters' }),
  );
  // Signs service account tokens. A pair of its own: a token's key has nothing to do with certificates.
  writePair(place, 'tokens', makeAuthority('tokens'));
  writePair(place, 'proxies', makeAuthority('proxies'));
  const server = `https://127.0.0.1:${addresses.ports.api}`;
  for (const [name, subject] of Object.entries(clients)) {
    const text = kubeconfig({ server, authority, user: subject.name, pair: issue(authority, subject) });
    writeFileSync(credentialFile(place, `${name}.kubeconfig`), text, { mode: 0o600 });
  }
}

function apiServer(): Subject {
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  return { name: 'kube-apiserver', hosts: ['127.0.0.1', '10.96.0.1', 'localhost', ...names] };
}

function writePair(place: Place, name: string, { certificate, key }: Pair): void {
  writeFileSync(credentialFile(place, `${name}.crt`), certificate);
  writeFileSync(credentialFile(place, `${name}.key`), key, { mode: 0o600 });
}

interface Kubeconfig {
  readonly server: string;
  readonly authority: Authority;
  readonly user: string;
  readonly pair: Pair;
}

/** JSON is YAML too. */
function kubeconfig({ server, authority, user, pair }: Kubeconfig): string {
  const base64 = (value: string): string => Buffer.from(value).toString('base64');
  const cluster = { server, 'certificate-authority-data': base64(authority.certificate) };
  const keys = { 'client-certificate-data': base64(pair.certificate), 'client-key-data': base64(pair.key) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'steadyship-test', cluster }],
    users: [{ name: user, user: keys }],
    contexts: [{ name: 'steadyship-test', context: { cluster: 'steadyship-test', user } }],
    'current-context': 'steadyship-test',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
