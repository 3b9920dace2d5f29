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
  if (proxyUrl !== undefined && URL.canParse(proxyUrl)) {
    mask(options.secret, decodeURIComponent(new URL(proxyUrl).password));
  }
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

function parseServer(text: string, where: string): URL {
  const server = URL.canParse(text) ? new URL(text) : undefined;
  if (server === undefined || !['https:', 'http:'].includes(server.protocol)) {
    throw new UserError(
      `${where} has the server "${text}", which is no URL. It must look like https://host:6443.`,
    );
  }
  if (server.username !== '' || server.password !== '') {
    throw new UserError(
      `${where} has a user name or password in its server address. Put them into the user's entry.`,
    );
  }
  return server;
}
