import { ApiError, type Cluster, UnreachableError } from '../cluster/client.ts';
import { explain } from '../cluster/explain.ts';
import { workloads } from '../cluster/paths.ts';
import type { Annotations, Applied, ImageChange } from '../model/change.ts';
import { UnknownError } from '../model/error.ts';
import { imageManager } from '../model/field-manager.ts';
import type { Workload } from '../model/kube.ts';
import { shortName, type WorkloadId } from '../model/workload.ts';
import { slotsOf } from './containers.ts';
import { renderPatch } from './patch.ts';

/** Under this name the API server keeps what we wrote (metadata.managedFields). */
const MANAGER = 'steadyship';

/**
 * A refused `test` may only mean that the containers were rearranged or an annotation came; the patch is then
 * rendered anew from what is there. More than this many times would be a fight with another writer.
 */
const ATTEMPTS = 3;

/** What is to be set, and where. */
export interface Application {
  readonly id: WorkloadId;
  /** The object as it was last seen. */
  readonly workload: Workload;
  readonly changes: readonly ImageChange[];
  readonly annotations: Annotations;
}

/**
 * Sets the images of one workload by one patch, and makes sure what became of it even when the answer is
 * lost on the way: what the object says then decides, and nothing is sent twice.
 *
 * @throws UnknownError when the cluster can not be asked any more
 */
export async function applyImages(
  cluster: Cluster,
  { id, workload, changes, annotations }: Application,
): Promise<Applied> {
  const path = workloads(id.kind, id.namespace, id.name);
  let current = workload;
  let doubtful = false;
  for (let attempt = 1; ; attempt += 1) {
    const located = locate(current, changes);
    if (current.metadata?.uid !== workload.metadata?.uid || located === undefined) {
      return { kind: 'conflict', message: explainConflict(shortName(id), workload, current, changes) };
    }
    try {
      const reply = await cluster.patch<Workload>(path, renderPatch(current, located, annotations), {
        fieldManager: MANAGER,
      });
      const undone = undoneOnTheWay(reply, located);
      return undone === undefined ? { kind: 'applied', reply } : { kind: 'refused', message: undone };
    } catch (error) {
      if (isUncarried(error)) {
        if (doubtful) throw lostAnswer(id, error);
        return { kind: 'prevented', message: explain(error, cluster) };
      }
      const lost = error instanceof UnreachableError;
      doubtful ||= lost;
      // 409: a conflict; 422 "Invalid" without causes: a `test` operation that did not hold.
      const stale = error instanceof ApiError && (error.status === 409 || isRefusedTest(error));
      const failing = error instanceof ApiError && error.status >= 500;
      if (error instanceof ApiError && !stale && !failing)
        return { kind: 'refused', message: error.serverMessage };
      if (!lost && !stale && !failing) throw error;
      current = await readBack(cluster, path, id);
      if (isApplied(workload, current, changes) || isRewritten(workload, current, changes, annotations))
        return { kind: 'applied', reply: current };
      if (failing) return { kind: 'prevented', message: explain(error, cluster) };
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Whether it is certain that the server did not carry it out, for a reason that has nothing to do with what was sent. */
function isUncarried(error: unknown): boolean {
  if (error instanceof UnreachableError) return !error.mayHaveArrived;
  return error instanceof ApiError && (error.status === 429 || error.status === 401);
}

/**
 * An image that the answer has as it was before: something in the cluster takes our change and drops it. What is
 * gated then is the old image, and its health says nothing of the new one.
 */
function undoneOnTheWay(reply: Workload, changes: readonly ImageChange[]): string | undefined {
  const slots = slotsOf(reply);
  const undone = changes.find(
    ({ list, name, image, to }) =>
      image !== to && slots.some((slot) => slot.list === list && slot.name === name && slot.image === image),
  );
  return undone === undefined
    ? undefined
    : `it took the patch, but container ${undone.name} still has ${undone.image}: a mutating webhook or policy of the cluster put that back`;
}

/** The API server words a JSON patch `test` that fails as 422 with this message (apiserver endpoints/handlers/patch.go). */
function isRefusedTest(error: ApiError): boolean {
  return error.status === 422 && /testing (value|path)|test failed/i.test(error.serverMessage)
    ? true
    : error.status === 422 &&
        /the server rejected our request due to an error in our request/i.test(error.serverMessage);
}

async function readBack(cluster: Cluster, path: string, id: WorkloadId): Promise<Workload> {
  try {
    return await cluster.get<Workload>(path);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return {};
    throw lostAnswer(id, error);
  }
}

function lostAnswer(id: WorkloadId, cause: unknown): UnknownError {
  const name = shortName(id);
  return new UnknownError(
    `The answer to the patch of ${name} was lost, and the cluster can not be asked what became of it. ` +
      `Look yourself: kubectl get ${name} -n ${id.namespace} -o wide`,
    { cause },
  );
}

/** The changes at the places where their containers stand now; undefined when another image stands there. */
function locate(current: Workload, changes: readonly ImageChange[]): readonly ImageChange[] | undefined {
  const slots = slotsOf(current);
  const located = changes.flatMap((change) => {
    const slot = slots.find((each) => each.list === change.list && each.name === change.name);
    return slot !== undefined && slot.image === change.image ? [{ ...change, index: slot.index }] : [];
  });
  return located.length === changes.length ? located : undefined;
}

/** Whether the object holds what we sent although it was another before: our patch arrived. */
function isApplied(before: Workload, current: Workload, changes: readonly ImageChange[]): boolean {
  const slots = slotsOf(current);
  return (
    current.metadata?.uid === before.metadata?.uid &&
    changes.every((change) =>
      slots.some(
        (slot) => slot.list === change.list && slot.name === change.name && slot.image === change.to,
      ),
    )
  );
}

/**
 * Whether our patch arrived and a webhook or policy made another image of ours on the way. What such a one changes
 * belongs to the writer whose request it changed: an image that is another than before, last written under our name
 * and with our annotations beside it, is what became of ours. The lock keeps other runs of ours away.
 */
function isRewritten(
  before: Workload,
  current: Workload,
  changes: readonly ImageChange[],
  annotations: Annotations,
): boolean {
  const slots = slotsOf(current);
  const present = current.metadata?.annotations;
  return (
    current.metadata?.uid === before.metadata?.uid &&
    Object.entries(annotations).every(([key, value]) => present?.[key] === value) &&
    changes.every(
      ({ list, name, image }) =>
        slots.some((slot) => slot.list === list && slot.name === name && slot.image !== image) &&
        imageManager(current, name) === MANAGER,
    )
  );
}

function explainConflict(
  name: string,
  before: Workload,
  current: Workload,
  changes: readonly ImageChange[],
): string {
  if (current.metadata?.uid === undefined) return `${name} was deleted by somebody else in between`;
  if (current.metadata.uid !== before.metadata?.uid)
    return `${name} was deleted and made anew by somebody else`;
  const slots = slotsOf(current);
  const moved = changes.find(
    (change) => !slots.some((slot) => slot.name === change.name && slot.image === change.image),
  );
  const now = slots.find((slot) => slot.name === moved?.name)?.image;
  return now === undefined
    ? `container ${moved?.name} of ${name} was removed by somebody else`
    : `somebody else set container ${moved?.name} of ${name} to ${now} in between`;
}
