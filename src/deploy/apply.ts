import { ApiError, type Cluster, UnreachableError } from '../cluster/client.ts';
import { explain } from '../cluster/explain.ts';
import { workloads } from '../cluster/paths.ts';
import type { Annotations, Applied, ImageChange } from '../model/change.ts';
import { UnknownError } from '../model/error.ts';
import { imageManager } from '../model/field-manager.ts';
import type { Workload } from '../model/kube.ts';
import { shortName, type WorkloadId } from '../model/workload.ts';
import { slotsOf } from './containers.ts';
import {
  type Dropped,
  explainDropped,
  findDropped,
  isNothing,
  isSameDigest,
  isTakenBack,
} from './dropped.ts';
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
 * lost on the way: what the object says then decides, and nothing is sent twice. A patch of which the cluster
 * dropped a part is taken back as a whole before it is called refused.
 *
 * @throws UnknownError when the cluster can not be asked any more, when no answer comes however often it is sent, or
 * when the rest of a patch can not be taken back
 */
export async function applyImages(cluster: Cluster, application: Application): Promise<Applied> {
  const { id, workload, changes, annotations } = application;
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
      const dropped = findDropped(workload, reply, located, annotations);
      return dropped === undefined
        ? { kind: 'applied', reply }
        : await takeBack(cluster, application, reply, dropped);
    } catch (error) {
      if (isUncarried(error)) {
        if (doubtful) throw lostAnswer(id, error);
        const final = isMissingRight(error);
        return { kind: 'prevented', message: explain(error, cluster), ...(final ? { final } : {}) };
      }
      const lost = error instanceof UnreachableError;
      doubtful ||= lost;
      // 409: a conflict; 422 "Invalid" without causes: a `test` operation that did not hold.
      const stale = error instanceof ApiError && (error.status === 409 || isRefusedTest(error));
      const failing = error instanceof ApiError && error.status >= 500;
      if (error instanceof ApiError && !stale && !failing)
        return await explainRefusal(cluster, application, error);
      if (!lost && !stale && !failing) throw error;
      current = await readBack(cluster, path, id);
      if (isApplied(workload, current, changes) || isRewritten(workload, current, changes, annotations))
        return { kind: 'applied', reply: current };
      const dropped = findDropped(workload, current, changes, annotations);
      if (dropped !== undefined && isOurs(workload, current, dropped, annotations))
        return await takeBack(cluster, application, current, dropped);
      if (failing) return { kind: 'prevented', message: explain(error, cluster) };
      if (attempt === ATTEMPTS) throw doubtful ? noAnswer(id, error) : error;
    }
  }
}

/** Whether it is certain that the server did not carry it out, for a reason that has nothing to do with what was sent. */
function isUncarried(error: unknown): boolean {
  if (error instanceof UnreachableError) return !error.mayHaveArrived;
  return error instanceof ApiError && (error.status === 429 || error.status === 401 || isMissingRight(error));
}

/** An authorizer's words (forbiddenMessage in apiserver endpoints/handlers/responsewriters/errors.go), never a webhook's. */
function isMissingRight(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.status === 403 &&
    /^\S+( "[^"]*")? is forbidden: User ".*" cannot \w+ /.test(error.serverMessage)
  );
}

/**
 * Takes back what is left of a patch of which the cluster dropped a part, by one patch that tests as the first did:
 * two containers on images of different commits are nothing that anybody asked for, and annotations of ours would
 * name a run whose image does not run.
 *
 * @throws UnknownError when that did not go through: something of ours stands there still
 */
async function takeBack(
  cluster: Cluster,
  { id }: Application,
  current: Workload,
  dropped: Dropped,
): Promise<Applied> {
  const message = `it took the patch, but ${explainDropped(dropped)}`;
  if (isNothing(dropped)) return { kind: 'refused', message };
  const path = workloads(id.kind, id.namespace, id.name);
  const now = await cluster
    .patch<Workload>(path, renderPatch(current, dropped.images, dropped.annotations), {
      fieldManager: MANAGER,
    })
    .catch((cause: unknown) => {
      throw new UnknownError(explainRest(id, dropped, explain(cause, cluster)), { cause });
    });
  if (isTakenBack(dropped, now)) return { kind: 'refused', message };
  throw new UnknownError(explainRest(id, dropped, 'That was changed on its way, too.'));
}

