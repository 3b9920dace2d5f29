/** The user's entry: which one credential we log in with. */
import { newUsers } from '@kubernetes/client-node/dist/config_types.js';
import { UserError } from '../model/error.ts';
import type { ClusterAccess, CredentialSource } from './access.ts';
import { readExec } from './kubeconfig-exec.ts';
import { fileOf, materialOf } from './kubeconfig-files.ts';
import type { UserOptions } from './kubeconfig-options.ts';
import { type Entry, isFields, textOf } from './kubeconfig-text.ts';
import { mask } from './mask.ts';
import { flawOf, TOKEN_ADVICE } from './token.ts';

export async function readUser(
  entry: Entry,
  options: UserOptions,
): Promise<Pick<ClusterAccess, 'credential' | 'headers'>> {
  const { 'auth-provider': provider } = entry.fields;
  if (provider !== undefined && provider !== null) refuseProvider(entry, provider, options.origin);
  return { credential: await credentialOf(entry, options), headers: impersonation(entry) };
}

/**
 * Several may stand there; the API server tries a certificate before a token, so a certificate comes first. A
 * plugin comes before what a former login may have left behind.
 */
async function credentialOf(entry: Entry, options: UserOptions): Promise<CredentialSource> {
  const { secret, origin } = options;
  // client-node would read `token-file` on the spot, wherever it points, and knows no `tokenFile`: its reading
  // of files is kept out, and the field that kubectl knows is ours.
  const { 'token-file': _, ...fields } = entry.fields;
  const [user] = newUsers([{ name: entry.name, user: fields }]);
  const token = textOf(fields, 'token');
  const password = textOf(fields, 'password');
  for (const value of [token, password, user?.keyData]) if (typeof value === 'string') mask(secret, value);

  const certificate = await materialOf(entry, 'client-certificate', options);
  const key = await materialOf(entry, 'client-key', options);
  if (key?.kind === 'data') mask(secret, key.data);
  if ((certificate === undefined) !== (key === undefined)) {
    const [there, missing] =
      key === undefined ? ['client certificate', 'key'] : ['client key', 'certificate'];
    throw new UserError(
      `The kubeconfig (${origin}), user "${entry.name}", has a ${there} but no ${missing} for it. ` +
        'Take a fresh kubeconfig of this cluster.',
    );
  }
  if (certificate !== undefined && key !== undefined) return { kind: 'certificate', certificate, key };
  if (isFields(fields['exec']))
    return { kind: 'exec', plugin: await readExec(entry, fields['exec'], options) };
  const tokenFile = await fileOf(entry, 'tokenFile', options);
  if (tokenFile !== undefined) return { kind: 'token-file', path: tokenFile };
  if (token !== undefined) return { kind: 'token', token: wholeToken(token, entry, origin) };
  const username = textOf(fields, 'username');
  if (username !== undefined && password !== undefined) return { kind: 'basic', username, password };
  return { kind: 'none' };
}

function wholeToken(text: string, entry: Entry, origin: string): string {
  const token = text.trim();
  const flaw = flawOf(token);
  if (flaw === undefined) return token;
  throw new UserError(
    `The kubeconfig (${origin}), user "${entry.name}", has a token with ${flaw}. ${TOKEN_ADVICE}`,
  );
}

/** https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/ */
function impersonation(entry: Entry): ClusterAccess['headers'] {
  const { fields } = entry;
  const headers: Record<string, string | readonly string[]> = {};
  const as = textOf(fields, 'as');
  if (as === undefined) return headers;
  headers['impersonate-user'] = as;
  const uid = textOf(fields, 'as-uid');
  if (uid !== undefined) headers['impersonate-uid'] = uid;
  const groups = fields['as-groups'];
  if (Array.isArray(groups)) headers['impersonate-group'] = groups.map(String);
  const extra = fields['as-user-extra'];
  if (isFields(extra)) {
    for (const [key, values] of Object.entries(extra)) {
      headers[`impersonate-extra-${encodeURIComponent(key)}`] = Array.isArray(values)
        ? values.map(String)
        : String(values);
    }
  }
  return headers;
}

const REPLACEMENTS: Readonly<Record<string, string>> = {
  gcp: 'Run "gcloud container clusters get-credentials" again: it then uses gke-gcloud-auth-plugin.',
  azure: 'Run "kubelogin convert-kubeconfig -l workloadidentity" (or -l azurecli after azure/login).',
  oidc: "Use a service account's token, or an exec plugin that logs in without a person.",
};

function refuseProvider(entry: Entry, provider: unknown, origin: string): never {
  const name = isFields(provider) ? (textOf(provider, 'name') ?? '') : '';
  throw new UserError(
    `The kubeconfig (${origin}), user "${entry.name}", logs in with the auth-provider "${name}". Kubernetes ` +
      'removed those, and one can run any command, so it is always refused. ' +
      (REPLACEMENTS[name] ?? "Use a service account's token, a client certificate, or an exec plugin."),
  );
}
