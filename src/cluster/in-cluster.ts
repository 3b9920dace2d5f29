/** A self-hosted runner that is a pod of the cluster uses its service account. */
import { promises } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { UserError } from '../model/error.ts';
import type { ClusterAccess } from './access.ts';
import type { KubeconfigOptions } from './kubeconfig-options.ts';

/** https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

export async function inCluster(options: KubeconfigOptions): Promise<ClusterAccess> {
  const folder = options.serviceAccountFolder ?? FOLDER;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = options.environment;
  const token = join(folder, 'token');
  const there = await promises.access(token).then(
    () => true,
    () => false,
  );
  if (!host || !port || !there) {
    throw new UserError(
      'No cluster is given: the input kubeconfig is empty, $KUBECONFIG is not set, and this runner is no pod of a ' +
        "cluster. Set kubeconfig to a secret, as in the README's example. A secret that does not exist here is empty too: check " +
        "its name, the job's environment, and that the run is not a pull request of a fork.",
    );
  }
  const namespace = await promises.readFile(join(folder, 'namespace'), 'utf8').catch(() => '');
  return {
    server: `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`,
    origin: "the pod's service account",
    context: undefined,
    namespace: namespace.trim() || undefined,
    user: undefined,
    ca: { kind: 'file', path: join(folder, 'ca.crt') },
    tlsServerName: undefined,
    insecure: false,
    proxyUrl: undefined,
    credential: { kind: 'token-file', path: token },
    headers: {},
  };
}