function explainRest(id: WorkloadId, dropped: Dropped, why: string): string {
  const name = shortName(id);
  return (
    `The patch of ${name} was carried out in part: ${explainDropped(dropped)}, and what else was set could not be ` +
    `taken back. ${why} Look yourself: kubectl get ${name} -n ${id.namespace} -o wide`
  );
}

/** The API server words a JSON patch `test` that fails as 422 with this message (apiserver endpoints/handlers/patch.go). */
function isRefusedTest(error: ApiError): boolean {
  return error.status === 422 && /testing (value|path)|test failed/i.test(error.serverMessage)
    ? true
    : error.status === 422 &&
        /the server rejected our request due to an error in our request/i.test(error.serverMessage);
}

/**
 * Tells a refusal of what was sent from a workload that is no longer there. A webhook may refuse with any status, so
 * a 404 alone proves nothing.
 */
async function explainRefusal(
  cluster: Cluster,
  { id, workload }: Application,
  error: ApiError,
): Promise<Applied> {
  if (error.status === 404) {
    const current = await readBack(cluster, workloads(id.kind, id.namespace, id.name), id);
    const message = explainAnother(shortName(id), workload, current);
    if (message !== undefined) return { kind: 'conflict', message };
  }
  return { kind: 'refused', message: error.serverMessage };
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

/** What was sent last may still be on its way, so nobody claims that it was not carried out. */
function noAnswer(id: WorkloadId, cause: unknown): UnknownError {
  const name = shortName(id);
  return new UnknownError(
    `The answer to the patch of ${name} was lost, and so far the cluster has not carried it out. ` +
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
 * and with our annotations beside it, is what became of ours. One that is the same as before is, too, where it is the
 * wanted image under another name: annotations that came with it tell it then. The lock keeps other runs of ours away.
 */
function isRewritten(
  before: Workload,
  current: Workload,
  changes: readonly ImageChange[],
  annotations: Annotations,
): boolean {
  const slots = slotsOf(current);
  const present = current.metadata?.annotations;
  // Another attempt of a run has the annotations of the one before: those prove nothing.
  const isTold = Object.entries(annotations).some(
    ([key, value]) => before.metadata?.annotations?.[key] !== value,
  );
  return (
    current.metadata?.uid === before.metadata?.uid &&
    Object.entries(annotations).every(([key, value]) => present?.[key] === value) &&
    changes.every(({ list, name, image, to }) => {
      const now = slots.find((slot) => slot.list === list && slot.name === name)?.image;
      if (now === undefined) return false;
      if (now !== image) return imageManager(current, name) === MANAGER;
      return isTold && isSameDigest(now, to);
    })
  );
}

/**
 * Whether what is left of a patch that was carried out in part is ours: with our annotations beside it, or, where
 * there are none, last written under our name.
 */
function isOurs(before: Workload, current: Workload, dropped: Dropped, annotations: Annotations): boolean {
  const present = current.metadata?.annotations;
  return (
    current.metadata?.uid === before.metadata?.uid &&
    !isNothing(dropped) &&
    Object.entries(annotations).every(([key, value]) => present?.[key] === value) &&
    (Object.keys(dropped.annotations).length > 0 ||
      dropped.images.every(({ name }) => imageManager(current, name) === MANAGER))
  );
}

function explainConflict(
  name: string,
  before: Workload,
  current: Workload,
  changes: readonly ImageChange[],
): string {
  const another = explainAnother(name, before, current);
  if (another !== undefined) return another;
  const slots = slotsOf(current);
  const moved = changes.find(
    (change) => !slots.some((slot) => slot.name === change.name && slot.image === change.image),
  );
  const now = slots.find((slot) => slot.name === moved?.name)?.image;
  return now === undefined
    ? `container ${moved?.name} of ${name} was removed by somebody else`
    : `somebody else set container ${moved?.name} of ${name} to ${now} in between`;
}

/** Undefined: it is the object that it was. */
function explainAnother(name: string, before: Workload, current: Workload): string | undefined {
  if (current.metadata?.uid === undefined)
    return `${name} was deleted by somebody else in between; create it again before the next run`;
  return current.metadata.uid === before.metadata?.uid
    ? undefined
    : `${name} was deleted and made anew by somebody else`;
}
