import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { ClusterAccess } from '../../src/cluster/access.ts';
import { type KubeconfigOptions, readKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { UserError } from '../../src/model/error.ts';
import { failureOf, temporaryFolder } from './kit.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIBpublicpublic\n-----END CERTIFICATE-----\n';
const KEY = '-----BEGIN PRIVATE KEY-----\nMIGHverysecretkey\n-----END PRIVATE KEY-----\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Shape {
  cluster?: object | null;
  user?: object | null;
  context?: object;
  more?: object;
}

function config({ cluster = {}, user = {}, context = {}, more = {} }: Shape = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'prod',
    clusters: [
      {
        name: 'prod-cluster',
        cluster: {
          server: 'https://k8s.example.com:6443',
          'certificate-authority-data': base64(PEM),
          ...cluster,
        },
      },
    ],
    users: [
      { name: 'ci', user: Object.keys(user ?? {}).length === 0 ? { token: 'sup3r-secret-token' } : user },
    ],
    contexts: [{ name: 'prod', context: { cluster: 'prod-cluster', user: 'ci', ...context } }],
    ...more,
  };
}

let workspace = '';
let outside = '';
let secrets: string[] = [];
beforeEach(() => {
  workspace = temporaryFolder();
  outside = temporaryFolder();
  secrets = [];
});

function read(input: string | object, more: Partial<KubeconfigOptions> = {}): Promise<ClusterAccess> {
  return readKubeconfig({
    input: typeof input === 'string' ? input : stringify(input),
    context: '',
    execAllow: [],
    workspace,
    environment: {},
    secret: (value) => void secrets.push(value),
    serviceAccountFolder: join(outside, 'serviceaccount'),
    ...more,
  });
}

async function mistake(input: string | object, more: Partial<KubeconfigOptions> = {}): Promise<string> {
  const error = await failureOf(read(input, more));
  expect(error).toBeInstanceOf(UserError);
  return error.message;
}

const HOW =
  'It must be a kubeconfig, its base64, or the path of its file; make one with: kubectl config view --raw --flatten --minify | base64 -w0.';

