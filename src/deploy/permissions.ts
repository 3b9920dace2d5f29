import type { WorkloadKind } from '../model/observation.ts';
import type { WorkloadId } from '../model/workload.ts';
import { leaseName } from './lease.ts';

/** A right that a run needs in a namespace. */
export interface Right {
  readonly group: string;
  /** `pods` or, with its subresource, `pods/log`. */
  readonly resource: string;
  readonly verb: string;
}

const verbs = (group: string, resource: string, ...list: string[]): Right[] =>
  list.map((verb) => ({ group, resource, verb }));

/** The rights that each kind needs: on the workload itself, and on what tells its new pods from the old ones. */
const BY_KIND: Readonly<Record<WorkloadKind, readonly Right[]>> = {
  Deployment: [
    ...verbs('apps', 'deployments', 'get', 'list', 'watch', 'patch'),
    ...verbs('apps', 'replicasets', 'list', 'watch'),
  ],
  StatefulSet: verbs('apps', 'statefulsets', 'get', 'list', 'watch', 'patch'),
  DaemonSet: [
    ...verbs('apps', 'daemonsets', 'get', 'list', 'watch', 'patch'),
    ...verbs('apps', 'controllerrevisions', 'list', 'watch'),
  ],
};

/** What a run does, as far as its rights go. */
export interface Deeds {
  readonly logs: boolean;
  /** The kinds that it deploys to; a Deployment alone where none are named. */
  readonly kinds?: ReadonlySet<WorkloadKind>;
  /** Pods that keep a StatefulSet from its way back are evicted. */
  readonly evict?: boolean;
}

/** The rights that a deploy needs; README's Roles are these and no more. */
export function rightsToDeploy(deeds: Deeds): readonly Right[] {
  const { logs, kinds = new Set<WorkloadKind>(['Deployment']), evict = false } = deeds;
  const evicts = evict && kinds.has('StatefulSet');
  return [
    ...[...kinds].flatMap((kind) => BY_KIND[kind]),
    ...verbs('', 'pods', 'list', 'watch', ...(evicts ? ['delete'] : [])),
    ...(evicts ? verbs('', 'pods/eviction', 'create') : []),
    ...verbs('', 'events', 'list', 'watch'),
    ...verbs('coordination.k8s.io', 'leases', 'get', 'list', 'watch', 'create', 'update'),
    ...(logs ? verbs('', 'pods/log', 'get') : []),
  ];
}

/** A rule as SelfSubjectRulesReview answers it (authorization.k8s.io/v1). */
export interface ResourceRule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/**
 * The names that a rule for this right may be bound to (`resourceNames`); none: it has to be unbound. What is made
 * has no name yet, and a list has one only where a field selector asks for one object, as it does of a workload that
 * is the only one of its kind (k8s.io/apiserver pkg/endpoints/request/requestinfo.go).
 */
export function namesOf({ resource, verb }: Right, workloads: readonly WorkloadId[]): readonly string[] {
  if (resource === 'leases') return ['get', 'update'].includes(verb) ? workloads.map(leaseName) : [];
  const names = workloads.filter(({ kind }) => `${kind.toLowerCase()}s` === resource).map(({ name }) => name);
  return ['get', 'patch'].includes(verb) || names.length === 1 ? names : [];
}

/**
 * The rights that the rules do not grant for sure.
 *
 * @param names those for which a right is needed, where it may be bound to them
 */
export function missingRights(
  wanted: readonly Right[],
  rules: readonly ResourceRule[],
  names: (right: Right) => readonly string[] = () => [],
): readonly Right[] {
  const has = (list: readonly string[] | undefined, value: string): boolean =>
    list !== undefined && (list.includes('*') || list.includes(value));
  return wanted.filter((right) => {
    const bounds = rules
      .filter(
        (rule) =>
          has(rule.verbs, right.verb) &&
          has(rule.apiGroups, right.group) &&
          has(rule.resources, right.resource),
      )
      .map((rule) => rule.resourceNames ?? []);
    const needed = names(right);
    const isBound = needed.length > 0 && needed.every((name) => bounds.some((bound) => bound.includes(name)));
    return !isBound && !bounds.some((bound) => bound.length === 0);
  });
}

/** The Role that grants the rights, as YAML to paste. */
export function renderRole(namespace: string, rights: readonly Right[]): string {
  const byResource = new Map<string, Right[]>();
  for (const right of rights) {
    const key = `${right.group}/${right.resource}`;
    byResource.set(key, [...(byResource.get(key) ?? []), right]);
  }
  const rules = [...byResource.values()].map(
    (group) =>
      `  - {apiGroups: ["${group[0]?.group}"], resources: [${group[0]?.resource}], verbs: [${group.map((right) => right.verb).join(', ')}]}`,
  );
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: Role',
    `metadata: {name: steadyship, namespace: ${namespace}}`,
    'rules:',
    ...rules,
  ].join('\n');
}

/** `get/list/watch deployments.apps, get pods/log`: resources as kubectl's `auth can-i` takes them. */
export function nameRights(rights: readonly Right[]): string {
  const verbs = new Map<string, readonly string[]>();
  for (const { group, resource, verb } of rights) {
    const [name, subresource] = resource.split('/');
    const title = `${name}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
    verbs.set(title, [...(verbs.get(title) ?? []), verb]);
  }
  return [...verbs].map(([title, list]) => `${list.join('/')} ${title}`).join(', ');
}
