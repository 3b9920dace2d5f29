import type { Cluster } from '../cluster/client.ts';
import { ApiError } from '../cluster/client.ts';
import { explain } from '../cluster/explain.ts';
import {
  namespaces as namespacePath,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  workloads as workloadPath,
} from '../cluster/paths.ts';
import { UserError } from '../model/error.ts';
import type { KubeObject, Workload } from '../model/kube.ts';
import {
  isSameWorkload,
  shortName,
  type Wanted,
  type WorkloadId,
  type WorkloadRef,
} from '../model/workload.ts';
import { answersOf } from './kinds.ts';
import {
  type Deeds,
  missingRights,
  nameRights,
  namesOf,
  type ResourceRule,
  type Right,
  renderRole,
  rightsToDeploy,
} from './permissions.ts';

/** A workload that is to be deployed: all its containers that were named, and the object as it is. */
export interface Found extends WorkloadId {
  /** The containers as named, and what each is to get. */
  readonly containers: readonly Wanted[];
  readonly workload: Workload;
}

/**
 * Asks the cluster everything that can be known before anything is built: is every right there, does every
 * workload exist, may it be rolled out at all. All questions go out together, and all answers that are "no"
 * come back as one error.
 *
 * @throws UserError with a sentence for each mistake
 */
export async function preflight(
  cluster: Cluster,
  workloads: readonly WorkloadRef[],
  options: Pick<Deeds, 'logs' | 'evict'>,
): Promise<readonly Found[]> {
  const namespaces = [...new Set(workloads.map((workload) => workload.namespace))];
  const targets = groupByWorkload(workloads);
  // The workloads first: most of what comes next is about them.
  const [found, rights] = await Promise.all([
    Promise.all(targets.map((target) => findWorkload(cluster, target))),
    Promise.all(
      namespaces.map((namespace) => {
        const there = targets.filter((target) => target.namespace === namespace);
        const kinds = new Set(there.map(({ kind }) => kind));
        return checkRights(cluster, namespace, rightsToDeploy({ ...options, kinds }), there);
      }),
    ),
  ]);
  const denied = rights.filter((each) => each !== undefined);
  // Where rights are missing, "forbidden" is only an echo of it.
  const wrong = found.flatMap((each) =>
    'mistake' in each && !(denied.length > 0 && each.forbidden) ? [each.mistake] : [],
  );
  const mistakes = [...denied.map(({ mistake }) => mistake), ...wrong];
  if (mistakes.length > 0) {
    throw new UserError(mistakes, { details: denied.flatMap(({ role }) => role.split('\n')) });
  }
  return found.flatMap((each) => ('mistake' in each ? [] : [each]));
}

type Target = Omit<Found, 'workload'>;

function groupByWorkload(workloads: readonly WorkloadRef[]): readonly Target[] {
  const first = workloads.filter(
    (each, index) => workloads.findIndex((other) => isSameWorkload(each, other)) === index,
  );
  return first.map(({ kind, namespace, name }) => {
    const same = workloads.filter((other) => isSameWorkload({ kind, namespace, name }, other));
    return {
      kind,
      namespace,
      name,
      containers: same.map(({ container, target }) => ({ container, target })),
    };
  });
}

/**
 * One SelfSubjectRulesReview answers for a whole namespace. It may be incomplete where the authorizer is a
 * webhook (EKS, GKE), so that each right it does not name is asked for by itself before it is called missing.
 */
