import type { Identity, LockedWorkload } from './deploy/lease.ts';
import type { ImageChange } from './model/change.ts';
import type { WorkloadKind } from './model/observation.ts';
import type { WorkloadId } from './model/workload.ts';

/** The version of the state's form: main and post of one run are of one version, but nothing is taken on faith. */
const VERSION = 1;

/** The name under which the runner keeps it. */
export const STATE = 'open-changes';

/** One workload that the post step may have to put back. */
export interface OpenChange extends WorkloadId {
  readonly uid: string;
  /** As sent: `image` is what stood there before, `to` what we set (in the reply's words once it is known). */
  readonly changes: readonly ImageChange[];
  readonly annotationsBefore: Readonly<Record<string, string | null>>;
  /** Why it can not be put back: there is no good state to go back to. Its Lease then bears no marker either. */
  readonly stays?: string;
}

/** Whether there is something that it can be put back to. */
export function hasWayBack({ stays }: OpenChange): boolean {
  return stays === undefined;
}

/** What crosses from main to post: the changes whose fate was still open when it was written. No secrets. */
export interface OpenRun {
  readonly rollback: 'auto' | 'never';
  /** What the input says of a run that was ended; `rollback` too where a rollback had begun already. */
  readonly onCancel: 'rollback' | 'leave';
  /** Who holds the Leases: the post step goes on under the same name. */
  readonly holder: Identity | undefined;
  /** All workloads whose Leases are held, also those that were not changed; none: the run gives them back itself. */
  readonly locked: readonly LockedWorkload[];
  /** When this was written (ISO 8601). The cluster had just answered: if it does not later, its address is right. */
  readonly time: string;
  readonly open: readonly OpenChange[];
}

/** Linux starts no program with a longer variable than 128 KiB (MAX_ARG_STRLEN), and base64 adds a third. */
const LONGEST = 32 * 1024;
const PACKED = 'gzip:';

/** The text to save; it comes back as one variable of the post step's environment, packed where it is long. */
export function renderState(run: OpenRun): string {
  const text = JSON.stringify({ version: VERSION, ...run });
  if (text.length <= LONGEST) return text;
  return PACKED + process.getBuiltinModule('node:zlib').gzipSync(text).toString('base64');
}

function unpack(text: string): string {
  if (!text.startsWith(PACKED)) return text;
  const packed = Buffer.from(text.slice(PACKED.length), 'base64');
  return process.getBuiltinModule('node:zlib').gunzipSync(packed).toString('utf8');
}

/**
 * Reads what main saved.
 *
 * @returns undefined when main never came so far as to save anything
 * @throws Error when the text is not of this form: better to say so than to put back a guess
 */
export function parseState(text: string): OpenRun | undefined {
  if (text === '') return undefined;
  const value: unknown = JSON.parse(unpack(text));
  if (!isRecord(value) || value['version'] !== VERSION)
    throw new Error(`The saved state is not of version ${VERSION}.`);
  const { rollback, onCancel, open, holder, locked, time } = value;
  if (
    (rollback !== 'auto' && rollback !== 'never') ||
    (onCancel !== 'rollback' && onCancel !== 'leave') ||
    !Array.isArray(open)
  ) {
    throw new Error('The saved state lacks what is still open.');
  }
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time)))
    throw new Error('The saved state does not say when it was written.');
  if (!Array.isArray(locked)) throw new Error('The saved state lacks the workloads that are locked.');
  return {
    ...{ rollback, onCancel, holder: parseHolder(holder), time },
    locked: locked.map(parseLocked),
    open: open.map(parseOpenChange),
  };
}

function parseHolder(value: unknown): Identity | undefined {
  if (value === undefined) return undefined;
  if (!isRecord(value)) throw new Error('The saved state names a holder that is none.');
  const { holder, title, url } = value;
  if (
    typeof holder !== 'string' ||
    typeof title !== 'string' ||
    !(url === undefined || typeof url === 'string')
  ) {
    throw new Error('The saved state names a holder that is none.');
  }
  return { holder, title, url };
}

function parseLocked(value: unknown): LockedWorkload {
  if (isRecord(value)) {
    const { kind, namespace, name } = value;
    if (isKind(kind) && typeof namespace === 'string' && typeof name === 'string')
      return { kind, namespace, name };
  }
  throw new Error('The saved state names a locked workload that is none.');
}

function parseOpenChange(value: unknown): OpenChange {
  if (!isRecord(value)) throw new Error('The saved state holds an open change that is none.');
  const { kind, namespace, name, uid, changes, annotationsBefore, stays } = value;
  if (
    !isKind(kind) ||
    typeof namespace !== 'string' ||
    typeof name !== 'string' ||
    typeof uid !== 'string' ||
    !Array.isArray(changes) ||
    !isRecord(annotationsBefore) ||
    !(stays === undefined || typeof stays === 'string')
  ) {
    throw new Error('The saved state holds an open change without its names.');
  }
  const before = Object.entries(annotationsBefore).map(([key, text]): [string, string | null] => [
    key,
    typeof text === 'string' ? text : null,
  ]);
  return {
    kind,
    namespace,
    name,
    uid,
    changes: changes.map(parseChange),
    annotationsBefore: Object.fromEntries(before),
    ...(stays === undefined ? {} : { stays }),
  };
}

function isKind(value: unknown): value is WorkloadKind {
  return value === 'Deployment' || value === 'StatefulSet' || value === 'DaemonSet';
}

function parseChange(value: unknown): ImageChange {
  if (isRecord(value)) {
    const { list, index, name, image, to } = value;
    if (
      (list === 'containers' || list === 'initContainers') &&
      typeof index === 'number' &&
      typeof name === 'string' &&
      typeof image === 'string' &&
      typeof to === 'string'
    ) {
      return { list, index, name, image, to };
    }
  }
  throw new Error('The saved state holds a change of an image that is none.');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