describe('the input kubeconfig', () => {
  const yaml = stringify(config());
  const json = JSON.stringify(config());

  test.each([
    ['as text', yaml],
    ['as JSON', json],
    ['as JSON over lines', JSON.stringify(config(), null, 2)],
    ['as base64', base64(yaml)],
    ['as base64 with line ends at 76', (base64(yaml).match(/.{1,76}/g) ?? []).join('\n')],
    ['as base64 of JSON', base64(json)],
    ['with space around', `\n  ${base64(yaml)}\n\n`],
  ])('is read %s', async (_, input) => {
    expect(await read(input)).toEqual({
      server: 'https://k8s.example.com:6443',
      origin: 'the input kubeconfig',
      context: 'prod',
      namespace: undefined,
      user: 'ci',
      ca: { kind: 'data', data: PEM },
      tlsServerName: undefined,
      insecure: false,
      proxyUrl: undefined,
      credential: { kind: 'token', token: 'sup3r-secret-token' },
      headers: {},
    });
  });

  test('is read from a path in the workspace, from an absolute one and from home', async () => {
    writeFileSync(join(workspace, 'kubeconfig'), yaml);
    expect((await read('kubeconfig')).origin).toBe(join(workspace, 'kubeconfig'));
    writeFileSync(join(outside, 'config'), yaml);
    expect((await read(join(outside, 'config'))).server).toBe('https://k8s.example.com:6443');
    expect((await read('~/config', { environment: { HOME: outside } })).server).toBe(
      'https://k8s.example.com:6443',
    );
  });

  test('is not written anywhere', async () => {
    await read(yaml);
    expect([...readdirSync(workspace), ...readdirSync(outside)]).toEqual([]);
  });

  test.each<[string, string, string]>([
    [
      'a path that is not there',
      './missing.yaml',
      'The input kubeconfig names the file ./missing.yaml, which does not exist (WORKSPACE/missing.yaml). HOW',
    ],
    [
      'base64 of nonsense',
      base64('nonsense '.repeat(10)),
      'The input kubeconfig is base64, but not of a kubeconfig. HOW',
    ],
    [
      'something else, which is not repeated',
      'ghp_0123456789abcdef',
      'The input kubeconfig is neither a kubeconfig, nor the base64 of one, nor the path of a file that exists. HOW',
    ],
    [
      'lines of prose',
      'hello: you\nworld: me',
      'The kubeconfig (the input kubeconfig) has no current-context, and the input kube-context is empty. It has no contexts at all. Take a fresh kubeconfig of this cluster.',
    ],
    [
      'a list',
      '- apiVersion: v1\n- kind: Config\n',
      'The kubeconfig (the input kubeconfig) is no kubeconfig: it holds a list instead of the keys clusters, contexts and users.',
    ],
    [
      'YAML that is broken, whose line is not repeated',
      'apiVersion: v1\nusers:\n  - name: ci\n    user: {token: sup3r-secret-token\nclusters: []',
      'The kubeconfig (the input kubeconfig) is not YAML: bad indent in line 5, column 1. If it was pasted into a secret, its indentation may be lost: store its base64 instead (base64 -w0).',
    ],
    [
      'an address in place of the file',
      'https://k8s.example.com:6443',
      'The input kubeconfig is neither a kubeconfig, nor the base64 of one, nor the path of a file that exists. HOW',
    ],
  ])('%s is a mistake', async (_, input, sentence) => {
    expect(await mistake(input)).toBe(sentence.replace('HOW', HOW).replace('WORKSPACE', workspace));
  });

  test('a folder and an empty file are mistakes', async () => {
    mkdirSync(join(workspace, 'folder'));
    expect(await mistake('./folder')).toBe(`Cannot read the kubeconfig ${workspace}/folder: it is a folder.`);
    writeFileSync(join(workspace, 'empty.yaml'), '\n');
    expect(await mistake('empty.yaml')).toBe(`The kubeconfig ${workspace}/empty.yaml is empty. ${HOW}`);
  });
});

describe('without the input', () => {
  test('$KUBECONFIG is read, its first file that exists', async () => {
    writeFileSync(join(outside, 'b'), stringify(config()));
    const environment = { KUBECONFIG: `${outside}/a:${outside}/b` };
    expect((await read('', { environment })).origin).toBe(join(outside, 'b'));
  });

  test('the files of $KUBECONFIG are merged, the first one that names a thing decides', async () => {
    writeFileSync(
      join(outside, 'a'),
      stringify(config({ more: { contexts: [], users: [{ name: 'ci', user: { token: 'from-a' } }] } })),
    );
    writeFileSync(
      join(outside, 'b'),
      stringify(config({ user: { token: 'from-b' }, cluster: { server: 'https://b' } })),
    );
    const environment = { KUBECONFIG: `${outside}/a:${outside}/b` };
    expect(await read('', { environment })).toMatchObject({
      server: 'https://k8s.example.com:6443',
      credential: { token: 'from-a' },
      origin: `${outside}/a, ${outside}/b`,
    });
  });

  test('$KUBECONFIG that names no file is a mistake', async () => {
    expect(await mistake('', { environment: { KUBECONFIG: '/nowhere/a:/nowhere/b' } })).toBe(
      'The input kubeconfig is empty and $KUBECONFIG names /nowhere/a and /nowhere/b, which does not exist. Set the input kubeconfig, or write that file in a step before this one.',
    );
  });

  test('a pod uses its service account', async () => {
    const folder = join(outside, 'serviceaccount');
    mkdirSync(folder);
    writeFileSync(join(folder, 'token'), 'pod-token');
    writeFileSync(join(folder, 'namespace'), 'runners\n');
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
    expect(await read('', { environment })).toMatchObject({
      server: 'https://[fd00::1]:443',
      namespace: 'runners',
      ca: { kind: 'file', path: join(folder, 'ca.crt') },
      credential: { kind: 'token-file', path: join(folder, 'token') },
    });
  });

  test('and elsewhere it says what is missing', async () => {
    expect(await mistake('')).toBe(
      "No cluster is given: the input kubeconfig is empty, $KUBECONFIG is not set, and this runner is no pod of a cluster. Set kubeconfig to a secret, as in the README's example. A secret that does not exist here is empty too: check its name, the job's environment, and that the run is not a pull request of a fork.",
    );
  });
});

