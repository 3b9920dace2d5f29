/** etcd, the API server, the controllers and the scheduler: how each is started, and when it is ready. */
import { join } from 'node:path';
import type { Addresses } from './addresses.ts';
import { credentialFile as file } from './credentials.ts';
import type { Place } from './place.ts';
import type { Component } from './process.ts';

export function etcd(place: Place, { ports }: Addresses, binaries: string): Component {
  const client = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  const args = [
    ...['--name', 'test', '--data-dir', join(place.state, 'etcd'), '--logger', 'zap', '--log-level', 'warn'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...[
      '--listen-peer-urls',
      peer,
      '--initial-advertise-peer-urls',
      peer,
      '--initial-cluster',
      `test=${peer}`,
    ],
    // A cluster that is thrown away need not survive a power cut.
    '--unsafe-no-fsync',
  ];
  return { name: 'etcd', command: join(binaries, 'etcd'), args };
}

export function apiServer(place: Place, { ports }: Addresses, binaries: string): Component {
  const args = [
    ...['--etcd-servers', `http://127.0.0.1:${ports.etcd}`, '--secure-port', `${ports.api}`],
    // Nothing but this machine speaks to it; without a reconciler it may be at a loopback address.
    ...[
      '--bind-address',
      '127.0.0.1',
      '--advertise-address',
      '127.0.0.1',
      '--endpoint-reconciler-type',
      'none',
    ],
    ...['--tls-cert-file', file(place, 'api.crt'), '--tls-private-key-file', file(place, 'api.key')],
    ...['--client-ca-file', file(place, 'authority.crt'), '--authorization-mode', 'Node,RBAC'],
    ...['--enable-admission-plugins', 'NodeRestriction', '--service-cluster-ip-range', '10.96.0.0/16'],
    ...['--service-account-issuer', 'https://kubernetes.default.svc.cluster.local'],
    ...['--service-account-key-file', file(place, 'tokens.crt')],
    ...['--service-account-signing-key-file', file(place, 'tokens.key')],
    ...['--kubelet-certificate-authority', file(place, 'authority.crt')],
    ...['--kubelet-client-certificate', file(place, 'api-to-kubelet.crt')],
    ...['--kubelet-client-key', file(place, 'api-to-kubelet.key')],
    // For API servers behind this one. There are none, but the other components ask for the setting.
    ...['--requestheader-client-ca-file', file(place, 'proxies.crt')],
    ...[
      '--requestheader-username-headers',
      'X-Remote-User',
      '--requestheader-group-headers',
      'X-Remote-Group',
    ],
    ...['--requestheader-extra-headers-prefix', 'X-Remote-Extra-'],
    // The node's name is in no DNS.
    ...['--kubelet-preferred-address-types', 'InternalIP', '--allow-privileged=true'],
    ...['--cert-dir', join(place.state, 'kube-apiserver')],
  ];
  return { name: 'kube-apiserver', command: join(binaries, 'kube-apiserver'), args };
}

export function controllers(place: Place, { ports }: Addresses, binaries: string): Component {
  const args = [
    ...client(place, 'controllers'),
    ...['--secure-port', `${ports.controllers}`, '--cert-dir', join(place.state, 'kube-controller-manager')],
    ...['--root-ca-file', file(place, 'authority.crt'), '--use-service-account-credentials'],
    ...['--service-account-private-key-file', file(place, 'tokens.key')],
    // Signs what the CertificateSigningRequest API is asked for.
    ...['--cluster-signing-cert-file', file(place, 'authority.crt')],
    ...['--cluster-signing-key-file', file(place, 'authority.key')],
    ...['--flex-volume-plugin-dir', join(place.state, 'volume-plugins')],
  ];
  return { name: 'kube-controller-manager', command: join(binaries, 'kube-controller-manager'), args };
}

export function scheduler(place: Place, { ports }: Addresses, binaries: string): Component {
  const args = [
    ...client(place, 'scheduler'),
    ...['--secure-port', `${ports.scheduler}`, '--cert-dir', join(place.state, 'kube-scheduler')],
  ];
  return { name: 'kube-scheduler', command: join(binaries, 'kube-scheduler'), args };
}

function client(place: Place, name: string): string[] {
  const kubeconfig = file(place, `${name}.kubeconfig`);
  return [
    ...['--kubeconfig', kubeconfig, '--authentication-kubeconfig', kubeconfig],
    ...['--authorization-kubeconfig', kubeconfig, '--bind-address', '127.0.0.1'],
    // There is one of each: an election would only make the start slower.
    '--leader-elect=false',
  ];
}
