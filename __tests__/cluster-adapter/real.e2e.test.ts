import { execFileSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ClusterAccess } from '../../src/cluster/access.ts';
import { ApiError, type Cluster, type Collection } from '../../src/cluster/client.ts';
import { connect } from '../../src/cluster/connect.ts';
import { explain } from '../../src/cluster/explain.ts';
import { readKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { configMaps, deployments, namespaces } from '../../src/cluster/paths.ts';
import type { Deployment, KubeObject } from '../../src/model/kube.ts';
import { status } from '../cluster/index.ts';
import { FaultProxy } from './fault-proxy.ts';
import { failureOf, fastClock, type MemoryLog, memoryLog, temporaryFolder, until } from './kit.ts';

const { cluster: running } = await status();
const NAMESPACE = `adapter-${process.pid}`;

function open(access: ClusterAccess, log: MemoryLog = memoryLog(), environment = {}): Cluster {
  const cluster = connect(access, { clock: fastClock(1), log, environment, userAgent: 'steadyship-test' });
  onTestFinished(() => cluster.close());
  return cluster;
}

function read(
  input: string,
  more: { environment?: Record<string, string>; log?: MemoryLog } = {},
): Promise<ClusterAccess> {
  const { environment = {}, log = memoryLog() } = more;
  return readKubeconfig({
    input,
    context: '',
    execAllow: [],
    workspace: temporaryFolder(),
    environment,
    secret: log.secret,
  });
}

const kubectl = (...args: string[]): string =>
  execFileSync(
    running?.kubectl ?? 'kubectl',
    ['--kubeconfig', running?.kubeconfig ?? '', '-n', NAMESPACE, ...args],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );

const map = (name: string, data: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { own: 'yes' } },
  data,
});
const names = (items: readonly KubeObject[]): string =>
  items
    .map(({ metadata }) => metadata?.name)
    .sort()
    .join();