describe('the context', () => {
  test('is the one that is asked for, with its namespace', async () => {
    const more = {
      contexts: [
        { name: 'prod', context: { cluster: 'prod-cluster', user: 'ci' } },
        { name: 'staging', context: { cluster: 'prod-cluster', user: 'ci', namespace: 'staging' } },
      ],
    };
    expect(await read(config({ more }), { context: 'staging' })).toMatchObject({
      context: 'staging',
      namespace: 'staging',
    });
  });

  test.each<[string, object, string, string]>([
    [
      'is unknown',
      config(),
      'dev',
      'The kubeconfig (the input kubeconfig) has no context "dev", which the input kube-context names. It has: prod.',
    ],
    [
      'of its own is unknown',
      config({ more: { 'current-context': 'gone' } }),
      '',
      'The kubeconfig (the input kubeconfig) has no context "gone", which its own current-context names. It has: prod.',
    ],
    [
      'is not chosen',
      config({ more: { 'current-context': '' } }),
      '',
      'The kubeconfig (the input kubeconfig) has no current-context, and the input kube-context is empty. It has: prod. Set kube-context to the one to use.',
    ],
    [
      'names no cluster',
      config({ context: { cluster: 'other' } }),
      '',
      'The kubeconfig (the input kubeconfig) has no cluster "other", which its context "prod" names. Take a fresh kubeconfig of this cluster.',
    ],
    [
      'names no user',
      config({ context: { user: 'other' } }),
      '',
      'The kubeconfig (the input kubeconfig) has no user "other", which its context "prod" names. Take a fresh kubeconfig of this cluster.',
    ],
  ])('that %s is a mistake', async (_, input, context, sentence) => {
    expect(await mistake(input, { context })).toBe(sentence);
  });
});

