/**
 * What else may build an image on a runner, besides the cluster's Docker: a BuildKit without Docker, a Docker with
 * its old image store (as GitHub's runners have it), and buildah. Each for one test file, on this machine alone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { distribution } from './apt-sources.ts';
import { run } from './command.ts';
import { withLock } from './lock.ts';
import { packages, searchPath, unpack } from './packages.ts';
import { cache, here, machinePath, place } from './place.ts';
import { mark } from './process.ts';

export interface Daemon {
  /** `unix:///…`, as DOCKER_HOST or BUILDKIT_HOST names it. */
  readonly address: string;
  stop(): Promise<void>;
}

/** The folder with buildkitd, compiled once on a machine: 3 minutes on 2 cores. */
export async function compileBuildKit(log: (line: string) => void): Promise<string> {
  const module = join(here, 'buildkit');
  const hash = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .digest('hex');
  const folder = join(cache(), `buildkit-${hash.slice(0, 12)}`);
  const waiting = (pid: number): void => log(`process ${pid} is compiling BuildKit; waiting for it`);
  await withLock(`${folder}.lock`, waiting, async () => {
    if (existsSync(folder)) return;
    log('compiling BuildKit: 3 minutes on 2 cores, once on a machine');
    const partial = `${folder}.partial`;
    const flags = ['-buildvcs=false', '-trimpath', '-ldflags', '-s -w'];
    const env = { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
    await run('go', ['build', ...flags, '-o', `${partial}/`, 'tool'], { cwd: module, env });
    renameSync(partial, folder);
  });
  return folder;
}

/** A BuildKit by itself, on a socket in this folder. */
export async function startBuildKit(folder: string): Promise<Daemon> {
  const programs = await compileBuildKit((line) => console.log(line));
  const socket = join(folder, 'buildkit.sock');
  return start(folder, socket, {
    command: join(programs, 'buildkitd'),
    args: [
      ...['--root', join(folder, 'buildkit'), '--addr', `unix://${socket}`],
      ...['--containerd-worker=false', '--oci-worker=true', '--oci-worker-snapshotter=native'],
    ],
  });
}

/**
 * Puts BuildKit's image into a Docker under the name by which its container is made: buildx takes the local one
 * when the registry's can not be had.
 */
export async function loadBuildKitImage(folder: string, docker: Pick<Daemon, 'address'>): Promise<void> {
  await buildBuildKitImage(folder, docker, ['--tag', 'moby/buildkit:buildx-stable-1', '--load']);
}

/** Pushes BuildKit's image, for a builder whose containers Docker does not make. */
export async function pushBuildKitImage(
  folder: string,
  docker: Pick<Daemon, 'address'>,
  reference: string,
): Promise<void> {
  await buildBuildKitImage(folder, docker, ['--tag', reference, '--push']);
}

async function buildBuildKitImage(
  folder: string,
  docker: Pick<Daemon, 'address'>,
  output: readonly string[],
): Promise<void> {
  const programs = await compileBuildKit((line) => console.log(line));
  const own = await packages(() => undefined);
  const env = { ...searchPath(own), DOCKER_HOST: docker.address, HOME: folder };
  // runc is the distribution's, with the libraries that it is linked to.
  const linked = await run('ldd', [own.runc], { env });
  const libraries = [...linked.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? '');
  const context = join(folder, 'buildkit-image');
  mkdirSync(context, { recursive: true });
  for (const name of ['buildkitd', 'buildctl']) copyFileSync(join(programs, name), join(context, name));
  copyFileSync(own.runc, join(context, 'runc'));
  for (const path of libraries) copyFileSync(path, join(context, basename(path)));
  const lines = [
    'FROM scratch',
    'COPY buildkitd buildctl runc /usr/bin/',
    'WORKDIR /tmp',
    ...libraries.map((path) => `COPY ${basename(path)} ${path.includes('ld-linux') ? path : '/usr/lib/'}`),
    'ENV PATH=/usr/bin LD_LIBRARY_PATH=/usr/lib',
    'ENTRYPOINT ["buildkitd"]',
  ];
  writeFileSync(join(context, 'Dockerfile'), lines.join('\n'));
  await run(own.buildx, ['build', ...output, context], { env });
}

/** A Docker that keeps images in its own store, and so can not do what Docker with containerd's can. */
export async function startOldDocker(folder: string): Promise<Daemon> {
  const { dockerd } = await packages(() => undefined);
  const socket = join(folder, 'docker.sock');
  const init = join(
    await unpack([`tini/${distribution().codename}`], 'tini from the distribution', () => {}),
    'usr/bin',
  );
  const config = {
    'init-path': [join(init, 'tini-static'), join(init, 'tini')].find((path) => existsSync(path)),
    features: { 'containerd-snapshotter': false },
    'storage-driver': 'vfs',
    bridge: 'none',
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'ip-masq': false,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    'data-root': join(folder, 'docker'),
    'exec-root': join(folder, 'docker-run'),
    pidfile: join(folder, 'docker.pid'),
    hosts: [`unix://${socket}`],
  };
  writeFileSync(join(folder, 'docker.json'), JSON.stringify(config));
  const args = ['--config-file', join(folder, 'docker.json')];
  const { address, stop } = await start(folder, socket, { command: dockerd, args });
  return {
    address,
    stop: async () => {
      await stop();
      // It leaves the namespace of containers on the machine's own network mounted.
      const left = join(folder, 'docker-run/netns/default');
      if (existsSync(left)) await run('umount', [left]).catch(() => undefined);
    },
  };
}

async function start(
  folder: string,
  socket: string,
  { command, args }: { readonly command: string; readonly args: readonly string[] },
): Promise<Daemon> {
  const env = { ...searchPath(await packages(() => undefined)), HOME: folder, ...mark(place()) };
  const path = join(folder, 'daemon.log');
  const log = openSync(path, 'a');
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', log, log], env });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const end = (): boolean => child.kill('SIGTERM');
  process.once('exit', end);
  for (let tries = 0; !existsSync(socket); tries += 1) {
    if (child.exitCode !== null || tries > 300) {
      end();
      throw new Error(`${command} did not come up: ${readFileSync(path, 'utf8').slice(-2000)}`);
    }
    await sleep(100);
  }
  const stop = async (): Promise<void> => {
    process.removeListener('exit', end);
    end();
    await ended;
  };
  return { address: `unix://${socket}`, stop };
}

/**
 * A PATH on which buildah is the only program that builds; undefined where the distribution is none whose package
 * is known to run unpacked.
 */
export async function buildahPath(folder: string): Promise<string | undefined> {
  const { id, version, codename } = distribution();
  if (id !== 'debian' || Number(version) !== 12) return undefined;
  const wanted = [
    'buildah',
    'golang-github-containers-common',
    'libdevmapper1.02.1',
    'libgpgme11',
    'libassuan0',
  ];
  const root = await unpack(
    wanted.map((name) => `${name}/${codename}`),
    'buildah from the distribution (12 MB)',
    (line) => console.log(line),
  );
  const own = searchPath(await packages(() => undefined));
  const library = join(root, 'usr/lib/x86_64-linux-gnu');
  const programs = join(folder, 'bin');
  mkdirSync(programs, { recursive: true });
  // What an installed buildah finds below /etc is named here.
  const policy = join(root, 'etc/containers/policy.json');
  const script = `#!/bin/sh
export LD_LIBRARY_PATH='${library}:${join(root, 'lib/x86_64-linux-gnu')}:${own['LD_LIBRARY_PATH']}'
export PATH='${own['PATH']}' CONTAINERS_CONF=/dev/null BUILDAH_RUNTIME=runc
command=$1; shift
case $command in
  build) set -- build --network=none --signature-policy='${policy}' "$@";;
  push) set -- push --signature-policy='${policy}' "$@";;
  manifest) if [ "$1" = push ]; then shift; set -- push --signature-policy='${policy}' "$@"; fi; set -- manifest "$@";;
esac
exec '${join(root, 'usr/bin/buildah')}' --root='${folder}/store' --runroot='${folder}/run' --storage-driver=vfs --registries-conf=/dev/null "$@"
`;
  writeFileSync(join(programs, 'buildah'), script, { mode: 0o755 });
  // git and the like, but no docker.
  return [programs, ...machinePath().split(':')]
    .filter((path) => !existsSync(join(path, 'docker')))
    .join(':');
}
