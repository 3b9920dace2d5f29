/** The Deployments of the bench on kwok, and when each of them was rolled out by the API's word. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Crowd } from '../../__tests__/cluster/kwok/crowd.ts';
import { type Deployment, imageOf, isComplete } from './facts.ts';
import { execute } from './process.ts';
import type { Watcher } from './watch.ts';

export const NAMESPACE = 'crowd';
export const IMAGES = ['registry.invalid/acme/app:v1', 'registry.invalid/acme/app:v2'] as const;

export async function kubectl(crowd: Crowd, ...args: readonly string[]): Promise<void> {
  const ran = await execute(crowd.kubectl, ['--kubeconfig', crowd.kubeconfig, ...args], {
    PATH: process.env['PATH'] ?? '',
    HOME: join(crowd.audit, '..'),
  });
  if (ran.exitCode !== 0) throw new Error(ran.lines.map(({ text }) => text).join('\n'));
}

export async function createDeployments(
  crowd: Crowd,
  folder: string,
  replicas: Readonly<Record<string, number>>,
): Promise<void> {
  const items = Object.entries(replicas).map(([name, count]) => manifest(name, count));
  const file = join(folder, 'deployments.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await kubectl(crowd, 'create', '--filename', file);
}

/** As long as an app's usually is: an environment, probes, resources, the recommended labels. */
function manifest(name: string, replicas: number): unknown {
  const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': NAMESPACE };
  const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 5, failureThreshold: 3 };
  const env = Array.from({ length: 12 }, (_, index) => ({
    name: `SETTING_${index}`,
    value: `https://service-${index}.${NAMESPACE}.svc.cluster.local:8443/path`,
  }));
  const app = {
    name: 'app',
    image: IMAGES[0],
    ports: [{ containerPort: 8080 }],
    env,
    readinessProbe: probe,
    livenessProbe: probe,
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NAMESPACE, labels },
    spec: {
      replicas,
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: { metadata: { labels }, spec: { containers: [app] } },
    },
  };
}

/** Waits until all Deployments run an image and are rolled out. */
export async function atRest(watcher: Watcher, count: number, image: string): Promise<void> {
  await watcher.until(
    `${count} Deployments at rest`,
    () => {
      const all = watcher.objects('deployments') as readonly Deployment[];
      return all.length === count && all.every((each) => isComplete(each));
    },
    240,
  );
  const other = (watcher.objects('deployments') as readonly Deployment[]).filter(
    (each) => imageOf(each.spec.template.spec) === image,
  );
  if (other.length === 0) throw new Error(`No Deployment runs ${image}.`);
}

export interface CrowdFacts {
  /** Deployment → when it bore the image, and when it was rolled out; of performance.now(). */
  readonly patched: Map<string, number>;
  readonly complete: Map<string, number>;
  stop(): void;
}

export function followCrowd(watcher: Watcher, names: readonly string[], image: string): CrowdFacts {
  const wanted = new Set(names);
  const patched = new Map<string, number>();
  const complete = new Map<string, number>();
  const stop = watcher.subscribe((kind, object, at) => {
    const { name } = object.metadata;
    const deployment = object as Deployment;
    if (kind !== 'deployments' || !wanted.has(name) || imageOf(deployment.spec.template.spec) !== image)
      return;
    if (!patched.has(name)) patched.set(name, at);
    if (isComplete(deployment) && !complete.has(name)) complete.set(name, at);
  });
  return { patched, complete, stop };
}