describe('the cluster', () => {
  test('may have a path, a proxy and another name', async () => {
    const cluster = {
      server: 'https://rancher.example.com/k8s/clusters/c-1/',
      'tls-server-name': 'kube',
      'proxy-url': 'socks5://b:1',
    };
    expect(await read(config({ cluster }))).toMatchObject({
      server: 'https://rancher.example.com/k8s/clusters/c-1',
      tlsServerName: 'kube',
      proxyUrl: 'socks5://b:1',
    });
  });

  const OF = 'The kubeconfig (the input kubeconfig), cluster "prod-cluster",';
  test.each<[string, object, string]>([
    ['no server', { server: '' }, `${OF} has no server. Take a fresh kubeconfig of this cluster.`],
    [
      'a server that is no URL',
      { server: 'k8s.example.com' },
      `${OF} has the server "k8s.example.com", which is no URL. It must look like https://host:6443.`,
    ],
    [
      'a server of another scheme',
      { server: 'ftp://k8s.example.com' },
      `${OF} has the server "ftp://k8s.example.com", which is no URL. It must look like https://host:6443.`,
    ],
    ...['https://jane:s3cret@k8s.example.com:64430000', 'jane:s3cret@k8s:6443', 'ftp://jane:s3cret@k8s'].map(
      (server): [string, object, string] => [
        `a server that is no URL and bears a password (${server}), which is not repeated`,
        { server },
        `${OF} has a server that is no URL (not repeated here: it seems to bear a password). It must look like https://host:6443.`,
      ],
    ),
    [
      'a password in its address, which is not repeated',
      { server: 'https://jane:s3cret@k8s.example.com' },
      `${OF} has a user name or password in its server address. Put them into the user's entry.`,
    ],
    [
      'http://',
      { server: 'http://k8s.example.com:8080' },
      `${OF} is reached by http:// (http://k8s.example.com:8080), so that anybody in between could read the credentials and forge the answers; only loopback addresses may. Use the https:// address of the API server.`,
    ],
    [
      'insecure-skip-tls-verify',
      { 'insecure-skip-tls-verify': true },
      `${OF} sets insecure-skip-tls-verify, so that anybody in between could read the credentials and forge the answers. Remove it and put the cluster's CA into certificate-authority-data.`,
    ],
    [
      'a CA that is not base64',
      { 'certificate-authority-data': PEM },
      'The kubeconfig (the input kubeconfig) has a certificate-authority-data of "prod-cluster" that is not the base64 of PEM but PEM itself. Take a fresh kubeconfig of this cluster.',
    ],
    [
      'a CA that is the base64 of something else',
      { 'certificate-authority-data': base64('DATA+OMITTED') },
      'The kubeconfig (the input kubeconfig) has a certificate-authority-data of "prod-cluster" that is not the base64 of PEM but something else. Take a fresh kubeconfig of this cluster.',
    ],
  ])('with %s is a mistake', async (_, cluster, sentence) => {
    expect(await mistake(config({ cluster }))).toBe(sentence);
  });

  test('may be insecure by opt-in, or on loopback', async () => {
    expect(
      await read(config({ cluster: { 'insecure-skip-tls-verify': true } }), { allowInsecure: true }),
    ).toMatchObject({
      insecure: true,
      ca: undefined,
    });
    expect(
      await read(config({ cluster: { server: 'http://10.0.0.1:8080' } }), { allowInsecure: true }),
    ).toMatchObject({
      server: 'http://10.0.0.1:8080',
    });
    expect(await read(config({ cluster: { server: 'http://127.0.0.1:8001' } }))).toMatchObject({
      server: 'http://127.0.0.1:8001',
    });
    const local = { server: 'https://localhost:6443', 'insecure-skip-tls-verify': true };
    expect(await read(config({ cluster: local }))).toMatchObject({ insecure: true });
  });

  test('NODE_TLS_REJECT_UNAUTHORIZED=0 is refused before anything is read', async () => {
    expect(await mistake('anything', { environment: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })).toBe(
      'The environment variable NODE_TLS_REJECT_UNAUTHORIZED=0 turns off the verification of all TLS certificates, so anybody in between could read the credentials. Remove it; for a certificate authority of your own set NODE_EXTRA_CA_CERTS to its file.',
    );
  });
});

