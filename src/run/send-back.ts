import { ApiError, type Cluster, UnreachableError } from '../cluster/client.ts';
import { workloads } from '../cluster/paths.ts';
import { applyImages } from '../deploy/apply.ts';
import { slotsOf } from '../deploy/containers.ts';
import type { Applied, ImageChange } from '../model/change.ts';
import { messageOf, UnknownError, UserError } from '../model/error.ts';
import type { Workload } from '../model/kube.ts';
import { shortName, type WorkloadId } from '../model/workload.ts';
import type { OpenChange } from '../state.ts';
import { explainCluster } from './cluster.ts';

/** What became of taking one change back; the message is for a person, with the workload's name and what to do. */
export type Fate =
  | { readonly kind: 'healthy'; readonly message: string }
  /** What ran before is set again, and is not well. */
  | { readonly kind: 'unhealthy'; readonly message: string }
  /** The object that was changed is no more: it was deleted, or made anew under its name. */
  | { readonly kind: 'gone'; readonly message: string }
  /** Somebody else has changed it since: theirs stays. */
  | { readonly kind: 'taken'; readonly message: string }
  /** It could not be put back: what was set still stands. */
  | { readonly kind: 'stands'; readonly message: string }
  /** The cluster could not be asked. */
  | { readonly kind: 'unknown'; readonly message: string };

/** A change whose image from before is set again: it is still to be seen healthy. */
export interface Back {
  readonly kind: 'back';
  readonly change: OpenChange;
  /** Whether that needed a patch: the main step may have sent it, or never changed this workload. */
  readonly sent: boolean;
  /** As they were taken back: `to` is what runs now. */
  readonly changes: readonly ImageChange[];
  readonly now: Workload;
}

/** What one try to take a change back came to. */
export type Sent =
  | Back
  /** `again`: what hindered it may pass. */
  | { readonly kind: 'ended'; readonly change: OpenChange; readonly fate: Fate; readonly again: boolean };

/** How a try is made. */
export interface SendOptions {
  /** Ends the reading. A patch that is under way is waited for. */
  readonly signal: AbortSignal;
  /** Told of a change whose image is set again, or may be. */
  readonly sent: (change: OpenChange) => void;
}

/**
 * Tries once to put one workload back, where it is the same object and still runs what was set.
 *
 * @throws the signal's reason when that ended it; every other failure is a fate
 */
export async function sendBack(cluster: Cluster, change: OpenChange, options: SendOptions): Promise<Sent> {
  const { signal, sent } = options;
  const changes = change.changes.map((each) => ({ ...each, image: each.to, to: each.image }));
  const ended = (fate: Fate, again = false): Sent => ({ kind: 'ended', change, fate, again });
  try {
    const before = await readWorkload(cluster, change, signal);
    if (!isStillIt(before, change)) return ended(goneFrom(before, change));
    if (holds(before, changes)) return { kind: 'back', sent: false, change, changes, now: before };
    signal.throwIfAborted();
    const annotations = Object.fromEntries(
      Object.entries(change.annotationsBefore).map(([key, value]) => [key, value ?? undefined]),
    );
    const applied = await applyImages(cluster, { id: change, workload: before, changes, annotations });
    if (applied.kind === 'applied') sent(change);
    const now = applied.kind === 'applied' ? applied.reply : await readWorkload(cluster, change, signal);
    if (!isStillIt(now, change)) return ended(goneFrom(now, change));
    if (holds(now, changes)) return { kind: 'back', sent: true, change, changes, now };
    return ended(fateOf(applied, change, changes), applied.kind === 'prevented');
  } catch (error) {
    if (error instanceof UnknownError) sent(change);
    if (signal.aborted) throw signal.reason;
    return ended(unsent(error, cluster, change, changes), isPassing(error));
  }
}

/** `deployment/web in namespace shop` */
export function placeOf({ namespace, ...workload }: WorkloadId): string {
  return `${shortName(workload)} in namespace ${namespace}`;
}

/** The images that stand there again. */
export function imagesOf(changes: readonly ImageChange[]): string {
  return changes.map((each) => each.to).join(', ');
}

/** As the end of a sentence, whether it came with a full stop or without. */
export function stopped(words: string): string {
  return `${words.replace(/\.$/, '')}.`;
}

/** @returns undefined: it was deleted */
async function readWorkload(
  cluster: Cluster,
  { kind, namespace, name }: WorkloadId,
  signal: AbortSignal,
): Promise<Workload | undefined> {
  try {
    // Whoever calls tries again, and meanwhile the others.
    return await cluster.get<Workload>(workloads(kind, namespace, name), { signal, patience: 0 });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

function isStillIt(now: Workload | undefined, change: OpenChange): now is Workload {
  return now !== undefined && now.metadata?.uid === change.uid;
}

function goneFrom(now: Workload | undefined, change: OpenChange): Fate {
  const place = placeOf(change);
  const message =
    now === undefined
      ? `${place} was deleted by somebody else, so there is nothing to put back`
      : `${place} was deleted and made anew by somebody else, so it is left as it is. ${lookAt(change)}`;
  return { kind: 'gone', message };
}

function holds(now: Workload, changes: readonly ImageChange[]): boolean {
  const slots = slotsOf(now);
  return changes.every(({ list, name, to }) =>
    slots.some((slot) => slot.list === list && slot.name === name && slot.image === to),
  );
}

/** Of a patch after which the image from before is not there. */
function fateOf(applied: Applied, change: OpenChange, changes: readonly ImageChange[]): Fate {
  const place = placeOf(change);
  const to = imagesOf(changes);
  const left = `It was left as it is. ${lookAt(change)}`;
  switch (applied.kind) {
    case 'applied':
      return {
        kind: 'taken',
        message: `${place}: put back to ${to}, but something in the cluster made another image of it. ${left}`,
      };
    case 'conflict':
      return { kind: 'taken', message: `${place}: not put back, since ${stopped(applied.message)} ${left}` };
    case 'refused':
    case 'prevented':
      return {
        kind: 'stands',
        message: `${place}: it could not be put back to ${to}: ${stopped(applied.message)} ${left}`,
      };
  }
}

function unsent(error: unknown, cluster: Cluster, change: OpenChange, changes: readonly ImageChange[]): Fate {
  const why = explainCluster(error, cluster) ?? messageOf(error);
  // That of a lost answer names the command already.
  const words = error instanceof UnknownError ? why : `${stopped(why)} ${lookAt(change)}`;
  return {
    kind: 'unknown',
    message: `${placeOf(change)}: whether it was put back to ${imagesOf(changes)} could not be found out: ${words}`,
  };
}

/** A cluster that is away, overloaded or electing a leader, a credential that can not be had now. */
function isPassing(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 401 || error.status === 429 || error.status >= 500;
  return error instanceof UnreachableError || error instanceof UnknownError || error instanceof UserError;
}

/** As a sentence without its full stop. */
export function lookAt({ namespace, ...workload }: WorkloadId): string {
  return `Look yourself: kubectl get ${shortName(workload)} -n ${namespace} -o wide`;
}
