import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { ClusterAccess } from '../../src/cluster/access.ts';
import { type ExecAnswer, runExecPlugin } from '../../src/cluster/exec-plugin.ts';
import { type KubeconfigOptions, readKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { namespaces } from '../../src/cluster/paths.ts';
import { DEFAULT_TIMING } from '../../src/cluster/timing.ts';
import { UserError } from '../../src/model/error.ts';
import { FakeApi, json, refusing } from './fake-api.ts';
import {
  accessTo,
  connected,
  failureOf,
  fastClock,
  type MemoryLog,
  memoryLog,
  temporaryFolder,
  until,
} from './kit.ts';

const V1 = 'client.authentication.k8s.io/v1';
const PEM = '-----BEGIN CERTIFICATE-----\nMIIBpublicpublic\n-----END CERTIFICATE-----\n';

let workspace = '';
let bin = '';
let log: MemoryLog = memoryLog();
let environment: Record<string, string> = {};
beforeEach(() => {
  workspace = temporaryFolder();
  bin = temporaryFolder();
  log = memoryLog();
  environment = { PATH: `${bin}:${process.env['PATH']}`, HOME: '/home/runner' };
});

/** A real executable on PATH (or elsewhere). */
function plugin(name: string, script: string, folder = bin): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const answering = (status: object, apiVersion = V1) =>
  `echo '${JSON.stringify({ kind: 'ExecCredential', apiVersion, status })}'`;

type Exec = Record<string, unknown>;
const AWS: Exec = {
  command: 'aws',
  args: ['--region', 'eu-central-1', 'eks', 'get-token', '--cluster-name', 'prod'],
};

function read(exec: Exec, more: Partial<KubeconfigOptions> = {}): Promise<ClusterAccess> {
  const input = stringify({
    'current-context': 'prod',
    clusters: [
      {
        name: 'c',
        cluster: {
          server: 'https://k8s.example.com',
          'certificate-authority-data': Buffer.from(PEM).toString('base64'),
          extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'x' } }],
        },
      },
    ],
    users: [{ name: 'ci', user: { exec: { apiVersion: V1, interactiveMode: 'IfAvailable', ...exec } } }],
    contexts: [{ name: 'prod', context: { cluster: 'c', user: 'ci' } }],
  });
  return readKubeconfig({
    input,
    context: '',
    execAllow: [],
    workspace,
    environment,
    secret: log.secret,
    ...more,
  });
}

async function run(exec: Exec, more: Partial<KubeconfigOptions> = {}, speed = 20): Promise<ExecAnswer> {
  const access = await read(exec, more);
  if (access.credential.kind !== 'exec') throw new Error('no exec');
  const signal = new AbortController().signal;
  return runExecPlugin(access.credential.plugin, {
    access,
    clock: fastClock(speed),
    log,
    environment,
    signal,
    timing: DEFAULT_TIMING,
  });
}

async function mistake(promise: Promise<unknown>): Promise<string> {
  const error = await failureOf(promise);
  expect(error).toBeInstanceOf(UserError);
  return error.message;
}

const USER = 'The kubeconfig (the input kubeconfig), user "ci",';

