/**
 * containerd, runc, CNI, Docker and a registry, from the distribution's packages. They are unpacked into the
 * cache, not installed: the machine stays as it was, and two checkouts may want different ones.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { type Distribution, distribution, ownSource, type Source } from './apt-sources.ts';
import { run } from './command.ts';
import { withLock } from './lock.ts';
import { cache, machinePath } from './place.ts';

export interface Packages {
  readonly root: string;
  readonly containerd: string;
  readonly runc: string;
  readonly cni: string;
  readonly registry: string;
  readonly busybox: string;
  readonly dockerd: string;
  readonly docker: string;
  readonly buildx: string;
}

const own = ['runc', 'libseccomp2', 'containernetworking-plugins', 'docker-registry', 'busybox-static'];
const newer = ['containerd', 'docker.io', 'docker-cli', 'docker-buildx'];

/** Debian 12's Docker has no buildx. Those of Debian 13 need no newer libc, and its suite does not move. */
function suiteOfNewer({ id, version, codename }: Distribution): string {
  return id === 'debian' && Number(version) < 13 ? 'trixie' : codename;
}

function names(release: Distribution): string[] {
  // Ubuntu's docker.io holds the client too.
  const wanted = release.id === 'ubuntu' ? newer.filter((name) => name !== 'docker-cli') : newer;
  const suite = suiteOfNewer(release);
  return [...own.map((name) => `${name}/${release.codename}`), ...wanted.map((name) => `${name}/${suite}`)];
}

function folder(release: Distribution, wanted = names(release)): string {
  const what = JSON.stringify([arch(), release.id, wanted]);
  return join(cache(), `packages-${createHash('sha256').update(what).digest('hex').slice(0, 12)}`);
}

/** The packages if an earlier run unpacked them: taking a cluster down must not download anything. */
export function unpacked(): Packages | undefined {
  const root = folder(distribution());
  return existsSync(root) ? describe(root) : undefined;
}

export async function packages(log: (line: string) => void): Promise<Packages> {
  const wanted = names(distribution());
  return describe(
    await unpack(wanted, 'containerd, runc, CNI, Docker and a registry from the distribution (90 MB)', log),
  );
}

/** The folder with these packages (`name/suite`) unpacked in it, fetched once on a machine. */
export async function unpack(
  wanted: readonly string[],
  what: string,
  log: (line: string) => void,
): Promise<string> {
  const root = folder(distribution(), [...wanted]);
  await withLock(
    `${root}.lock`,
    (pid) => log(`process ${pid} is unpacking packages; waiting for it`),
    async () => {
      if (existsSync(root)) return;
      log(`fetching ${what}`);
      const partial = `${root}.partial`;
      rmSync(partial, { recursive: true, force: true });
      await fetchInto(partial, distribution(), wanted);
      renameSync(join(partial, 'root'), root);
      rmSync(partial, { recursive: true });
    },
  );
  return root;
}

async function fetchInto(partial: string, release: Distribution, wanted: readonly string[]): Promise<void> {
  const source = ownSource(release);
  if (!source) {
    throw new Error(
      `No source in /etc/apt serves main of ${release.codename}; the cluster's packages come from there.`,
    );
  }
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'packages', 'root']) {
    mkdirSync(join(partial, name), { recursive: true });
  }
  const suites = [...new Set([release.codename, suiteOfNewer(release)])];
  writeFileSync(join(partial, 'own.sources'), stanza(source, suites, release));
  writeFileSync(join(partial, 'apt.conf'), configuration(partial));
  const apt = (...args: string[]): Promise<string> =>
    run('apt-get', ['-q', '-c', join(partial, 'apt.conf'), ...args], { cwd: join(partial, 'packages') });
  await apt('update');
  await apt('download', ...wanted);
  for (const file of readdirSync(join(partial, 'packages'))) {
    await run('dpkg-deb', ['-x', join(partial, 'packages', file), join(partial, 'root')]);
  }
}

function stanza({ uri, signedBy }: Source, suites: string[], { id }: Distribution): string {
  const components = id === 'ubuntu' ? 'main universe' : 'main';
  const key = signedBy ? [`Signed-By: ${signedBy}`] : [];
  return [
    `Types: deb`,
    `URIs: ${uri}`,
    `Suites: ${suites.join(' ')}`,
    `Components: ${components}`,
    ...key,
    '',
  ].join('\n');
}

/** apt with state, cache and sources of its own; how it reaches its mirror stays the machine's matter. */
function configuration(partial: string): string {
  return `#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "${join(partial, 'state')}";
Dir::State::status "/dev/null";
Dir::Cache "${join(partial, 'cache')}";
Dir::Etc::sourcelist "${join(partial, 'own.sources')}";
Dir::Etc::sourceparts "-";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
`;
}

function describe(root: string): Packages {
  const at = (...choices: string[]): string =>
    choices.map((path) => join(root, path)).find((path) => existsSync(path)) ?? join(root, choices[0] ?? '');
  return {
    root,
    containerd: at('usr/bin/containerd'),
    runc: at('usr/sbin/runc', 'usr/bin/runc'),
    cni: at('usr/lib/cni'),
    registry: at('usr/bin/docker-registry'),
    busybox: at('bin/busybox', 'usr/bin/busybox'),
    dockerd: at('usr/sbin/dockerd', 'usr/bin/dockerd'),
    docker: at('usr/bin/docker'),
    buildx: at('usr/libexec/docker/cli-plugins/docker-buildx', 'usr/lib/docker/cli-plugins/docker-buildx'),
  };
}

/** The environment in which the unpacked programs find each other, and runc its library. */
export function searchPath({ root }: Packages): Record<string, string> {
  const programs = ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((name) => join(root, name));
  const triplet = arch() === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return {
    PATH: [...programs, machinePath()].join(':'),
    LD_LIBRARY_PATH: ['usr/lib', 'lib'].map((name) => join(root, name, triplet)).join(':'),
  };
}
