/** Starts all parts of the cluster on a clean machine, each as soon as what it needs is there. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { chooseAddresses } from './addresses.ts';
import { makeCgroup } from './cgroup.ts';
import { apiServer, controllers, etcd, scheduler } from './control-plane.ts';
import { makeCredentials } from './credentials.ts';
import { dockerAnswers, dockerd, makePrograms } from './docker.ts';
import { apiIsReady, nodeIsReady } from './health.ts';
import { pushImage } from './image.ts';
import type { Cluster } from './index.ts';
import { makeBridge } from './network.ts';
import { containerd, containerdSocket, kubelet, pauseImage } from './node.ts';
import type { Packages } from './packages.ts';
import type { Place } from './place.ts';
import { type Component, start } from './process.ts';
import { answers, configureRegistry } from './registry.ts';
import { describe, remember, type Started } from './running.ts';
import { rememberSettings } from './sysctl.ts';
import { until } from './wait.ts';

export interface Parts {
  /** Folder with the compiled binaries. */
  readonly binaries: string;
  readonly packages: Packages;
  /** False when the machine's own Docker serves. */
  readonly ownDocker: boolean;
}

export async function startAll(place: Place, { binaries, packages, ownDocker }: Parts): Promise<Cluster> {
  putLogsAside(place);
  const addresses = await chooseAddresses(place);
  const components: string[] = [];
  const begin = (component: Component): void => {
    start(place, component);
    components.push(component.name);
  };
  const registryDir = join(place.state, 'registry');
  const registryPort = addresses.ports.registry;

  begin(etcd(place, addresses, binaries));
  makeCredentials(place, addresses);
  begin(apiServer(place, addresses, binaries));
  begin(containerd(place, addresses, packages));
  const registryArgs = ['serve', configureRegistry({ dir: registryDir }, registryPort)];
  begin({ name: 'registry', command: packages.registry, args: registryArgs });
  makePrograms(place, binaries, ownDocker ? packages : undefined);
  makeCgroup(place);
  rememberSettings(place);
  await makeBridge(place, addresses, packages.busybox);

  const control = async (): Promise<void> => {
    const of = ['etcd', 'kube-apiserver'];
    await until(place, { what: 'the API server', of, seconds: 90, check: () => apiIsReady(place) });
    begin(kubelet(place, addresses, binaries));
    begin(controllers(place, addresses, binaries));
    begin(scheduler(place, addresses, binaries));
  };
  const images = async (): Promise<void> => {
    const check = async (): Promise<true | string> => (await answers(registryPort)) || 'no answer';
    await until(place, { what: 'the registry', of: ['registry'], seconds: 30, check });
    await pushImage({ reference: pauseImage(addresses), program: join(binaries, 'pause') });
  };
  const docker = async (): Promise<void> => {
    const socket = async (): Promise<true | string> => existsSync(containerdSocket(place)) || 'no socket';
    await until(place, { what: 'containerd', of: ['containerd'], seconds: 30, check: socket });
    if (!ownDocker) return;
    begin(dockerd(place, addresses, packages));
    const check = async (): Promise<true | string> => (await dockerAnswers(place)) || 'no answer';
    await until(place, { what: 'Docker', of: ['containerd', 'dockerd'], seconds: 60, check });
  };
  await Promise.all([control(), images(), docker()]);
  await until(place, { what: 'the node', of: components, seconds: 90, check: () => nodeIsReady(place) });

  const started: Started = {
    components,
    registryPort,
    kubectl: join(place.state, 'bin', 'kubectl'),
    ownDocker,
  };
  remember(place, started);
  return describe(place, started);
}

/** The logs of the cluster before stay readable while this one runs. */
function putLogsAside({ logs }: Place): void {
  rmSync(`${logs}-before`, { recursive: true, force: true });
  if (existsSync(logs)) renameSync(logs, `${logs}-before`);
  mkdirSync(logs);
}
