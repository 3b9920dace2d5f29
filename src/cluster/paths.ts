/**
 * Paths of the API, built from names that were checked: a name that can not be a Kubernetes name never
 * reaches a URL, and what does is percent-encoded all the same.
 */
import { UserError } from '../model/error.ts';
import { isLabel, isSubdomain } from '../model/names.ts';
import type { WorkloadKind } from '../model/observation.ts';

/** A namespace, percent-encoded; throws UserError for what can be none. */
function namespaceSegment(namespace: string): string {
  if (!isLabel(namespace)) {
    throw new UserError(
      `"${namespace}" can not be a namespace: use at most 63 lowercase letters, digits and hyphens, ` +
        'beginning and ending with a letter or digit.',
    );
  }
  return encodeURIComponent(namespace);
}

function nameSegment(what: string, name: string): string {
  if (!isSubdomain(name)) {
    throw new UserError(
      `"${name}" can not be the name of a ${what}: use at most 253 lowercase letters, digits, hyphens and ` +
        'dots, beginning and ending with a letter or digit.',
    );
  }
  return encodeURIComponent(name);
}

/** `/<root>/namespaces/<ns>/<plural>[/<name>]` for any namespaced kind; `what` is the kind for messages. */
export function namespaced(
  root: `/api/${string}` | `/apis/${string}`,
  plural: string,
  what: string,
  namespace: string,
  name?: string,
): string {
  const collection = `${root}/namespaces/${namespaceSegment(namespace)}/${encodeURIComponent(plural)}`;
  return name === undefined ? collection : `${collection}/${nameSegment(what, name)}`;
}

export function deployments(namespace: string, name?: string): string {
  return namespaced('/apis/apps/v1', 'deployments', 'Deployment', namespace, name);
}

export function replicaSets(namespace: string, name?: string): string {
  return namespaced('/apis/apps/v1', 'replicasets', 'ReplicaSet', namespace, name);
}

export function statefulSets(namespace: string, name?: string): string {
  return namespaced('/apis/apps/v1', 'statefulsets', 'StatefulSet', namespace, name);
}

export function daemonSets(namespace: string, name?: string): string {
  return namespaced('/apis/apps/v1', 'daemonsets', 'DaemonSet', namespace, name);
}

const WORKLOADS: Readonly<Record<WorkloadKind, typeof deployments>> = {
  Deployment: deployments,
  StatefulSet: statefulSets,
  DaemonSet: daemonSets,
};

export function workloads(kind: WorkloadKind, namespace: string, name?: string): string {
  return WORKLOADS[kind](namespace, name);
}

export function controllerRevisions(namespace: string, name?: string): string {
  return namespaced('/apis/apps/v1', 'controllerrevisions', 'ControllerRevision', namespace, name);
}

export function pods(namespace: string, name?: string): string {
  return namespaced('/api/v1', 'pods', 'Pod', namespace, name);
}

/** Query: container, tailLines, previous, timestamps, limitBytes. */
export function podLog(namespace: string, name: string): string {
  return `${pods(namespace, name)}/log`;
}

export function podEviction(namespace: string, name: string): string {
  return `${pods(namespace, name)}/eviction`;
}

/** core/v1 Events. */
export function events(namespace: string, name?: string): string {
  return namespaced('/api/v1', 'events', 'Event', namespace, name);
}

export function configMaps(namespace: string, name?: string): string {
  return namespaced('/api/v1', 'configmaps', 'ConfigMap', namespace, name);
}

export function secrets(namespace: string, name?: string): string {
  return namespaced('/api/v1', 'secrets', 'Secret', namespace, name);
}

export function serviceAccounts(namespace: string, name?: string): string {
  return namespaced('/api/v1', 'serviceaccounts', 'ServiceAccount', namespace, name);
}

export function leases(namespace: string, name?: string): string {
  return namespaced('/apis/coordination.k8s.io/v1', 'leases', 'Lease', namespace, name);
}

export function namespaces(name?: string): string {
  return name === undefined ? '/api/v1/namespaces' : `/api/v1/namespaces/${namespaceSegment(name)}`;
}

export function nodes(name?: string): string {
  return name === undefined ? '/api/v1/nodes' : `/api/v1/nodes/${nameSegment('Node', name)}`;
}

/** Create-only: "may I …?" (SelfSubjectAccessReview). */
export function selfSubjectAccessReviews(): string {
  return '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
}

/** Create-only: "what may I in this namespace?" (SelfSubjectRulesReview). */
export function selfSubjectRulesReviews(): string {
  return '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
}
