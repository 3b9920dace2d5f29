/** Questions to the API server that tell whether the cluster can be used. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { kubeconfigFile, nodeName } from './credentials.ts';
import type { Place } from './place.ts';

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

/** True once the API server has finished its own start. */
export async function apiIsReady(place: Place): Promise<true | string> {
  const text = await get(place, '/readyz');
  return text === 'ok' || text;
}

/** True once a pod could be scheduled and started: node ready, its start-up taint gone, account there. */
export async function nodeIsReady(place: Place): Promise<true | string> {
  const node = JSON.parse(await get(place, `/api/v1/nodes/${nodeName}`)) as Node;
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  if (ready?.status !== 'True') return ready?.message ?? `node ${nodeName} has not said that it is ready`;
  if (node.spec?.taints?.length) return `node ${nodeName} still bears the taint ${node.spec.taints[0]?.key}`;
  await get(place, '/api/v1/namespaces/default/serviceaccounts/default');
  return true;
}

interface Node {
  readonly spec?: { readonly taints?: readonly { readonly key: string }[] };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}

/** The body of a 200; everything else is an error. */
function get(place: Place, path: string): Promise<string> {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfigFile(place), 'utf8')) as Kubeconfig;
  const cluster = clusters[0]?.cluster ?? {};
  const user = users[0]?.user ?? {};
  const decode = (value = ''): Buffer => Buffer.from(value, 'base64');
  const options = {
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
    timeout: 2000,
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const asked = request(`${cluster['server']}${path}`, options, (response) => {
      const parts: string[] = [];
      response.setEncoding('utf8').on('data', (part: string) => parts.push(part));
      response.on('end', () => {
        const body = parts.join('');
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`GET ${path}: ${response.statusCode} ${body.slice(0, 300)}`));
      });
      response.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error(`GET ${path}: no answer in 2 s`)));
    asked.on('error', reject);
    asked.end();
  });
}
