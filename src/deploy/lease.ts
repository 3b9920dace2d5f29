import { createHash } from 'node:crypto';
import type { KubeObject, ObjectMeta } from '../model/kube.ts';
import type { RunName } from '../model/record.ts';

/** coordination.k8s.io/v1, as far as it is used here. */
export interface Lease extends KubeObject {
  readonly spec?: {
    /** Absent: free. */
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    /** MicroTime of the holder's own clock: compared with ours only where minutes do not matter. */
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** A workload that is locked. */
export interface LockedWorkload {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Who takes a lock. The post step comes with its main step's identity and so owns what that one held. */
export interface Identity extends RunName {
  /** Of this step alone, also among the jobs of one run: the title and something random. */
  readonly holder: string;
}

const HOLDER_URL = 'steadyship.dev/holder-url';
const MANAGED = { 'app.kubernetes.io/managed-by': 'steadyship' };

/** By which the Leases of a namespace are found in one list. */
export const LEASES_SELECTOR = 'app.kubernetes.io/managed-by=steadyship';

/** Object names end here (RFC 1123 subdomain). */
const LONGEST_NAME = 253;

/**
 * The name of a workload's Lease. A kind has no hyphen, so that no two workloads share a name; one that would be
 * too long is cut, and the hash of the whole keeps it apart from others that begin alike.
 */
export function leaseName({ kind, name }: Pick<LockedWorkload, 'kind' | 'name'>): string {
  const whole = `steadyship-${kind.toLowerCase()}-${name}`;
  if (whole.length <= LONGEST_NAME) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 10);
  // A part may not end in a hyphen or dot before the next begins.
  return `${whole.slice(0, LONGEST_NAME - hash.length - 1).replace(/[-.]+$/, '')}-${hash}`;
}

/**
 * The order in which several are taken, the same for every run: two runs that want the same ones then meet at
 * the first of them, and neither waits for what the other holds while holding what the other waits for.
 */
export function sortForLocking<T extends LockedWorkload>(workloads: readonly T[]): readonly T[] {
  const keys = new Map(workloads.map((each) => [keyOf(each), each]));
  return [...keys.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

/** What stands for a workload in maps. */
export function keyOf({ kind, namespace, name }: LockedWorkload): string {
  return `${namespace}/${kind.toLowerCase()}/${name}`;
}

/**
 * How long a Lease is good without a renewal, in seconds. A minute is what the next run must wait for a dead one,
 * and what the API server may be away without the lock becoming doubtful (client-go's 15 s are made for a
 * cluster's own network). For many workloads longer, so that renewing, three times in that span, never costs
 * more than three requests a second.
 */
export function durationFor(workloads: number): number {
  return Math.min(300, Math.max(60, workloads));
}

/** Who holds it; undefined: nobody. */
export function holderOf(lease: Lease): (RunName & { readonly holder: string }) | undefined {
  const holder = lease.spec?.holderIdentity;
  if (holder === undefined || holder === '') return undefined;
  return {
    holder,
    title: holder.replace(/ \[[^\]]*\]$/, ''),
    url: safeUrl(lease.metadata?.annotations?.[HOLDER_URL]),
  };
}

/**
 * What changes whenever a holder shows that it lives. Labels and annotations of others do not count: they must
 * not keep a dead holder alive.
 */
export function signOfLife({ spec, metadata }: Lease): string {
  const { holderIdentity, acquireTime, renewTime, leaseTransitions, leaseDurationSeconds } = spec ?? {};
  return JSON.stringify([
    metadata?.uid,
    holderIdentity,
    acquireTime,
    renewTime,
    leaseTransitions,
    leaseDurationSeconds,
  ]);
}

interface Write {
  readonly identity: Identity;
  readonly seconds: number;
  readonly now: Date;
  /** Annotations to set; undefined removes one. */
  readonly annotations?: Readonly<Record<string, string | undefined>>;
}

/** A Lease that was not there, held. */
export function renderNew(workload: LockedWorkload, write: Write): Lease {
  return renderHeld(
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: leaseName(workload), namespace: workload.namespace },
    },
    write,
  );
}

/** The Lease as its holder writes it: taken, renewed, or with other annotations. What others added stays. */
export function renderHeld(lease: Lease, { identity, seconds, now, annotations = {} }: Write): Lease {
  const own = lease.spec?.holderIdentity === identity.holder;
  const time = microTime(now);
  const transitions = lease.spec?.leaseTransitions ?? 0;
  return {
    ...lease,
    metadata: metadataWith(lease.metadata, { ...annotations, [HOLDER_URL]: identity.url }),
    spec: {
      ...lease.spec,
      holderIdentity: identity.holder,
      leaseDurationSeconds: seconds,
      acquireTime: own ? (lease.spec?.acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: own || lease.metadata?.resourceVersion === undefined ? transitions : transitions + 1,
    },
  };
}

/** The Lease given back: without a holder anybody may take it at once; what it remembers stays. */
export function renderFree(
  lease: Lease,
  { now, annotations = {} }: Pick<Write, 'now' | 'annotations'>,
): Lease {
  const { holderIdentity: _, ...spec } = lease.spec ?? {};
  return {
    ...lease,
    metadata: metadataWith(lease.metadata, { ...annotations, [HOLDER_URL]: undefined }),
    spec: { ...spec, renewTime: microTime(now) },
  };
}

function metadataWith(
  metadata: ObjectMeta | undefined,
  changes: Readonly<Record<string, string | undefined>>,
): ObjectMeta {
  const all = Object.entries({ ...metadata?.annotations, ...changes });
  const { managedFields: _, ...rest } = metadata ?? {};
  return {
    ...rest,
    labels: { ...rest.labels, ...MANAGED },
    annotations: Object.fromEntries(
      all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
    ),
  };
}

/** RFC 3339 with microseconds, the only form that MicroTime is read in. */
function microTime(now: Date): string {
  return now.toISOString().replace(/Z$/, '000Z');
}

/** Another run's words end up in a log and a summary: only a plain web address is an address. */
function safeUrl(text: string | undefined): string | undefined {
  return text !== undefined && /^https?:\/\/[\w.:/%~+-]+$/.test(text) ? text : undefined;
}

/** Since when a Lease has stood unchanged before our eyes. */
export interface Sighting {
  readonly sign: string;
  /** Clock.now() */
  readonly since: number;
  /** When it was seen first, its last sign of life was older than clocks that differ explain. */
  readonly forgotten: boolean;
}

interface Look {
  /** Clock.now() */
  readonly now: number;
  /** Clock.wall() */
  readonly wall: Date;
  /** The cluster could be seen since the look before. */
  readonly clear: boolean;
}

/**
 * What one more look adds. While the cluster can not be seen nothing is proven: its holder may be as cut off as
 * we are, so that the count begins anew when sight comes back.
 */
export function look(before: Sighting | undefined, lease: Lease, { now, wall, clear }: Look): Sighting {
  const sign = signOfLife(lease);
  if (before !== undefined && clear && before.sign === sign) return before;
  // What we saw being written lives, whatever its clock says.
  return { sign, since: now, forgotten: before === undefined && clear && isForgotten(lease, wall) };
}

/**
 * When a holder that shows no more sign of life counts as dead, in Clock.now(): after the duration that it promised
 * itself, as we have watched it, as client-go's leader election does (isLeaseValid in tools/leaderelection), for
 * that holds however clocks differ. At once where it was forgotten: whoever waits for less than the duration, or
 * not at all, would otherwise never see it die.
 */
export function diesAt(lease: Lease, { since, forgotten }: Pick<Sighting, 'since' | 'forgotten'>): number {
  return forgotten ? since : since + durationOf(lease);
}

/** How long a Lease is good after a sign of life, in milliseconds. */
export function durationOf(lease: Lease): number {
  return (lease.spec?.leaseDurationSeconds ?? durationFor(1)) * 1_000;
}

/**
 * By which clocks may differ, in milliseconds. Machines that ask a time server differ by less than a second; five
 * minutes is what Kerberos bears by default.
 */
const SKEW = 300_000;

/** How far back the last sign of life lies, by two clocks, in a Lease that is forgotten; in milliseconds. */
export function forgottenAfter(lease: Lease): number {
  return durationOf(lease) + SKEW;
}

/** The newest of its times counts; where there is none, nothing is proven. */
function isForgotten(lease: Lease, wall: Date): boolean {
  const { renewTime, acquireTime } = lease.spec ?? {};
  const times = [renewTime, acquireTime, lease.metadata?.creationTimestamp].filter(
    (time) => time !== undefined,
  );
  if (times.length === 0) return false;
  return wall.getTime() - Math.max(...times.map((time) => Date.parse(time))) > forgottenAfter(lease);
}