describe('a plugin', () => {
  test('answers with a token and when that ends', async () => {
    plugin('aws', answering({ token: 'k8s-aws-v1.token', expirationTimestamp: '2026-11-21T10:00:00Z' }));
    expect(await run(AWS)).toEqual({
      token: 'k8s-aws-v1.token',
      certificate: undefined,
      expires: new Date('2026-11-21T10:00:00Z'),
    });
  });

  test('may leave white space around its token', async () => {
    plugin(
      'aws',
      `printf '%s' '${JSON.stringify({ kind: 'ExecCredential', apiVersion: V1, status: { token: ' the-token\n' } })}'`,
    );
    expect((await run(AWS)).token).toBe('the-token');
  });

  test('answers with a certificate and its key', async () => {
    plugin('aws', answering({ clientCertificateData: 'CERT-PEM', clientKeyData: 'KEY-PEM' }));
    expect(await run(AWS)).toEqual({
      token: undefined,
      certificate: { certificate: 'CERT-PEM', key: 'KEY-PEM' },
      expires: undefined,
    });
  });

  test('of v1beta1 is spoken to in v1beta1', async () => {
    const old = 'client.authentication.k8s.io/v1beta1';
    plugin('aws', answering({ token: 'the-token' }, old));
    expect((await run({ ...AWS, apiVersion: old })).token).toBe('the-token');
  });

  test('gets its arguments as they are, and nothing to read', async () => {
    plugin(
      'aws',
      `printf '%s\\n' "$@" > ${bin}/args; cat > ${bin}/stdin; ${answering({ token: 'the-token' })}`,
    );
    await run({ ...AWS, args: ['eks', 'get-token', '--cluster-name', '$(id); "x" *'] });
    expect(readFileSync(join(bin, 'args'), 'utf8')).toBe('eks\nget-token\n--cluster-name\n$(id); "x" *\n');
    expect(readFileSync(join(bin, 'stdin'), 'utf8')).toBe('');
  });

  test('gets what its table row lists and the variables of the kubeconfig, and not a word more', async () => {
    plugin(
      'aws',
      `env | cut -d= -f1 | grep -v '^_$\\|^PWD$\\|^SHLVL$' | sort > ${bin}/env; ${answering({ token: 'the-token' })}`,
    );
    Object.assign(environment, {
      AWS_REGION: 'eu-central-1',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/tmp/t',
      HTTPS_PROXY: 'http://proxy',
      LC_ALL: 'C',
      INPUT_KUBECONFIG: 'everything',
      GITHUB_TOKEN: 'ghs_1',
      ACTIONS_RUNTIME_TOKEN: 'a',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'b',
      AZURE_CLIENT_SECRET: 'c',
      NODE_OPTIONS: '--require /tmp/x.js',
      KUBECONFIG: '/x',
    });
    await run({
      ...AWS,
      env: [
        { name: 'AWS_PROFILE', value: 'prod' },
        { name: 'FOO', value: 'bar' },
      ],
    });
    expect(readFileSync(join(bin, 'env'), 'utf8').trim().split('\n')).toEqual([
      'AWS_PROFILE',
      'AWS_REGION',
      'AWS_WEB_IDENTITY_TOKEN_FILE',
      'FOO',
      'HOME',
      'HTTPS_PROXY',
      'KUBERNETES_EXEC_INFO',
      'LC_ALL',
      'PATH',
    ]);
  });

  test('is told the cluster where it asks for that', async () => {
    plugin('aws', `echo "$KUBERNETES_EXEC_INFO" > ${bin}/info; ${answering({ token: 'the-token' })}`);
    const info = () => JSON.parse(readFileSync(join(bin, 'info'), 'utf8'));
    await run(AWS);
    expect(info()).toEqual({ kind: 'ExecCredential', apiVersion: V1, spec: { interactive: false } });
    await run({ ...AWS, provideClusterInfo: true });
    expect(info().spec.cluster).toEqual({
      server: 'https://k8s.example.com',
      'certificate-authority-data': Buffer.from(PEM).toString('base64'),
      config: { audience: 'x' },
    });
  });

  test('has all that it prints masked, and the secrets among its arguments and variables', async () => {
    plugin(
      'kubelogin',
      answering({ token: 'the-minted-token', clientKeyData: 'k', expirationTimestamp: null }),
    );
    await run({
      command: 'kubelogin',
      args: ['get-token', '--login', 'spn', '--client-id', 'public-id', '--client-secret', 'arg-secret'],
      env: [
        { name: 'AZURE_CLIENT_SECRET', value: 'env-secret' },
        { name: 'AZURE_TENANT_ID', value: 'tenant-id' },
      ],
    });
    for (const value of ['the-minted-token', 'arg-secret', 'env-secret']) {
      expect(log.secrets).toContain(value);
      expect(log.secrets).toContain(Buffer.from(value).toString('base64'));
    }
    expect(log.secrets.some((secret) => secret.startsWith('{"kind":"ExecCredential"'))).toBe(true);
    for (const value of ['public-id', 'tenant-id', 'spn']) expect(log.secrets).not.toContain(value);
    expect(log.lines.join()).not.toContain('the-minted-token');
  });
});