async function checkRights(
  cluster: Cluster,
  namespace: string,
  wanted: readonly Right[],
  workloads: readonly WorkloadId[],
): Promise<{ readonly mistake: string; readonly role: string } | undefined> {
  const review = await cluster.create<RulesReview>(selfSubjectRulesReviews(), {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  });
  const names = (right: Right) => namesOf(right, workloads);
  const doubtful = missingRights(wanted, review.status?.resourceRules ?? [], names);
  const allowed = await Promise.all(
    doubtful.map(async (right) => {
      if (await isAllowed(cluster, namespace, right)) return true;
      // One after the other, for the first "no" is enough and there may be hundreds.
      for (const name of names(right)) if (!(await isAllowed(cluster, namespace, right, name))) return false;
      return names(right).length > 0;
    }),
  );
  const missing = doubtful.filter((_, index) => !allowed[index]);
  if (missing.length === 0) return undefined;
  const where = `in namespace ${JSON.stringify(namespace)}`;
  // Of a namespace that is not there, only the right to look at all namespaces would tell so.
  const what =
    missing.length === wanted.length
      ? `may do nothing of what is needed ${where}. Check that name, or bind`
      : `may not ${nameRights(missing)} ${where}. Bind`;
  return {
    mistake: `The kubeconfig's user ${what} the Role that the log and the summary show to this user.`,
    role: renderRole(namespace, wanted),
  };
}

interface RulesReview extends KubeObject {
  readonly status?: { readonly resourceRules?: readonly ResourceRule[]; readonly incomplete?: boolean };
}

interface AccessReview extends KubeObject {
  readonly status?: { readonly allowed?: boolean };
}

async function isAllowed(cluster: Cluster, namespace: string, right: Right, name?: string): Promise<boolean> {
  const [resource, subresource] = right.resource.split('/');
  const review = await cluster.create<AccessReview>(selfSubjectAccessReviews(), {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: {
      resourceAttributes: {
        namespace,
        verb: right.verb,
        group: right.group,
        resource,
        ...(subresource === undefined ? {} : { subresource }),
        ...(name === undefined ? {} : { name }),
      },
    },
  });
  return review.status?.allowed === true;
}

interface Unfit {
  readonly mistake: string;
  /** It may not even be read. */
  readonly forbidden: boolean;
}

async function findWorkload(cluster: Cluster, target: Target): Promise<Found | Unfit> {
  const { kind, namespace, name } = target;
  try {
    const workload = await cluster.get<Workload>(workloadPath(kind, namespace, name));
    const mistake = answersOf(kind).refusal(workload, target);
    return mistake === undefined ? { ...target, workload } : { mistake, forbidden: false };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // checkRights names every right that is missing, this one among them.
    if (error.status === 403) return { mistake: explain(error, cluster), forbidden: true };
    if (error.status !== 404) throw error;
    return { mistake: await explainAbsence(cluster, target), forbidden: false };
  }
}

/** Says what there is instead: a mistyped name and a mistyped namespace look alike to the API. */
async function explainAbsence(cluster: Cluster, target: Target): Promise<string> {
  const { kind, namespace } = target;
  const name = shortName(target);
  const items = await listOthers(cluster, target);
  if (items === undefined)
    return `${name} is not in namespace ${JSON.stringify(namespace)}. Check that name.`;
  if (items.length > 0) {
    const shown = items.slice(0, 20).map((item) => shortName({ kind, name: item.metadata?.name ?? '' }));
    const more = items.length > shown.length ? ` and ${items.length - shown.length} more` : '';
    return `${name} is not in namespace ${JSON.stringify(namespace)}. There: ${shown.join(', ')}${more}.`;
  }
  const missing = await namespaceIsAbsent(cluster, namespace);
  return missing
    ? `The namespace ${JSON.stringify(namespace)} is not in this cluster (${cluster.server}). Check \`namespace\` and the kubeconfig's context.`
    : `${name} is not in namespace ${JSON.stringify(namespace)}, and no other ${kind.toLowerCase()} is. Check \`namespace\` and the kubeconfig's context; SteadyShip changes images, it does not create workloads.`;
}

/** Undefined: they may not be listed, which checkRights tells with whatever else is missing. */
async function listOthers(
  cluster: Cluster,
  { kind, namespace }: Target,
): Promise<readonly Workload[] | undefined> {
  try {
    return (await cluster.list<Workload>(workloadPath(kind, namespace))).items;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  }
}

/** Only a clear 404 counts: the least-privilege Role may not read namespaces, and then nobody knows. */
async function namespaceIsAbsent(cluster: Cluster, namespace: string): Promise<boolean> {
  try {
    await cluster.get(namespacePath(namespace));
    return false;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return true;
    if (error instanceof ApiError && error.status === 403) return false;
    throw error;
  }
}
