/**
 * A control plane of its own whose nodes and pods kwok plays: real etcd, API server, controllers and scheduler, and
 * no container anywhere. It holds thousands of pods on two cores.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chooseAddresses } from '../addresses.ts';
import { binaries } from '../binaries.ts';
import { clean } from '../clean.ts';
import { run } from '../command.ts';
import { apiServer, controllers, etcd, scheduler } from '../control-plane.ts';
import { credentialFile, kubeconfigFile, makeCredentials } from '../credentials.ts';
import { apiIsReady } from '../health.ts';
import { makeState, place } from '../place.ts';
import { type Component, start } from '../process.ts';
import { until } from '../wait.ts';
import { kwok } from './binary.ts';

export interface Crowd {
  /** Of an administrator who is nobody else: what the API server's log says of that name, the caller did. */
  readonly kubeconfig: string;
  readonly kubectl: string;
  /** The API server's log of the administrator's requests: one JSON object a line, written when a request ends. */
  readonly audit: string;
  close(): Promise<void>;
}

const NODES = 10;

/** Requests a second that controllers and scheduler allow themselves; their defaults are for a shared cluster. */
const QPS = ['--kube-api-qps=2000', '--kube-api-burst=4000'];
const WORKERS = ['--concurrent-deployment-syncs=10', '--concurrent-replicaset-syncs=10'];

const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [{ level: 'Metadata', users: ['kubernetes-admin'] }, { level: 'None' }],
};

export async function openCrowd(log: (line: string) => void): Promise<Crowd> {
  const folder = await binaries(log);
  const { binary, stages } = await kwok(log);
  const at = place('crowd');
  makeState(at);
  await clean(at);
  const close = async (): Promise<void> => {
    await clean(at);
    rmSync(at.state, { recursive: true, force: true });
  };
  const extended = (component: Component, ...more: readonly string[]): Component => ({
    ...component,
    args: [...component.args, ...more],
  });
  try {
    const addresses = await chooseAddresses(at);
    makeCredentials(at, addresses);
    const audit = join(at.state, 'audit.log');
    const policy = join(at.state, 'audit-policy.json');
    writeFileSync(policy, JSON.stringify(POLICY));
    start(at, etcd(at, addresses, folder));
    start(
      at,
      extended(apiServer(at, addresses, folder), '--audit-policy-file', policy, '--audit-log-path', audit),
    );
    const of = ['etcd', 'kube-apiserver'];
    await until(at, { what: 'the API server', of, seconds: 90, check: () => apiIsReady(at) });
    start(
      at,
      extended(controllers(at, addresses, folder), ...QPS, ...WORKERS, '--node-monitor-grace-period=600s'),
    );
    start(at, extended(scheduler(at, addresses, folder), ...QPS));
    start(at, {
      name: 'kwok',
      command: binary,
      args: [
        '--kubeconfig',
        credentialFile(at, 'kwok.kubeconfig'),
        '--manage-all-nodes',
        '--config',
        stages,
        '--node-lease-duration-seconds=40',
        '--v=WARN',
      ],
    });
    const kubectl = join(folder, 'kubectl');
    const crowd: Crowd = { kubeconfig: kubeconfigFile(at), kubectl, audit, close };
    await makeNodes(crowd, at.state);
    return crowd;
  } catch (error) {
    // The logs stay: they say why.
    await clean(at);
    throw error;
  }
}

async function makeNodes({ kubectl, kubeconfig }: Crowd, folder: string): Promise<void> {
  const items = Array.from({ length: NODES }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `node-${index}`, labels: { 'kubernetes.io/hostname': `node-${index}` } },
  }));
  const file = join(folder, 'nodes.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await run(kubectl, ['--kubeconfig', kubeconfig, 'create', '--filename', file]);
  const ready = ['wait', 'node', '--all', '--for=condition=Ready', '--timeout=60s'];
  await run(kubectl, ['--kubeconfig', kubeconfig, ...ready]);
}
