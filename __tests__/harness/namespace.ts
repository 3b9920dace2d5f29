/** What a test plays on: a namespace of its own, with exactly the rights that the README asks for. */
import { randomBytes } from 'node:crypto';
import { parse } from 'yaml';
import { type Right, renderRole, rightsToDeploy } from '../../src/deploy/permissions.ts';
import type { Deployment, KubeObject } from '../../src/model/kube.ts';
import { run } from '../cluster/command.ts';
import type { Cluster } from '../cluster/index.ts';
import type { Images } from './images.ts';
import { Kube, type Manifest } from './kube.ts';
import { deployment, type Wish } from './workload.ts';

/** What all tests of a run have in common; made once, before the first. */
export interface Setup {
  readonly cluster: Cluster;
  readonly images: Images;
  /** The socket of `kubectl proxy`. */
  readonly socket: string;
  /** The cluster's part of the administrator's kubeconfig. */
  readonly server: Readonly<Record<string, unknown>>;
}

export class Namespace {
  readonly namespace: string;
  readonly setup: Setup;
  /** The cluster as its administrator sees it. */
  readonly kube: Kube;
  /** Of the user that deploys. */
  kubeconfig = '';
  user: { readonly token: string } = { token: '' };

  constructor(setup: Setup) {
    this.setup = setup;
    this.namespace = `e2e-${randomBytes(5).toString('hex')}`;
    this.kube = new Kube(setup.socket);
  }

  /** The API server's address. */
  get server(): string {
    return String(this.setup.server['server']);
  }

  /** The path of a list in the namespace: `deployments`, `pods`, … */
  path(resource: string): string {
    const group = GROUPS[resource];
    return `${group === undefined ? '/api/v1' : `/apis/${group}`}/namespaces/${this.namespace}/${resource}`;
  }

  /** Makes the namespace and the user that deploys. */
  async open(rights: readonly Right[] = rightsToDeploy({ logs: true })): Promise<void> {
    const { kube, namespace } = this;
    await kube.create('/api/v1/namespaces', { metadata: { name: namespace, labels: { e2e: namespace } } });
    const name = 'steadyship';
    const subject = { kind: 'ServiceAccount', name, namespace };
    await Promise.all([
      kube.create(this.path('serviceaccounts'), { metadata: { name } }),
      kube.create(this.path('roles'), parse(renderRole(namespace, rights)) as object),
      kube.create(this.path('rolebindings'), {
        metadata: { name },
        subjects: [subject],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      }),
    ]);
    const token = await kube.create<{ status: { token: string } }>(
      `${this.path('serviceaccounts')}/${name}/token`,
      { spec: { expirationSeconds: 3_600 } },
    );
    this.user = { token: token.status.token };
    this.kubeconfig = this.kubeconfigWith(this.user);
    await Promise.all([
      this.#awaitRight('list', true),
      kube.until(this.path('serviceaccounts'), isThere('default')),
    ]);
  }

  /** Leaves the user fewer rights. */
  async restrict(rights: readonly Right[]): Promise<void> {
    await this.apply('roles', parse(renderRole(this.namespace, rights)) as Manifest);
    const mayPatch = rights.some(({ verb }) => verb === 'patch');
    await this.#awaitRight('patch', mayPatch);
  }

  /** Leaves the user what is needed for some workloads, and rules that are bound to names in place of the rest. */
  async bind(rights: readonly Right[], bound: readonly object[]): Promise<void> {
    const role = parse(renderRole(this.namespace, rights)) as Manifest & {
      readonly rules: readonly object[];
    };
    await this.apply('roles', { ...role, rules: [...role.rules, ...bound] });
    await this.#awaitRight('patch', false);
  }

  /** The administrator's cluster with a user of the test's choice. JSON is YAML too. */
  kubeconfigWith(user: object, cluster: object = {}): string {
    const context = { cluster: 'test', user: 'deployer', namespace: this.namespace };
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { ...this.setup.server, ...cluster } }],
      users: [{ name: 'deployer', user }],
      contexts: [{ name: 'test', context }],
      'current-context': 'test',
    });
  }

  /** The namespace goes in the background: nobody waits for it. */
  async close(): Promise<void> {
    await this.kube.delete(`/api/v1/namespaces/${this.namespace}`);
  }

  async apply(resource: string, object: Manifest): Promise<void> {
    await this.kube.apply(this.path(resource), object);
  }

  /** A ConfigMap, of which only matters whether it is there. */
  configMap(name: string): Manifest {
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { colour: 'green' } };
  }

  /** A quota, in force when this resolves. */
  async quota(resource: string, hard: number): Promise<void> {
    const metadata = { name: 'small' };
    const spec = { hard: { [resource]: String(hard) } };
    await this.apply('resourcequotas', { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec });
    type Quota = KubeObject & { readonly status?: { readonly used?: Readonly<Record<string, string>> } };
    await this.kube.until<Quota>(
      this.path('resourcequotas'),
      ([quota]) => quota?.status?.used?.[resource] !== undefined,
    );
  }

  /** Makes Deployments and waits until each runs as it should. */
  async start(...wishes: readonly Wish[]): Promise<void> {
    const manifests = wishes.map(deployment);
    await Promise.all(manifests.map((manifest) => this.apply('deployments', manifest)));
    await Promise.all(manifests.map((manifest) => this.settled(manifest.metadata?.name)));
  }

  /** Waits until a Deployment is complete, as `kubectl rollout status` does. */
  async settled(name = 'web'): Promise<void> {
    await this.until(name, ({ metadata, spec, status }) => {
      const counts = [status?.replicas, status?.updatedReplicas, status?.availableReplicas];
      return (
        status?.observedGeneration === metadata?.generation &&
        counts.every((count) => (count ?? 0) === spec?.replicas)
      );
    });
  }

  async until(name: string, wanted: (deployment: Deployment) => boolean): Promise<Deployment> {
    const path = `${this.path('deployments')}?fieldSelector=metadata.name%3D${name}`;
    const [found] = await this.kube.until<Deployment>(path, ([only]) => only !== undefined && wanted(only));
    return found as Deployment;
  }

  /** What a person would type; in the test's namespace. */
  async kubectl(...args: readonly string[]): Promise<string> {
    const { cluster } = this.setup;
    return await run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, '-n', this.namespace, ...args]);
  }

  /** The API server learns of Roles by a watch of its own, a moment after they were written. */
  async #awaitRight(verb: 'list' | 'patch', wanted: boolean): Promise<void> {
    const spec = {
      user: `system:serviceaccount:${this.namespace}:steadyship`,
      resourceAttributes: { namespace: this.namespace, verb, group: 'apps', resource: 'deployments' },
    };
    for (;;) {
      const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
      const { status } = await this.kube.create<{ status: { allowed: boolean } }>(path, { spec });
      if (status.allowed === wanted) return;
    }
  }
}

const GROUPS: Readonly<Record<string, string>> = {
  deployments: 'apps/v1',
  horizontalpodautoscalers: 'autoscaling/v2',
  leases: 'coordination.k8s.io/v1',
  replicasets: 'apps/v1',
  controllerrevisions: 'apps/v1',
  statefulsets: 'apps/v1',
  daemonsets: 'apps/v1',
  poddisruptionbudgets: 'policy/v1',
  roles: 'rbac.authorization.k8s.io/v1',
  rolebindings: 'rbac.authorization.k8s.io/v1',
};

function isThere(name: string): (items: readonly Manifest[]) => boolean {
  return (items) => items.some(({ metadata }) => metadata?.name === name);
}