describe('the user', () => {
  test.each<[string, object, object]>([
    [
      'a client certificate',
      { 'client-certificate-data': base64(PEM), 'client-key-data': base64(KEY) },
      { kind: 'certificate', certificate: { kind: 'data', data: PEM }, key: { kind: 'data', data: KEY } },
    ],
    ['a token', { token: 'abcdef ' }, { kind: 'token', token: 'abcdef' }],
    ['a token of digits', { token: 12345678 }, { kind: 'token', token: '12345678' }],
    [
      'a password',
      { username: 'jane', password: 'pa55word' },
      { kind: 'basic', username: 'jane', password: 'pa55word' },
    ],
    ['nothing', { unknown: true }, { kind: 'none' }],
    [
      'a certificate before a token',
      { token: 'abcdef', 'client-certificate-data': base64(PEM), 'client-key-data': base64(KEY) },
      { kind: 'certificate' },
    ],
  ])('may have %s', async (_, user, credential) => {
    expect((await read(config({ user }))).credential).toMatchObject(credential);
  });

  test('may act as somebody else', async () => {
    const user = {
      token: 'abcdef',
      as: 'jane',
      'as-uid': '42',
      'as-groups': ['dev', 'ops'],
      'as-user-extra': { 'acme.com/team': ['a'] },
    };
    expect((await read(config({ user }))).headers).toEqual({
      'impersonate-user': 'jane',
      'impersonate-uid': '42',
      'impersonate-group': ['dev', 'ops'],
      'impersonate-extra-acme.com%2Fteam': ['a'],
    });
  });

  test('with half a pair is a mistake', async () => {
    expect(await mistake(config({ user: { 'client-certificate-data': base64(PEM) } }))).toBe(
      'The kubeconfig (the input kubeconfig), user "ci", has a client certificate but no key for it. Take a fresh kubeconfig of this cluster.',
    );
    expect(await mistake(config({ user: { 'client-key-data': base64(KEY) } }))).toBe(
      'The kubeconfig (the input kubeconfig), user "ci", has a client key but no certificate for it. Take a fresh kubeconfig of this cluster.',
    );
  });

  test.each([
    ['gcp', 'Run "gcloud container clusters get-credentials" again: it then uses gke-gcloud-auth-plugin.'],
    ['azure', 'Run "kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login).'],
    ['oidc', "Use a service account's token, or an exec plugin that logs in without a person."],
    ['other', "Use a service account's token, a client certificate, or an exec plugin."],
  ])('with the auth-provider %s is refused, whatever kubeconfig-exec-allow says', async (name, advice) => {
    const user = { 'auth-provider': { name, config: { 'cmd-path': '/usr/bin/gcloud' } } };
    expect(await mistake(config({ user }), { execAllow: ['/usr/bin/gcloud', 'gcloud'] })).toBe(
      `The kubeconfig (the input kubeconfig), user "ci", logs in with the auth-provider "${name}". Kubernetes removed those, and one can run any command, so it is always refused. ${advice}`,
    );
  });
});

describe('files that it points at', () => {
  const FIX =
    'Make a kubeconfig that holds its certificates itself: kubectl config view --raw --flatten --minify';

  test.each([
    ['tokenFile', 'ci', { user: { tokenFile: '/etc/hostname' } }],
    [
      'client-certificate',
      'ci',
      { user: { 'client-certificate': '/etc/hostname', 'client-key': '/etc/hostname' } },
    ],
    ['client-key', 'ci', { user: { 'client-certificate-data': base64(PEM), 'client-key': '/etc/hostname' } }],
    [
      'certificate-authority',
      'prod-cluster',
      { cluster: { 'certificate-authority-data': undefined, 'certificate-authority': '/etc/hostname' } },
    ],
  ])('as %s may not be outside the workspace when it is given as text', async (key, name, shape) => {
    expect(await mistake(config(shape))).toBe(
      `The kubeconfig (the input kubeconfig) points at the file /etc/hostname (${key} of "${name}"), which is outside the workspace; a kubeconfig that is given as text may not. ${FIX}`,
    );
  });

  test('may not climb out of the workspace, nor leave it by a link', async () => {
    expect(await mistake(config({ user: { tokenFile: '../token' } }))).toContain(
      'which is outside the workspace',
    );
    expect(await mistake(config({ user: { tokenFile: '/nowhere/token' } }))).toContain(
      'which is outside the workspace',
    );
    symlinkSync('/etc/hostname', join(workspace, 'token'));
    expect(await mistake(config({ user: { tokenFile: 'token' } }))).toBe(
      `The kubeconfig (the input kubeconfig) points at the file token (tokenFile of "ci"), a link out of the workspace; a kubeconfig that is given as text may not. ${FIX}`,
    );
  });

  test('are not read by the field that only client-node knows', async () => {
    const user = { token: '', 'token-file': '/etc/hostname' };
    expect((await read(config({ user }))).credential).toEqual({ kind: 'none' });
  });

  test('may be in the workspace', async () => {
    writeFileSync(join(workspace, '..token'), 'abc');
    expect((await read(config({ user: { tokenFile: '..token' } }))).credential).toEqual({
      kind: 'token-file',
      path: join(workspace, '..token'),
    });
  });

  test('of a kubeconfig that is a file are found next to it', async () => {
    writeFileSync(join(outside, 'crt'), PEM);
    writeFileSync(join(outside, 'key'), KEY);
    writeFileSync(
      join(outside, 'config'),
      stringify(config({ user: { 'client-certificate': 'crt', 'client-key': './key' } })),
    );
    expect((await read(join(outside, 'config'))).credential).toEqual({
      kind: 'certificate',
      certificate: { kind: 'file', path: join(outside, 'crt') },
      key: { kind: 'file', path: join(outside, 'key') },
    });
  });

  test('and are not there are a mistake', async () => {
    expect(await mistake(config({ user: { tokenFile: 'token' } }))).toBe(
      `The kubeconfig (the input kubeconfig) points at the file token (tokenFile of "ci"), which is not there. ${FIX}`,
    );
  });
});

