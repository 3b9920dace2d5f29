import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject, Pod } from '../../src/model/kube.ts';
import { pushBuildKitImage } from '../cluster/builders.ts';
import type { Cluster } from '../cluster/index.ts';
import { Namespace } from '../harness/namespace.ts';
import { failureOf } from '../process/fakes.ts';
import { configOf, fetchJson, type RealCase, realBuild, SHELL } from './real.ts';

const setup = inject('setup');
const cluster = setup?.cluster as Cluster;
interface Kubeconfig {
  readonly users: readonly [
    { readonly user: Readonly<Record<'client-certificate-data' | 'client-key-data', string>> },
  ];
}

const NAME = 'in-cluster';
let folder: string;
let space: Namespace;
let way: Awaited<ReturnType<typeof openWay>>;
/** Of the user who made the builder in a step before. */
let home: string;

beforeAll(async () => {
  if (setup === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'ss-kubernetes-builder-'));
  home = join(folder, 'home');
  mkdirSync(join(home, '.kube'), { recursive: true });
  space = new Namespace(setup);
  await space.open();
  way = await openWay();
  if (way !== undefined) await makeBuilder(way.host);
}, 120_000);

afterAll(async () => {
  if (setup === undefined) return;
  if (way !== undefined) buildx('rm', '--force', NAME);
  await Promise.all([space?.close(), way?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

function buildx(...args: readonly string[]): string {
  const env = { ...cluster.env, HOME: home, KUBECONFIG: cluster.kubeconfig };
  return execFileSync('docker', ['buildx', ...args], { env, encoding: 'utf8', stdio: 'pipe' });
}

/** A user's builder, with its notes in the user's own folder. */
async function makeBuilder(host: string): Promise<void> {
  const image = `${cluster.registry}/buildkit:x`;
  await pushBuildKitImage(folder, { address: cluster.env['DOCKER_HOST'] ?? '' }, image);
  const config = join(folder, 'buildkitd.toml');
  writeFileSync(config, `[registry."${host}"]\n  http = true\n`);
  // Where KUBECONFIG is set, buildx notes it with the builder: made without, it is the variable that tells of a cluster.
  const standard = join(home, '.kube/config');
  copyFileSync(cluster.kubeconfig, standard);
  const options = `image=${image},namespace=${space.namespace},rootless=false`;
  const args = ['--name', NAME, '--driver', 'kubernetes', '--config', config, '--driver-opt', options];
  execFileSync('docker', ['buildx', 'create', ...args], {
    env: { ...cluster.env, HOME: home },
    stdio: 'pipe',
  });
  rmSync(standard);
}

function build(repository: string, environment: RealCase['environment'], rest: RealCase['rest'] = {}) {
  return realBuild({
    folder,
    environment: { ...cluster.env, HOME: home, ...environment },
    tag: `${way?.host}/${repository}:x`,
    dockerfile: `${SHELL}RUN busybox date\n`,
    inputs: { builder: NAME },
    rest,
  });
}

/**
 * The registry is at a loopback address, where a pod finds itself: at the node's, it finds the registry. undefined
 * where the node is another machine.
 */
async function openWay(): Promise<{ readonly host: string; stop(): Promise<void> } | undefined> {
  type Node = KubeObject & { readonly status: { readonly addresses: readonly { address: string }[] } };
  const { items } = await space.kube.list<Node>('/api/v1/nodes');
  const address = items[0]?.status.addresses[0]?.address;
  const [hostname, port] = cluster.registry.split(':');
  const server = createServer((socket) => {
    const to = connect(Number(port), hostname);
    socket.pipe(to).pipe(socket);
    socket.on('error', () => to.destroy());
    to.on('error', () => socket.destroy());
  });
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(0, address, () => resolve(true));
  });
  const stop = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return listening ? { host: `${address}:${(server.address() as AddressInfo).port}`, stop } : undefined;
}

describe.skipIf(setup === undefined)("a builder in the cluster's pods", () => {
  it('is found by its name, builds and pushes, and stays', async ({ skip }) => {
    if (way === undefined) return skip();
    const repository = 'by-pod';
    const cache = `${way.host}/${repository}:c`;
    const { result, text, log, left } = await build(
      repository,
      { KUBECONFIG: cluster.kubeconfig },
      { cache: { scope: 's', from: [cache], to: cache } },
    );
    const { digest } = await result;
    expect(log.warnings).toEqual([]);
    expect(text).toContain(`"${NAME}" instance using kubernetes driver`);
    expect(left).toEqual([]);
    const { config } = await configOf(cluster.registry, repository, digest);
    expect(config).toMatchObject({ Labels: { 'org.opencontainers.image.revision': 'abc' } });
    // It was asked what it can, which is to write a cache.
    expect(await fetchJson(cluster.registry, `${repository}/manifests/c`)).toBeDefined();
    const { items } = await space.kube.list<Pod>(space.path('pods'));
    expect(items.map(({ status }) => status?.phase)).toEqual(['Running']);
    expect(buildx('inspect', NAME)).toMatch(/Driver: +kubernetes\n[\s\S]*Status: +running/);
  });

  it("is reached with a cloud's login tool, which gets the job's credentials", async ({ skip }) => {
    if (way === undefined) return skip();
    const [{ user }] = (parse(readFileSync(cluster.kubeconfig, 'utf8')) as Kubeconfig).users;
    const pem = (name: keyof typeof user) => Buffer.from(user[name], 'base64').toString('utf8');
    const status = {
      clientCertificateData: pem('client-certificate-data'),
      clientKeyData: pem('client-key-data'),
    };
    const apiVersion = 'client.authentication.k8s.io/v1';
    const tool = join(folder, 'aws');
    const answer = JSON.stringify({ apiVersion, kind: 'ExecCredential', status });
    writeFileSync(
      tool,
      `#!/bin/sh\n[ "$AWS_SECRET_ACCESS_KEY" = key ] || exit 253\ncat <<'END'\n${answer}\nEND\n`,
      { mode: 0o755 },
    );
    const exec = { apiVersion, command: tool, args: ['eks', 'get-token'], interactiveMode: 'Never' };
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, space.kubeconfigWith({ exec }));
    const repository = 'by-pod-of-a-cloud';
    const environment = { KUBECONFIG: kubeconfig, AWS_SECRET_ACCESS_KEY: 'key' };
    const { digest } = await (await build(repository, environment)).result;
    expect(await configOf(cluster.registry, repository, digest)).toBeDefined();
    const { result } = await build(repository, { ...environment, AWS_SECRET_ACCESS_KEY: undefined });
    expect((await failureOf(() => result)).message).toContain('aws failed with exit code 253');
  });
});
