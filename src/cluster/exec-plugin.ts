/**
 * Runs an exec credential plugin: without a terminal, with little environment, not for ever.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
import { constants } from 'node:fs';
import { access as mayDo, realpath, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Clock } from '../model/clock.ts';
import { UserError } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import type { ClusterAccess, ExecPlugin } from './access.ts';
import { Run } from './exec-run.ts';
import { baseName, known, pluginEnvironment } from './exec-table.ts';
import { isInside } from './kubeconfig-files.ts';
import { mask } from './mask.ts';
import type { ClientCertificate } from './pool.ts';
import type { Timing } from './timing.ts';
import { flawOf } from './token.ts';

export interface LoginOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted when the connection is closed: ends a plugin that runs. */
  readonly signal: AbortSignal;
  readonly timing: Timing;
}

export interface ExecAnswer {
  readonly token: string | undefined;
  readonly certificate: ClientCertificate | undefined;
  readonly expires: Date | undefined;
}

export async function runExecPlugin(plugin: ExecPlugin, options: LoginOptions): Promise<ExecAnswer> {
  const { access, environment, log } = options;
  const name = baseName(plugin.command);
  const who = `${name}, with which the kubeconfig's user "${access.user ?? ''}" logs in,`;
  const env = pluginEnvironment(plugin.command, environment, plugin.env);
  const file = await locate(plugin, env['PATH'] ?? '', who);
  env['KUBERNETES_EXEC_INFO'] = JSON.stringify({
    kind: 'ExecCredential',
    apiVersion: plugin.apiVersion,
    spec: { interactive: false, ...(plugin.provideClusterInfo ? { cluster: plugin.clusterInfo } : {}) },
  });
  log.debug(`Logging in with ${file}`);
  const run = await new Run(file, plugin.args, env, options).done;
  switch (run.end) {
    case 'closed':
      throw options.signal.reason;
    case 'timeout':
      throw new UserError(
        `${who} did not end within ${options.timing.exec / 1000} s and was stopped.${quote(run.stderr)} ` +
          'Run it by itself in a step of this job to see what it waits for.',
      );
    case 'waits':
      throw new UserError(
        `${who} waits for a person at a browser, who is not here, and was stopped.${quote(run.stderr)} ` +
          loginAdvice(name),
      );
    case 'failed':
      throw new UserError(`${who} could not be started: ${run.why}.`);
    case 'exit':
      if (run.code === 0) return parseAnswer(run.stdout, plugin, access, who, (value) => log.secret(value));
      throw new UserError(
        `${who} failed (${run.code === null ? `killed by ${run.signal}` : `exit code ${run.code}`}).` +
          `${quote(run.stderr)} ${loginAdvice(name)}`,
      );
  }
}

function loginAdvice(name: string): string {
  if (name === 'kubelogin') {
    return 'Use "kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login).';
  }
  if (name.startsWith('aws'))
    return 'Log in before this step, for instance with aws-actions/configure-aws-credentials.';
  if (name.startsWith('gke')) return 'Log in before this step, for instance with google-github-actions/auth.';
  return 'Log in before this step in a way that needs no person.';
}

/** The last lines of stderr, which say why; what it printed to stdout may be a credential. */
function quote(stderr: string): string {
  const lines = stderr.split(/\r?\n/).map((line) => line.trim());
  const said = lines
    .filter((line) => line !== '')
    .slice(-3)
    .join(' ')
    .slice(-500);
  return said === '' ? ' It said nothing.' : ` It said: ${said.replace(/[.\s]+$/, '')}.`;
}

/** Looked up here and not by the system, so that a folder of the repository on PATH gives nobody a say. */
async function locate(plugin: ExecPlugin, path: string, who: string): Promise<string> {
  const candidates = /[\\/]/.test(plugin.command)
    ? [plugin.command]
    : path.split(delimiter).flatMap((folder) => (folder === '' ? [] : [join(folder, plugin.command)]));
  for (const candidate of candidates) {
    if (!(await isExecutable(candidate))) continue;
    const { notBelow } = plugin;
    if (notBelow === undefined) return candidate;
    const [real, forbidden] = await Promise.all([
      realpath(candidate),
      realpath(notBelow).catch(() => notBelow),
    ]);
    if (!isInside(real, forbidden) && !isInside(candidate, notBelow)) return candidate;
    throw new UserError(
      `${who} would be ${candidate}, which is in the workspace: whoever can change the repository could run anything ` +
        `with this job's credentials. If you trust it, set kubeconfig-exec-allow: ${plugin.command}`,
    );
  }
  const hint = plugin.installHint?.trim().replace(/\s+/g, ' ').replace(/\.$/, '');
  const install = known(plugin.command)?.install;
  throw new UserError(
    `${who} is not on this runner${/[\\/]/.test(plugin.command) ? ` (${plugin.command})` : ' (not in any folder of PATH)'}. ` +
      (install === undefined ? 'Install it' : install) +
      ` in a step before this one.${hint === undefined ? '' : ` The kubeconfig says: ${hint}.`}`,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await mayDo(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

interface ExecCredential {
  readonly kind?: unknown;
  readonly apiVersion?: unknown;
  readonly status?: {
    readonly token?: unknown;
    readonly clientCertificateData?: unknown;
    readonly clientKeyData?: unknown;
    readonly expirationTimestamp?: unknown;
  };
}

function parseAnswer(
  stdout: string,
  plugin: ExecPlugin,
  access: ClusterAccess,
  who: string,
  secret: (value: string) => void,
): ExecAnswer {
  const wrong = (what: string) =>
    new UserError(
      `${who} answered ${what}. Check that the version of ${baseName(plugin.command)} fits ${access.origin}.`,
    );
  // Of one line it can appear in a log as it is; of several, only what is in it.
  if (!stdout.trim().includes('\n')) mask(secret, stdout);
  let answer: ExecCredential | null;
  try {
    answer = JSON.parse(stdout) as ExecCredential | null;
  } catch {
    throw wrong(stdout.trim() === '' ? 'nothing at all' : 'something that is no JSON');
  }
  const {
    token,
    clientCertificateData: certificate,
    clientKeyData: key,
    expirationTimestamp,
  } = answer?.status ?? {};
  for (const value of [token, key]) if (typeof value === 'string') mask(secret, value);
  if (answer?.kind !== 'ExecCredential') throw wrong('JSON that is no ExecCredential');
  if (answer.apiVersion !== plugin.apiVersion) {
    throw wrong(
      `an ExecCredential of ${String(answer.apiVersion)}, where the kubeconfig asks for ${plugin.apiVersion}`,
    );
  }
  const whole = typeof token === 'string' ? token.trim() : '';
  const flaw = flawOf(whole);
  if (flaw !== undefined) throw wrong(`a token with ${flaw}`);
  const hasToken = whole !== '';
  const hasPair =
    typeof certificate === 'string' && certificate !== '' && typeof key === 'string' && key !== '';
  if (!hasToken && !hasPair)
    throw wrong('an ExecCredential with neither a token nor a certificate and its key');
  const expires = typeof expirationTimestamp === 'string' ? new Date(expirationTimestamp) : undefined;
  if (expires !== undefined && Number.isNaN(expires.getTime()))
    throw wrong('an expirationTimestamp that is no time');
  return {
    token: hasToken ? whole : undefined,
    certificate: hasPair ? { certificate, key } : undefined,
    expires,
  };
}