describe('a token', () => {
  test('may have white space around it', async () => {
    expect((await read(config({ user: { token: ' the-token\n' } }))).credential).toEqual({
      kind: 'token',
      token: 'the-token',
    });
  });

  test('with a line break in it is a mistake, and nothing of it is repeated', async () => {
    expect(await mistake(config({ user: { token: 'first-part\nsecond-part' } }))).toBe(
      'The kubeconfig (the input kubeconfig), user "ci", has a token with a line break in it. No token has that: it was changed on its way here. Take it over again, whole and in one line.',
    );
    expect(secrets).toEqual(expect.arrayContaining(['first-part', 'second-part']));
  });
});

describe('masks', () => {
  test.each([
    ['as it is', 'http://ci:s3cret@proxy:3128', ['s3cret']],
    ['percent-encoded', 'http://ci:s3%40cret@proxy:3128', ['s3%40cret', 's3@cret']],
    ['not encoded where it should be', 'http://ci:s3"cret@proxy:3128', ['s3"cret', 's3%22cret']],
    ['with a percent sign of its own', 'http://ci:50%off@proxy:3128', ['50%off']],
    ['in an address that is no URL', 'ci:s3cret@::nonsense', ['s3cret']],
  ])('the password of a proxy, %s', async (_, proxy, forms) => {
    expect((await read(config({ cluster: { 'proxy-url': proxy } }))).proxyUrl).toBe(proxy);
    expect(secrets).toEqual(expect.arrayContaining(forms));
  });

  test.each(['http://proxy:3128', 'http://jane@proxy:3128', 'socks5://proxy.example.com:1080'])(
    'nothing of a proxy without a password (%s)',
    async (proxy) => {
      await read(config({ cluster: { 'proxy-url': proxy } }));
      expect(secrets.filter((secret) => proxy.includes(secret))).toEqual([]);
    },
  );

  test('cover each credential and its base64, and no host and no user name', async () => {
    const user = {
      token: 'sup3r-secret-token',
      username: 'jane-the-user',
      password: 'pa55word',
      'client-certificate-data': base64(PEM),
      'client-key-data': base64(KEY),
    };
    const text = stringify(config({ user }));
    await read(base64(text));
    for (const credential of [
      'sup3r-secret-token',
      'pa55word',
      base64(KEY),
      'MIGHverysecretkey',
      base64(text),
    ]) {
      expect(secrets).toContain(credential);
    }
    expect(secrets).toContain(base64('sup3r-secret-token'));
    for (const innocent of [
      'k8s.example.com',
      'https://k8s.example.com:6443',
      'jane-the-user',
      'ci',
      'prod',
    ]) {
      expect(secrets).not.toContain(innocent);
    }
    expect(secrets.every((secret) => secret.length >= 4 && !secret.includes('\n'))).toBe(true);
  });

  test('are there before a mistake is told', async () => {
    const text = stringify(config({ user: { token: 'sup3r-secret-token', 'client-key': '/etc/hostname' } }));
    await mistake(text);
    expect(secrets).toContain('sup3r-secret-token');
    expect(secrets).toContain(base64(text.trim()));
  });

  test('do not hide what is too short to be a secret', async () => {
    await read(config({ user: { token: 'a1' } }));
    expect(secrets).not.toContain('a1');
  });
});