describe('a plugin that fails', () => {
  const WHO = 'aws, with which the kubeconfig\'s user "ci" logs in,';

  test('is quoted', async () => {
    plugin(
      'aws',
      'echo "An error occurred" >&2; echo >&2; echo "Unable to locate credentials." >&2; exit 253',
    );
    expect(await mistake(run(AWS))).toBe(
      `${WHO} failed (exit code 253). It said: An error occurred Unable to locate credentials. Log in before this step, for instance with aws-actions/configure-aws-credentials.`,
    );
  });

  test('to be there is named, with the hint of the kubeconfig', async () => {
    environment['PATH'] = bin;
    expect(await mistake(run({ ...AWS, installHint: 'See https://aws.example/install\n for how.' }))).toBe(
      `${WHO} is not on this runner (not in any folder of PATH). Install the AWS CLI 2; GitHub-hosted runners have it in a step before this one. The kubeconfig says: See https://aws.example/install for how.`,
    );
  });

  test('to end is stopped, with all that it started', async () => {
    plugin(
      'aws',
      `(sleep 30; echo late > ${bin}/late) & echo $! > ${bin}/child; echo "waiting for MFA" >&2; wait`,
    );
    const started = performance.now();
    expect(await mistake(run(AWS, {}, 200))).toBe(
      `${WHO} did not end within 60 s and was stopped. It said: waiting for MFA. Run it by itself in a step of this job to see what it waits for.`,
    );
    expect(performance.now() - started).toBeLessThan(3_000);
    const child = Number(readFileSync(join(bin, 'child'), 'utf8'));
    await until(() => !alive(child));
  });

  test('to heed SIGTERM is killed', async () => {
    plugin('aws', `trap '' TERM; echo $$ > ${bin}/self; while :; do sleep 0.05; done`);
    expect(await mistake(run(AWS, {}, 200))).toContain('did not end within 60 s');
    await until(() => !alive(Number(readFileSync(join(bin, 'self'), 'utf8'))));
  });

  test('to let go of its pipes is not waited for', async () => {
    plugin('aws', `sleep 5 & ${answering({ token: 'the-token' })}`);
    const started = performance.now();
    expect((await run(AWS)).token).toBe('the-token');
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('to log in without a person is stopped as soon as it asks for one', async () => {
    plugin(
      'kubelogin',
      'echo "To sign in, use a web browser to open the page https://microsoft.com/devicelogin" >&2; sleep 30',
    );
    const started = performance.now();
    expect(
      await mistake(run({ command: 'kubelogin', args: ['get-token', '--login', 'azurecli'] }, {}, 1)),
    ).toBe(
      'kubelogin, with which the kubeconfig\'s user "ci" logs in, waits for a person at a browser, who is not here, and was stopped. It said: To sign in, use a web browser to open the page https://microsoft.com/devicelogin. Use "kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login).',
    );
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  const FITS = 'Check that the version of aws fits the input kubeconfig.';
  test.each([
    ['nothing', 'true', 'nothing at all'],
    ['prose', 'echo hello', 'something that is no JSON'],
    ['other JSON', 'echo null', 'JSON that is no ExecCredential'],
    ['no credential', answering({}), 'an ExecCredential with neither a token nor a certificate and its key'],
    [
      'half a pair',
      answering({ clientCertificateData: 'c' }),
      'an ExecCredential with neither a token nor a certificate and its key',
    ],
    [
      'another version',
      answering({ token: 't' }, 'x/v1'),
      `an ExecCredential of x/v1, where the kubeconfig asks for ${V1}`,
    ],
    [
      'a token over two lines',
      `printf '%s' '${JSON.stringify({ kind: 'ExecCredential', apiVersion: V1, status: { token: 'first\nsecond' } })}'`,
      'a token with a line break in it',
    ],
    [
      'a strange time',
      answering({ token: 'abcd', expirationTimestamp: 'soon' }),
      'an expirationTimestamp that is no time',
    ],
  ])('by answering %s is a mistake', async (_, script, what) => {
    plugin('aws', script);
    expect(await mistake(run(AWS))).toBe(`${WHO} answered ${what}. ${FITS}`);
  });

  test('to be a program is a mistake', async () => {
    writeFileSync(join(bin, 'aws'), 'no program');
    environment['PATH'] = bin;
    expect(await mistake(run(AWS))).toContain('is not on this runner');
    chmodSync(join(bin, 'aws'), 0o755);
    expect(await mistake(run(AWS))).toMatch(/could not be started: spawn .* ENOEXEC\.$|answered|failed/);
  });
});

describe('what may run', () => {
  test.each<[string, Exec]>([
    ['aws', AWS],
    ['aws-iam-authenticator', { command: 'aws-iam-authenticator', args: ['token', '-i', 'prod'] }],
    ['gke-gcloud-auth-plugin', { command: 'gke-gcloud-auth-plugin' }],
    [
      'kubelogin',
      { command: 'kubelogin', args: ['get-token', '-l', 'workloadidentity', '--server-id', 'x'] },
    ],
    [
      'kubelogin by its variable',
      { command: 'kubelogin', args: ['get-token'], env: [{ name: 'AAD_LOGIN_METHOD', value: 'spn' }] },
    ],
    [
      'int128/kubelogin',
      {
        command: 'kubelogin',
        args: ['get-token', '--oidc-issuer-url=https://x', '--grant-type=client-credentials'],
      },
    ],
    [
      'doctl',
      {
        command: 'doctl',
        args: ['kubernetes', 'cluster', 'kubeconfig', 'exec-credential', '--version=v1beta1', 'id'],
      },
    ],
    ['oci', { command: 'oci', args: ['ce', 'cluster', 'generate-token', '--cluster-id', 'x'] }],
    ['scw', { command: 'scw', args: ['k8s', 'exec-credential'] }],
    ['tsh', { command: 'tsh', args: ['kube', 'credentials', '--proxy=x'] }],
    ['tbot', { command: 'tbot', args: ['kube', 'credentials', '--destination-dir=/x'] }],
    ['an absolute path', { ...AWS, command: '/usr/local/bin/aws' }],
    [
      'aws, with the variables that its own command writes',
      {
        ...AWS,
        env: ['AWS_PROFILE', 'AWS_REGION', 'AWS_STS_REGIONAL_ENDPOINTS', 'HOMEPAGE', 'MY_XDG_'].map(
          (name) => ({
            name,
            value: 'x',
          }),
        ),
      },
    ],
    [
      'gke-gcloud-auth-plugin, with a project and an account',
      {
        command: 'gke-gcloud-auth-plugin',
        env: ['CLOUDSDK_CORE_PROJECT', 'CLOUDSDK_CORE_ACCOUNT', 'GOOGLE_APPLICATION_CREDENTIALS'].map(
          (name) => ({ name, value: 'x' }),
        ),
      },
    ],
    [
      'int128/kubelogin with a user name and password',
      {
        command: 'kubelogin',
        args: ['get-token', '--oidc-issuer-url=https://x', '--username=ci', '--password=s3cret'],
      },
    ],
    [
      'int128/kubelogin of grant type password',
      {
        command: 'kubelogin',
        args: ['get-token', '--oidc-issuer-url=https://x', '--grant-type=password', '--username=ci'],
      },
    ],
  ])('%s, by itself', async (_, exec) => {
    expect((await read(exec)).credential.kind).toBe('exec');
  });

  const KNOWN = 'aws, aws-iam-authenticator, gke-gcloud-auth-plugin, kubelogin, doctl, oci, scw, tsh, tbot';
  test.each<[string, Exec, string]>([
    [
      'an unknown command',
      { command: 'kubectl', args: ['oidc-login', 'get-token'] },
      `${USER} runs kubectl to log in, which is none of the commands allowed by themselves (${KNOWN}). If you trust it, set kubeconfig-exec-allow: kubectl`,
    ],
    [
      'a name that objects have',
      { command: 'constructor' },
      `${USER} runs constructor to log in, which is none of the commands allowed by themselves (${KNOWN}). If you trust it, set kubeconfig-exec-allow: constructor`,
    ],
    [
      'a known command that does something else',
      { command: 'aws', args: ['s3', 'rm', '--recursive', 's3://prod'] },
      `${USER} runs aws to log in, but not as "aws eks get-token", which is all that is allowed by itself. If you trust it, set kubeconfig-exec-allow: aws`,
    ],
    [
      'a known command that only begins like that',
      { command: 'aws', args: ['eks', 'delete-cluster', 'get-token'] },
      `${USER} runs aws to log in, but not as "aws eks get-token", which is all that is allowed by itself. If you trust it, set kubeconfig-exec-allow: aws`,
    ],
    [
      'a relative path',
      { ...AWS, command: './aws' },
      `${USER} runs ./aws to log in, a relative path or one in the workspace: whoever can change the repository could run anything with this job's credentials. If you trust it, set kubeconfig-exec-allow: ./aws`,
    ],
    [
      'other code by a variable',
      { ...AWS, env: [{ name: 'LD_PRELOAD', value: '/x.so' }] },
      `${USER} runs aws with the variable LD_PRELOAD, by which it could load other code. If you trust it, set kubeconfig-exec-allow: aws`,
    ],
    [
      'another program by an argument',
      {
        command: 'kubelogin',
        args: [
          'get-token',
          '--oidc-issuer-url=https://x',
          '--grant-type=client-credentials',
          '--browser-command=./x',
        ],
      },
      `${USER} runs kubelogin with the argument --browser-command, by which it would start another program. If you trust it, set kubeconfig-exec-allow: kubelogin`,
    ],
    [
      'int128/kubelogin with a browser, whatever user it names',
      {
        command: 'kubelogin',
        args: ['get-token', '--oidc-issuer-url=https://x', '--grant-type=authcode', '--username=ci'],
      },
      `${USER} logs in with kubelogin, which would wait for a person at a browser: it is an OIDC login of grant type "authcode". Run "kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login, -l spn with a secret) and use that kubeconfig; for another OIDC provider use --grant-type=client-credentials.`,
    ],
    [
      'kubelogin as az writes it',
      { command: 'kubelogin', args: ['get-token', '--environment', 'AzurePublicCloud'] },
      `${USER} logs in with kubelogin, which would wait for a person at a browser: its login mode is "devicecode". Run "kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login, -l spn with a secret) and use that kubeconfig; for another OIDC provider use --grant-type=client-credentials.`,
    ],
    [
      'kubelogin, interactive',
      { command: 'kubelogin', args: ['get-token', '--login=interactive'] },
      `${USER} logs in with kubelogin, which would wait for a person at a browser: its login mode is "interactive". Run "kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login, -l spn with a secret) and use that kubeconfig; for another OIDC provider use --grant-type=client-credentials.`,
    ],
    [
      'int128/kubelogin with a browser',
      { command: 'kubelogin', args: ['get-token', '--oidc-issuer-url', 'https://x'] },
      `${USER} logs in with kubelogin, which would wait for a person at a browser: it is an OIDC login of grant type "auto". Run "kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login, -l spn with a secret) and use that kubeconfig; for another OIDC provider use --grant-type=client-credentials.`,
    ],
    [
      'something that wants a terminal',
      { ...AWS, interactiveMode: 'Always' },
      `${USER} logs in with aws, which wants a terminal (interactiveMode: Always); there is none.`,
    ],
    [
      'an old interface',
      { ...AWS, apiVersion: 'client.authentication.k8s.io/v1alpha1' },
      `${USER} logs in with aws by the interface "client.authentication.k8s.io/v1alpha1"; v1 and v1beta1 of client.authentication.k8s.io are spoken. Write the kubeconfig anew with a current version of that tool.`,
    ],
    ['no command', { command: '' }, `${USER} has an exec entry without a command. Take a fresh kubeconfig.`],
  ])('not %s', async (_, exec, sentence) => {
    expect(await mistake(read(exec))).toBe(sentence);
  });

  test.each([
    'PATH',
    'LD_LIBRARY_PATH',
    'PYTHONPATH',
    'NODE_OPTIONS',
    'HOME',
    'XDG_CONFIG_HOME',
    'AWS_CONFIG_FILE',
    'AWS_SHARED_CREDENTIALS_FILE',
    'CLOUDSDK_PYTHON',
    'CLOUDSDK_PYTHON_ARGS',
    'CLOUDSDK_CONFIG',
    'CLOUDSDK_ROOT_DIR',
    'CLOUDSDK_GSUTIL_PYTHON',
    'CLOUDSDK_BQ_PYTHON',
    'GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES',
    'AZURE_CONFIG_DIR',
    'AZURE_EXTENSION_DIR',
    'OCI_CLI_CONFIG_FILE',
    'OCI_CLI_RC_FILE',
    'TELEPORT_HOME',
    'TELEPORT_GLOBAL_TSH_CONFIG',
  ])('not with %s, unless the user lists the command', async (name) => {
    const exec = { ...AWS, env: [{ name, value: '/x' }] };
    expect(await mistake(read(exec))).toBe(
      `${USER} runs aws with the variable ${name}, by which it could load other code. If you trust it, set kubeconfig-exec-allow: aws`,
    );
    expect((await read(exec, { execAllow: ['aws'] })).credential.kind).toBe('exec');
  });

  test("the runner's own variables are not the kubeconfig's", async () => {
    Object.assign(environment, { AWS_CONFIG_FILE: '/x', HOME: '/home/runner' });
    expect((await read(AWS)).credential.kind).toBe('exec');
  });

  test('not a path in the workspace by its base name, even if that is listed', async () => {
    const command = plugin('aws', `touch ${bin}/ran`, workspace);
    const sentence = `${USER} runs ${command} to log in, a relative path or one in the workspace: whoever can change the repository could run anything with this job's credentials. If you trust it, set kubeconfig-exec-allow: ${command}`;
    expect(await mistake(read({ ...AWS, command }))).toBe(sentence);
    expect(await mistake(read({ ...AWS, command }, { execAllow: ['aws'] }))).toBe(sentence);
    expect(existsSync(join(bin, 'ran'))).toBe(false);
  });

  test('not what PATH finds in the workspace, directly or by a link', async () => {
    const inside = join(workspace, 'bin');
    mkdirSync(inside);
    plugin('aws', `touch ${bin}/ran`, inside);
    environment['PATH'] = `${inside}:${environment['PATH']}`;
    const refusal = (path: string) =>
      `aws, with which the kubeconfig's user "ci" logs in, would be ${path}, which is in the workspace: whoever can change the repository could run anything with this job's credentials. If you trust it, set kubeconfig-exec-allow: aws`;
    expect(await mistake(run(AWS))).toBe(refusal(join(inside, 'aws')));
    symlinkSync(join(inside, 'aws'), join(bin, 'aws'));
    environment['PATH'] = bin;
    expect(await mistake(run(AWS))).toBe(refusal(join(bin, 'aws')));
    expect(existsSync(join(bin, 'ran'))).toBe(false);
  });

  test('what the user lists: a command, a base name, or a path of the repository in full', async () => {
    plugin('vault-login', answering({ token: 'the-token' }));
    expect((await run({ command: 'vault-login' }, { execAllow: ['vault-login'] })).token).toBe('the-token');
    const absolute = { command: join(bin, 'vault-login') };
    expect((await run(absolute, { execAllow: ['vault-login'] })).token).toBe('the-token');
    plugin('login', answering({ token: 'from-the-repo' }), workspace);
    expect((await run({ command: './login' }, { execAllow: ['./login'] })).token).toBe('from-the-repo');
  });

  test('what the user lists gets nothing of a cloud', async () => {
    environment['AWS_SECRET_ACCESS_KEY'] = 'x';
    plugin('vault-login', `env | grep -c AWS_ > ${bin}/count; ${answering({ token: 'the-token' })}`);
    await run({ command: 'vault-login' }, { execAllow: ['vault-login'] });
    expect(readFileSync(join(bin, 'count'), 'utf8').trim()).toBe('0');
  });
});

describe('through time', () => {
  /** Prints token-1, token-2, …, with this many seconds to live. */
  function counting(lifetime?: number): void {
    const expires =
      lifetime === undefined
        ? ''
        : `,\\"expirationTimestamp\\":\\"$(date -u -d "+${lifetime} seconds" +%FT%TZ)\\"`;
    plugin(
      'aws',
      `n=$(($(cat ${bin}/n 2>/dev/null || echo 0) + 1)); echo $n > ${bin}/n
if [ -e ${bin}/broken ]; then echo "throttled" >&2; exit 1; fi
echo "{\\"kind\\":\\"ExecCredential\\",\\"apiVersion\\":\\"${V1}\\",\\"status\\":{\\"token\\":\\"token-$n\\"${expires}}}"`,
    );
  }
  const runs = () => Number(readFileSync(join(bin, 'n'), 'utf8'));
  const PATH = namespaces('shop');

  async function opened(): Promise<{ api: FakeApi; get: () => Promise<unknown>; tokens: () => string[] }> {
    const api = await FakeApi.start();
    const { credential } = await read(AWS);
    const cluster = connected(accessTo(api.url, { credential }), { environment, log });
    return {
      api,
      get: () => cluster.get(PATH, { patience: 0 }),
      tokens: () => api.seen.map(({ headers }) => headers.authorization?.replace('Bearer ', '') ?? ''),
    };
  }

  test('it runs once for many requests', async () => {
    counting();
    const { get, tokens } = await opened();
    await Promise.all([get(), get(), get()]);
    await get();
    expect(tokens()).toEqual(['token-1', 'token-1', 'token-1', 'token-1']);
    expect(runs()).toBe(1);
  });

  test('it runs again when its credential expires', async () => {
    counting(20); // a second by the clock's speed
    const { get, tokens } = await opened();
    await get();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await get();
    expect(tokens()).toEqual(['token-1', 'token-2']);
  });

  test('it runs once after a 401, for all who met it', async () => {
    counting();
    const { api, get, tokens } = await opened();
    await get();
    api.always = (response, request) => {
      if (request.headers.authorization === 'Bearer token-1')
        refusing(401, 'Unauthorized', 'Unauthorized')(response, request);
      else json(response, 200, { kind: 'Deployment' });
    };
    await Promise.all([get(), get(), get()]);
    expect(tokens().slice(-3)).toEqual(['token-2', 'token-2', 'token-2']);
    expect(runs()).toBe(2);
  });

  test('it is not run for ever when nothing that it mints is accepted', async () => {
    counting();
    const { api, get } = await opened();
    api.always = refusing(401, 'Unauthorized', 'Unauthorized');
    expect(await failureOf(get())).toMatchObject({ name: 'ApiError', status: 401 });
    expect(runs()).toBe(2);
  });

  test('when it stutters, what is still valid is used on', async () => {
    counting(100);
    const { get, tokens } = await opened();
    await get();
    writeFileSync(join(bin, 'broken'), '');
    await new Promise((resolve) => setTimeout(resolve, 4_600)); // 92 s by the clock: after nine tenths of its life
    await get();
    expect(tokens()).toEqual(['token-1', 'token-1']);
    await until(() =>
      log.lines.join().includes('Renewing the credential failed, the present one is still used'),
    );
    expect(runs()).toBeGreaterThan(1);
  }, 10_000);

  test('closing ends it', async () => {
    plugin('aws', `echo $$ > ${bin}/self; sleep 30`);
    const api = await FakeApi.start();
    const { credential } = await read(AWS);
    const cluster = connected(accessTo(api.url, { credential }), { environment, log });
    const failed = failureOf(cluster.get(PATH));
    await until(() => existsSync(join(bin, 'self')));
    await cluster.close();
    expect((await failed).message).toBe(`the connection to ${api.url} was closed`);
    await until(() => !alive(Number(readFileSync(join(bin, 'self'), 'utf8'))));
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