describe.skipIf(running === undefined)('on the real cluster', () => {
  const kubeconfig = readFileSync(running?.kubeconfig ?? '/dev/null', 'utf8');

  beforeAll(() => {
    kubectl('create', 'namespace', NAMESPACE);
    kubectl('create', 'serviceaccount', 'ci');
    kubectl('create', 'role', 'ci', '--verb=get,list,watch', '--resource=configmaps');
    kubectl('create', 'rolebinding', 'ci', '--role=ci', `--serviceaccount=${NAMESPACE}:ci`, '--user=jane');
  });
  afterAll(() => {
    kubectl('delete', 'namespace', NAMESPACE, '--wait=false');
  });

  /** The cluster's kubeconfig with another user, and another address if wanted. */
  function as(user: object, server?: string): string {
    const config = JSON.parse(kubeconfig);
    config.users[0].user = user;
    if (server !== undefined) {
      config.clusters[0].cluster.server = server;
      config.clusters[0].cluster['tls-server-name'] = '127.0.0.1';
    }
    return JSON.stringify(config);
  }

  /** The administrator, through a proxy that can misbehave. */
  async function through(): Promise<{ cluster: Cluster; proxy: FaultProxy }> {
    const config = JSON.parse(kubeconfig);
    const proxy = await FaultProxy.to(Number(new URL(config.clusters[0].cluster.server).port));
    config.clusters[0].cluster.server = `https://127.0.0.1:${proxy.port}`;
    return { cluster: open(await read(JSON.stringify(config))), proxy };
  }

  test('a client certificate reads, creates, patches, replaces and deletes', async () => {
    const cluster = open(await read(running?.kubeconfig ?? ''));
    const path = deployments(NAMESPACE, 'web');
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'example.com/web@sha256:1' }] },
    };
    await cluster.create(deployments(NAMESPACE), {
      metadata: { name: 'web' },
      spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template },
    });
    const image = '/spec/template/spec/containers/0/image';
    const patch = (from: string, to: string, dryRun = false) =>
      cluster.patch<Deployment>(
        path,
        [
          { op: 'test', path: image, value: `example.com/web@sha256:${from}` },
          { op: 'replace', path: image, value: `example.com/web@sha256:${to}` },
        ],
        { fieldManager: 'steadyship', dryRun },
      );
    const seen = async () =>
      (await cluster.get<Deployment>(path)).spec?.template?.spec?.containers?.[0]?.image;
    await patch('1', '2', true);
    expect(await seen()).toBe('example.com/web@sha256:1');
    const patched = await patch('1', '2');
    expect(patched.metadata?.generation).toBe(2);
    expect(patched.metadata?.managedFields?.map(({ manager }) => manager)).toContain('steadyship');
    const error = await failureOf(patch('1', '3'));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 422, reason: 'Invalid' });
    expect(await seen()).toBe('example.com/web@sha256:2');
    // Not the Deployment: its controller writes the status between the read and the write.
    const own = configMaps(NAMESPACE, 'replaced');
    await cluster.create(configMaps(NAMESPACE), map('replaced'));
    const live = await cluster.get(own);
    await cluster.replace(own, { ...live, metadata: { ...live.metadata, labels: { replaced: 'yes' } } });
    expect(await failureOf(cluster.replace(own, live))).toMatchObject({ status: 409, reason: 'Conflict' });
    await cluster.delete(own);
    await cluster.delete(path);
    const gone = await failureOf(cluster.get(path));
    expect(explain(gone, cluster)).toBe(
      `The cluster at ${cluster.server} has no such thing (404, ${path}): deployments.apps "web" not found.`,
    );
  });

  test('a list of 600 comes in two pages, packed, and no object twice', async () => {
    const cluster = open(await read(kubeconfig));
    const many = Array.from({ length: 600 }, (_, i) => `many-${String(i).padStart(3, '0')}`);
    for (let start = 0; start < many.length; start += 50) {
      const batch = many.slice(start, start + 50);
      await Promise.all(
        batch.map((name) =>
          cluster.create(configMaps(NAMESPACE), {
            metadata: { name, labels: { many: 'yes' } },
            data: { name },
          }),
        ),
      );
    }
    const before = cluster.requestsSent().requests;
    const { items } = await cluster.list(configMaps(NAMESPACE), { labelSelector: 'many=yes' });
    expect(names(items)).toBe(many.join());
    expect(cluster.requestsSent().requests - before).toBe(2);
    await cluster.delete(`${configMaps(NAMESPACE)}?labelSelector=many%3Dyes`);
  });

  test('a collection sees at once what happens, by its selector alone', async () => {
    const cluster = open(await read(kubeconfig));
    const maps = cluster.collection({ path: configMaps(NAMESPACE), labelSelector: 'own=yes' });
    maps.subscribe(() => undefined);
    await maps.ready;
    await cluster.create(configMaps(NAMESPACE), map('a'));
    await until(() => names(maps.items()) === 'a', 300);
    await cluster.create(configMaps(NAMESPACE), { ...map('b'), metadata: { name: 'b' } });
    // One that stops matching leaves; one that begins to match comes.
    await cluster.patch(configMaps(NAMESPACE, 'a'), [{ op: 'remove', path: '/metadata/labels/own' }]);
    await cluster.patch(configMaps(NAMESPACE, 'b'), [
      { op: 'add', path: '/metadata/labels', value: { own: 'yes' } },
    ]);
    await until(() => names(maps.items()) === 'b', 300);
    await cluster.delete(configMaps(NAMESPACE, 'b'));
    await until(() => names(maps.items()) === '', 300);
    expect(maps.trouble()).toBeUndefined();
  });

  test('the versions that a collection compares behave as it thinks: a deletion is newer', async () => {
    const cluster = open(await read(kubeconfig));
    await cluster.create(configMaps(NAMESPACE), map('versions'));
    const before = await cluster.get(configMaps(NAMESPACE, 'versions'));
    await cluster.delete(configMaps(NAMESPACE, 'versions'));
    const events = async (resourceVersion: string | undefined) => {
      const query = { watch: true, resourceVersion, timeoutSeconds: 1 };
      const text = await cluster.text(configMaps(NAMESPACE), query);
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    };
    const [deleted] = await events(before.metadata?.resourceVersion);
    expect(deleted).toMatchObject({ type: 'DELETED', object: { metadata: { name: 'versions' } } });
    expect(Number(deleted.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(before.metadata?.resourceVersion),
    );
  });

  /** A change that only a watch can have brought: from now on one is open. */
  async function watching(maps: Collection<KubeObject>): Promise<void> {
    await maps.ready;
    kubectl('create', 'configmap', 'watched');
    kubectl('label', 'configmap', 'watched', 'own=yes');
    await until(() => maps.items().some(({ metadata }) => metadata?.name === 'watched'));
    kubectl('delete', 'configmap', 'watched');
    await until(() => !maps.items().some(({ metadata }) => metadata?.name === 'watched'));
  }

  /** The paths of the requests from now on that are neither watches nor the short ones that look after them. */
  function listsSent(port: number): readonly string[] {
    const paths: string[] = [];
    const note = (message: unknown): void => {
      const { request } = message as { readonly request: ClientRequest };
      const { path } = request;
      if (request.getHeader('host') === `127.0.0.1:${port}` && !path.includes('watch=')) paths.push(path);
    };
    subscribe('http.client.request.created', note);
    onTestFinished(() => void unsubscribe('http.client.request.created', note));
    return paths;
  }

  test('a reset is survived without a list', async () => {
    const { cluster, proxy } = await through();
    const lists = listsSent(proxy.port);
    const maps = cluster.collection({ path: configMaps(NAMESPACE), labelSelector: 'own=yes' });
    maps.subscribe(() => undefined);
    await watching(maps);
    for (let i = 0; i < 5; i++) {
      proxy.reset();
      kubectl('create', 'configmap', `reset-${i}`);
      kubectl('label', 'configmap', `reset-${i}`, 'own=yes');
    }
    await until(() => maps.items().length === 5, 3_000);
    await until(() => maps.trouble() === undefined, 5_000);
    expect(lists).toHaveLength(1);
    kubectl('delete', 'configmap', '-l', 'own=yes');
    await until(() => maps.items().length === 0, 1_000);
  });

  test('a silent connection is noticed within 30 s', async () => {
    const { cluster, proxy } = await through();
    const maps = cluster.collection({ path: configMaps(NAMESPACE), labelSelector: 'own=yes' });
    maps.subscribe(() => undefined);
    await watching(maps);
    proxy.silence();
    kubectl('create', 'configmap', 'silence');
    kubectl('label', 'configmap', 'silence', 'own=yes');
    await until(() => names(maps.items()) === 'silence', 30_000);
    kubectl('delete', 'configmap', 'silence');
    await until(() => maps.items().length === 0, 1_000);
  });

  test('a permission that is taken away is named', async () => {
    const token = kubectl('create', 'token', 'ci').trim();
    const cluster = open(await read(as({ token })));
    const maps = cluster.collection({ path: configMaps(NAMESPACE) });
    maps.subscribe(() => undefined);
    await watching(maps);
    kubectl('delete', 'rolebinding', 'ci');
    try {
      await until(() => maps.trouble() !== undefined, 30_000);
      const user = `system:serviceaccount:${NAMESPACE}:ci`;
      expect(maps.trouble()).toMatchObject({
        kind: 'forbidden',
        message:
          `The cluster at ${cluster.server} forbids it (403): configmaps is forbidden: User "${user}" cannot watch resource ` +
          `"configmaps" in API group "" in the namespace "${NAMESPACE}". Grant this user the Role that the README lists.`,
      });
    } finally {
      kubectl('create', 'rolebinding', 'ci', '--role=ci', `--serviceaccount=${NAMESPACE}:ci`, '--user=jane');
    }
    await until(() => maps.trouble() === undefined, 15_000);
  });

  test('a token that nobody made is refused, and the sentence says so', async () => {
    const cluster = open(await read(as({ token: 'nobody-made-this' })));
    expect(explain(await failureOf(cluster.get(namespaces(NAMESPACE))), cluster)).toBe(
      `The cluster at ${cluster.server} does not accept the credentials of the kubeconfig (401): Unauthorized. Take a fresh kubeconfig, or check the login that it runs.`,
    );
  });

  /** A plugin under the name of a well-known one. */
  function plugin(script: string): Record<string, string> {
    const bin = temporaryFolder();
    writeFileSync(join(bin, 'aws'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, 'aws'), 0o755);
    return { PATH: `${bin}:${process.env['PATH']}` };
  }
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'aws',
    args: ['eks', 'get-token'],
    interactiveMode: 'Never',
  };

  test('an exec plugin mints a token, and mints another when that is revoked', async () => {
    const folder = temporaryFolder();
    const environment = plugin(
      `echo run >> ${folder}/runs
token=$(${running?.kubectl} --kubeconfig ${running?.kubeconfig} -n ${NAMESPACE} create token "$(cat ${folder}/account)")
echo "$token" >> ${folder}/tokens
echo "{\\"kind\\":\\"ExecCredential\\",\\"apiVersion\\":\\"client.authentication.k8s.io/v1\\",\\"status\\":{\\"token\\":\\"$token\\"}}"`,
    );
    writeFileSync(join(folder, 'account'), 'short-lived');
    kubectl('create', 'serviceaccount', 'short-lived');
    kubectl('create', 'rolebinding', 'short-lived', '--role=ci', `--serviceaccount=${NAMESPACE}:short-lived`);
    const log = memoryLog();
    const cluster = open(await read(as({ exec }), { environment, log }), log, environment);
    await cluster.list(configMaps(NAMESPACE));
    // A token dies with its account; the next one is for another.
    kubectl('delete', 'serviceaccount', 'short-lived');
    writeFileSync(join(folder, 'account'), 'ci');
    // The API server remembers for ten seconds whom it has authenticated.
    const token = readFileSync(join(folder, 'tokens'), 'utf8').trim();
    const stale = open(await read(as({ token })));
    const accepted = (): Promise<boolean> =>
      stale.list(configMaps(NAMESPACE)).then(
        () => true,
        (error: unknown) => !(error instanceof ApiError && error.status === 401),
      );
    while (await accepted()) await new Promise(setImmediate);
    await cluster.list(configMaps(NAMESPACE));
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\nrun\n');
    expect(log.secrets.length).toBeGreaterThan(2);
  });

  test('an exec plugin mints a client certificate', async () => {
    const folder = temporaryFolder();
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    openssl(
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=jane',
      '-keyout',
      'key',
      '-out',
      'csr',
    );
    const name = `${NAMESPACE}-jane`;
    const request = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: {
        request: readFileSync(join(folder, 'csr')).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
      },
    };
    writeFileSync(join(folder, 'request.json'), JSON.stringify(request));
    kubectl('create', '-f', join(folder, 'request.json'));
    onTestFinished(() => void kubectl('delete', 'csr', name));
    kubectl('certificate', 'approve', name);
    const issued = () => kubectl('get', 'csr', name, '-o', 'jsonpath={.status.certificate}');
    await until(() => issued() !== '', 10_000);
    const certificate = Buffer.from(issued(), 'base64').toString();
    const answer = {
      kind: 'ExecCredential',
      apiVersion: exec.apiVersion,
      status: {
        clientCertificateData: certificate,
        clientKeyData: readFileSync(join(folder, 'key'), 'utf8'),
      },
    };
    writeFileSync(join(folder, 'answer'), JSON.stringify(answer));
    const environment = plugin(`cat ${folder}/answer`);
    const cluster = open(await read(as({ exec }), { environment }), memoryLog(), environment);
    await cluster.list(configMaps(NAMESPACE));
    const error = await failureOf(cluster.get(namespaces(NAMESPACE)));
    expect(error.message).toContain('User "jane" cannot get resource "namespaces"');
  });
});
