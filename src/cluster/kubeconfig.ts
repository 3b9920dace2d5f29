/**
 * From the input `kubeconfig` to a cluster and a user. Nothing is written to disk, nothing is run and no
 * request is made; every mistake is a UserError in whole sentences, and every credential is masked first.
 */
import { UserError } from '../model/error.ts';
import { refuseUnverifiedTls } from '../process/tls.ts';
import type { ClusterAccess } from './access.ts';
import { inCluster } from './in-cluster.ts';
import { readCluster } from './kubeconfig-cluster.ts';
import type { KubeconfigOptions } from './kubeconfig-options.ts';
import { findKubeconfigs } from './kubeconfig-source.ts';
import { type Entries, parseKubeconfig, type Source, textOf } from './kubeconfig-text.ts';
import { readUser } from './kubeconfig-user.ts';

export type { KubeconfigOptions } from './kubeconfig-options.ts';

/** Throws UserError. */
export async function readKubeconfig(options: KubeconfigOptions): Promise<ClusterAccess> {
  refuseUnverifiedTls(options.environment);
  const sources = await findKubeconfigs(options);
  if (sources.length === 0) return inCluster(options);
  return choose(await merge(sources), sources.map((source) => source.origin).join(', '), options);
}

/** As kubectl merges $KUBECONFIG: the first file that names a thing defines it. */
async function merge(sources: readonly Source[]): Promise<Entries> {
  const merged: Entries = { current: undefined, clusters: new Map(), contexts: new Map(), users: new Map() };
  for (const source of sources) {
    const entries = await parseKubeconfig(source);
    merged.current ??= entries.current;
    for (const kind of ['clusters', 'contexts', 'users'] as const) {
      for (const [name, entry] of entries[kind]) {
        if (!merged[kind].has(name)) merged[kind].set(name, entry);
      }
    }
  }
  return merged;
}

async function choose(entries: Entries, origin: string, options: KubeconfigOptions): Promise<ClusterAccess> {
  const file = `The kubeconfig (${origin})`;
  const names = [...entries.contexts.keys()];
  const known = names.length === 0 ? 'It has no contexts at all.' : `It has: ${names.join(', ')}.`;
  const wanted = options.context.trim() || entries.current;
  if (wanted === undefined) {
    throw new UserError(
      `${file} has no current-context, and the input kube-context is empty. ${known}` +
        (names.length === 0
          ? ' Take a fresh kubeconfig of this cluster.'
          : ' Set kube-context to the one to use.'),
    );
  }
  const context = entries.contexts.get(wanted);
  if (context === undefined) {
    const who = options.context.trim() === '' ? 'its own current-context' : 'the input kube-context';
    throw new UserError(`${file} has no context "${wanted}", which ${who} names. ${known}`);
  }
  const dangling = (kind: string, name: string) =>
    new UserError(
      `${file} has no ${kind} "${name}", which its context "${wanted}" names. Take a fresh kubeconfig of this cluster.`,
    );
  const clusterName = textOf(context.fields, 'cluster') ?? '';
  const cluster = entries.clusters.get(clusterName);
  if (cluster === undefined) throw dangling('cluster', clusterName);
  const userName = textOf(context.fields, 'user');
  const user = userName === undefined ? undefined : entries.users.get(userName);
  if (userName !== undefined && user === undefined) throw dangling('user', userName);

  const reached = await readCluster(cluster, { ...options, origin });
  const identity =
    user === undefined
      ? { credential: { kind: 'none' } as const, headers: {} }
      : await readUser(user, { ...options, origin, reached, cluster });
  return {
    origin,
    context: wanted,
    namespace: textOf(context.fields, 'namespace'),
    user: userName,
    ...reached,
    ...identity,
  };
}
