/** Docker with BuildKit: the machine's if it has a working one, else a daemon beside the cluster's containerd. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type Addresses, podAddress } from './addresses.ts';
import { run } from './command.ts';
import { containerdSocket } from './node.ts';
import { type Packages, searchPath } from './packages.ts';
import { machinePath, type Place } from './place.ts';
import type { Component } from './process.ts';

/** Whether the machine's own Docker can build: the client alone may be there, or lack its plugin. */
export async function machineHasDocker(): Promise<boolean> {
  if (machineDockerHost() !== process.env['DOCKER_HOST']) return false;
  const env = { PATH: machinePath() };
  const version = run('docker', ['version', '--format', '{{.Server.Version}}'], { env });
  const plugin = run('docker', ['buildx', 'version'], { env });
  return Promise.all([version, plugin]).then(
    () => true,
    () => false,
  );
}

export function dockerd(place: Place, addresses: Addresses, packages: Packages): Component {
  const { state, bridge, cgroup } = place;
  const config = {
    features: { 'containerd-snapshotter': true },
    // Builds run on the pods' bridge, in a part of its range that pods do not get.
    bridge,
    'fixed-cidr': `${podAddress(addresses, 3, 0)}/24`,
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'ip-masq': false,
    'userland-proxy': false,
    'cgroup-parent': `/${cgroup}`,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    'data-root': join(state, 'docker'),
    'exec-root': join(state, 'docker-run'),
    pidfile: join(state, 'docker.pid'),
    containerd: containerdSocket(place),
    hosts: [`unix://${socket(place)}`],
  };
  writeFileSync(join(state, 'docker.json'), JSON.stringify(config, null, 2));
  const args = ['--config-file', join(state, 'docker.json')];
  return { name: 'dockerd', command: packages.dockerd, args, env: searchPath(packages) };
}

/** Makes the folder that goes first in a test's PATH. */
export function makePrograms(place: Place, binaries: string, packages: Packages | undefined): void {
  const folder = programs(place);
  mkdirSync(folder, { recursive: true });
  symlinkSync(join(binaries, 'kubectl'), join(folder, 'kubectl'));
  if (!packages) return;
  // Debian's client looks for its plugins below /usr only, where nothing is installed. The plugin also works
  // on its own, and so whatever folder DOCKER_CONFIG names.
  const script = `#!/bin/sh
if [ "$1" = --config ]; then export DOCKER_CONFIG="$2"; shift 2; fi
if [ "$1" = buildx ]; then shift; exec '${packages.buildx}' "$@"; fi
exec '${packages.docker}' "$@"
`;
  writeFileSync(join(folder, 'docker'), script);
  chmodSync(join(folder, 'docker'), 0o755);
}

/** What a test adds to its environment; `own` says that the daemon is ours. */
export function dockerEnvironment(place: Place, own: boolean): Record<string, string> {
  const path = { PATH: `${programs(place)}:${machinePath()}` };
  if (own) return { ...path, DOCKER_HOST: `unix://${socket(place)}` };
  const host = machineDockerHost();
  return host ? { ...path, DOCKER_HOST: host } : path;
}

export function dockerAnswers(place: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath: socket(place), path: '/_ping', timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

/** DOCKER_HOST, unless it is left from an earlier `up`: a daemon of ours is not the machine's. */
function machineDockerHost(): string | undefined {
  const host = process.env['DOCKER_HOST'];
  return host && /\/steadyship-[0-9a-f]{8}\/docker\.sock$/.test(host) ? undefined : host;
}

function socket({ state }: Place): string {
  return join(state, 'docker.sock');
}

function programs({ state }: Place): string {
  return join(state, 'bin');
}
