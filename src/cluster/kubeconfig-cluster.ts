/** The cluster's entry: where it is, and what it is trusted by. */
import { newClusters } from '@kubernetes/client-node/dist/config_types.js';
import { UserError } from '../model/error.ts';
import { isLoopback } from '../process/proxy.ts';
import { materialOf } from './kubeconfig-files.ts';
import type { KubeconfigOptions, Reached } from './kubeconfig-options.ts';
import { type Entry, textOf } from './kubeconfig-text.ts';
import { mask } from './mask.ts';

export async function readCluster(
  entry: Entry,
  options: KubeconfigOptions & { readonly origin: string },
): Promise<Reached> {
  const { origin } = options;
  const where = `The kubeconfig (${origin}), cluster "${entry.name}",`;
  const [cluster] = newClusters([
    { name: entry.name, cluster: { ...entry.fields, server: textOf(entry.fields, 'server') ?? '-' } },
  ]);
  if (cluster === undefined || cluster.server === '-') {
    throw new UserError(`${where} has no server. Take a fresh kubeconfig of this cluster.`);
  }
  const server = parseServer(cluster.server, where);
  const local = isLoopback(server.hostname);
  const trusted = options.allowInsecure === true || local;
  if (server.protocol === 'http:' && !trusted) {
    throw new UserError(
      `${where} is reached by http:// (${server.origin}), so that anybody in between could read the credentials ` +
        'and forge the answers; only loopback addresses may. Use the https:// address of the API server.',
    );
  }
  const proxyUrl = textOf(entry.fields, 'proxy-url');
  for (const form of passwordForms(proxyUrl ?? '')) mask(options.secret, form);
  const insecure = cluster.skipTLSVerify === true;
  if (insecure && !trusted) {
    throw new UserError(
      `${where} sets insecure-skip-tls-verify, so that anybody in between could read the credentials and forge ` +
        "the answers. Remove it and put the cluster's CA into certificate-authority-data.",
    );
  }
  return {
    server: server.href.replace(/\/+$/, ''),
    ca: insecure ? undefined : await materialOf(entry, 'certificate-authority', options),
    tlsServerName: cluster.tlsServerName || undefined,
    insecure,
    proxyUrl,
  };
}

/**
 * The password of a URL as it is written, as URLs are normalised, and as it is meant. One that is not percent-encoded
 * makes the URL unusable, which is told where the connection is made.
 */
function passwordForms(text: string): ReadonlySet<string> {
  const forms = new Set<string>();
  const written = /^(?:[a-z][a-z\d+.-]*:\/\/)?[^/:@]*:(?!\/\/)(.*)@/is.exec(text)?.[1];
  if (written !== undefined) forms.add(written);
  const normal = URL.parse(text)?.password ?? '';
  for (const encoded of [...forms, normal]) {
    forms.add(encoded);
    try {
      forms.add(decodeURIComponent(encoded));
    } catch {
      // It is its own meaning then.
    }
  }
  forms.delete('');
  return forms;
}

function parseServer(text: string, where: string): URL {
  const server = URL.parse(text);
  if (server === null || !['https:', 'http:'].includes(server.protocol)) {
    // What stands before an @ may be a password, and nothing masks it.
    const what = text.includes('@') ? 'a server that' : `the server "${text}", which`;
    const hint = text.includes('@') ? ' (not repeated here: it seems to bear a password)' : '';
    throw new UserError(`${where} has ${what} is no URL${hint}. It must look like https://host:6443.`);
  }
  if (server.username !== '' || server.password !== '') {
    throw new UserError(
      `${where} has a user name or password in its server address. Put them into the user's entry.`,
    );
  }
  return server;
}
