/** A user's exec entry: whether it may run, and what is known of it before it does. */
import { promises } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { UserError } from '../model/error.ts';
import type { ExecPlugin, ExecVariable } from './access.ts';
import {
  baseName,
  interactiveLogin,
  KNOWN_PLUGINS,
  known,
  loadsCode,
  mintsToken,
  startsAnother,
} from './exec-table.ts';
import { isInside } from './kubeconfig-files.ts';
import type { UserOptions } from './kubeconfig-options.ts';
import { type Entry, type Fields, isFields, textOf } from './kubeconfig-text.ts';
import { mask } from './mask.ts';

const VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;

export async function readExec(entry: Entry, exec: Fields, options: UserOptions): Promise<ExecPlugin> {
  const { origin, secret, environment, workspace } = options;
  const where = `The kubeconfig (${origin}), user "${entry.name}",`;
  const command = textOf(exec, 'command');
  if (command === undefined)
    throw new UserError(`${where} has an exec entry without a command. Take a fresh kubeconfig.`);
  const args = (Array.isArray(exec['args']) ? exec['args'] : []).map(String);
  const env = variables(exec['env']);
  maskSecrets(args, env, secret);

  const version = textOf(exec, 'apiVersion') ?? '';
  const apiVersion = VERSIONS.find((one) => one === version);
  if (apiVersion === undefined) {
    throw new UserError(
      `${where} logs in with ${command} by the interface "${version}"; v1 and v1beta1 of ` +
        'client.authentication.k8s.io are spoken. Write the kubeconfig anew with a current version of that tool.',
    );
  }
  const listed = isListed(command, options);
  if (!listed) refuseUnknown(where, command, args, env, options);
  if (textOf(exec, 'interactiveMode') === 'Always') {
    throw new UserError(
      `${where} logs in with ${command}, which wants a terminal (interactiveMode: Always); there is none.`,
    );
  }
  if (baseName(command) === 'kubelogin') {
    const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const why = interactiveLogin(args, { ...environment, ...own });
    if (why !== undefined) {
      throw new UserError(
        `${where} logs in with kubelogin, which would wait for a person at a browser: ${why}. Run ` +
          '"kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login, -l spn with a ' +
          'secret) and use that kubeconfig; for another OIDC provider use --grant-type=client-credentials.',
      );
    }
  }
  const provideClusterInfo = exec['provideClusterInfo'] === true;
  return {
    apiVersion,
    command: /[\\/]/.test(command) ? resolve(entry.source.folder, command) : command,
    args,
    env,
    installHint: textOf(exec, 'installHint'),
    provideClusterInfo,
    clusterInfo: provideClusterInfo ? await clusterInfo(options) : {},
    notBelow: listed ? undefined : workspace,
  };
}

/** The user's word: the command exactly as the kubeconfig has it, or its base name where it is no path of the repo. */
function isListed(command: string, { execAllow, workspace }: UserOptions): boolean {
  if (execAllow.includes(command)) return true;
  return !isOfRepo(command, workspace) && execAllow.includes(baseName(command));
}

/** Relative paths, and those in the workspace: whoever can push to the repo decides what they are. */
function isOfRepo(command: string, workspace: string): boolean {
  if (!/[\\/]/.test(command)) return false;
  return !isAbsolute(command) || isInside(resolve(command), workspace);
}

function refuseUnknown(
  where: string,
  command: string,
  args: readonly string[],
  env: readonly ExecVariable[],
  { workspace }: UserOptions,
): void {
  const allow = `If you trust it, set kubeconfig-exec-allow: ${command}`;
  if (isOfRepo(command, workspace)) {
    throw new UserError(
      `${where} runs ${command} to log in, a relative path or one in the workspace: whoever can change the ` +
        `repository could run anything with this job's credentials. ${allow}`,
    );
  }
  const plugin = known(command);
  if (plugin === undefined) {
    throw new UserError(
      `${where} runs ${command} to log in, which is none of the commands allowed by themselves ` +
        `(${Object.keys(KNOWN_PLUGINS).join(', ')}). ${allow}`,
    );
  }
  if (!mintsToken(plugin, args)) {
    throw new UserError(
      `${where} runs ${command} to log in, but not as "${baseName(command)} ${plugin.words.join(' ')}", which is ` +
        `all that is allowed by itself. ${allow}`,
    );
  }
  const loader = env.find(({ name }) => loadsCode(name));
  if (loader !== undefined) {
    throw new UserError(
      `${where} runs ${command} with the variable ${loader.name}, by which it could load other code. ${allow}`,
    );
  }
  const starter = startsAnother(args);
  if (starter !== undefined) {
    throw new UserError(
      `${where} runs ${command} with the argument ${starter}, by which it would start another program. ${allow}`,
    );
  }
}

function variables(list: unknown): ExecVariable[] {
  return (Array.isArray(list) ? list : []).flatMap((item) => {
    const name = isFields(item) ? textOf(item, 'name') : undefined;
    return name === undefined ? [] : [{ name, value: (isFields(item) && textOf(item, 'value')) || '' }];
  });
}

/** By the names that credentials bear; the others (regions, profiles, cluster names) must stay readable. */
function maskSecrets(
  args: readonly string[],
  env: readonly ExecVariable[],
  secret: (value: string) => void,
): void {
  const SECRET = /secret|password|passwd|token|credential|api-?_?key|access-?_?key|private/i;
  for (const { name, value } of env) if (SECRET.test(name) && !/_FILE$/i.test(name)) mask(secret, value);
  args.forEach((arg, index) => {
    const [, flag, value] = /^(--?[^=]+)=(.*)$/s.exec(arg) ?? [];
    if (flag !== undefined && value !== undefined && SECRET.test(flag)) mask(secret, value);
    else if (/^--?/.test(arg) && SECRET.test(arg)) mask(secret, args[index + 1] ?? '');
  });
}

/** ExecCredential's spec.cluster; `config` is the extension that the cluster's entry reserves for plugins. */
async function clusterInfo({ reached, cluster }: UserOptions): Promise<Record<string, unknown>> {
  const ca =
    reached.ca?.kind === 'file' ? await promises.readFile(reached.ca.path, 'utf8') : reached.ca?.data;
  const extensions = Array.isArray(cluster.fields['extensions']) ? cluster.fields['extensions'] : [];
  const own = extensions.find((one) => isFields(one) && one['name'] === 'client.authentication.k8s.io/exec');
  return {
    server: reached.server,
    ...(reached.tlsServerName === undefined ? {} : { 'tls-server-name': reached.tlsServerName }),
    ...(reached.insecure ? { 'insecure-skip-tls-verify': true } : {}),
    ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
    ...(reached.proxyUrl === undefined ? {} : { 'proxy-url': reached.proxyUrl }),
    config: isFields(own) ? (own['extension'] ?? null) : null,
  };
}
