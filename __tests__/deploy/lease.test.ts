import { describe, expect, test } from 'vitest';
import {
  diesAt,
  durationFor,
  holderOf,
  type Lease,
  leaseName,
  look,
  renderFree,
  renderHeld,
  renderNew,
  sortForLocking,
} from '../../src/deploy/lease.ts';
import { isSubdomain } from '../../src/model/names.ts';

const NOW = new Date('2026-11-21T10:00:00.123Z');
const WEB = { kind: 'Deployment', namespace: 'shop', name: 'web' };
const URL = 'https://github.com/acme/shop/actions/runs/57';
const RUN = { title: 'acme/shop run 57, attempt 1', url: URL, holder: 'acme/shop run 57, attempt 1 [a1b2]' };
const RIVAL = { title: 'acme/shop run 58', url: undefined, holder: 'acme/shop run 58 [c3d4]' };

describe('the name of a Lease', () => {
  test.each([
    {
      row: 'says which workload it is',
      kind: 'Deployment',
      name: 'web',
      wanted: 'steadyship-deployment-web',
    },
    {
      row: 'keeps the dots of a name',
      kind: 'StatefulSet',
      name: 'db.eu',
      wanted: 'steadyship-statefulset-db.eu',
    },
  ])('$row', ({ kind, name, wanted }) => {
    expect(leaseName({ kind, name })).toBe(wanted);
  });

  test.each([
    { row: 'of the greatest length that fits, whole', name: 'a'.repeat(231) },
    { row: 'that is one too long, cut', name: 'a'.repeat(232) },
    { row: 'of the greatest length that there is', name: 'a'.repeat(253) },
    { row: 'that would be cut behind a dot', name: `${'a'.repeat(219)}.${'c'.repeat(20)}` },
  ])('is a name that Kubernetes takes, for a workload $row', ({ name }) => {
    const lease = leaseName({ kind: 'Deployment', name });
    expect(isSubdomain(lease)).toBe(true);
    expect(lease.length).toBeLessThanOrEqual(253);
  });

  test('is another one for a long name that begins alike', () => {
    const names = ['x', 'y', 'z'].map((end) =>
      leaseName({ kind: 'Deployment', name: 'a'.repeat(252) + end }),
    );
    expect(new Set(names).size).toBe(3);
  });
});

test('several are taken in one order, whatever the order of the input, and each once', () => {
  const api = { ...WEB, name: 'api' };
  const other = { ...WEB, namespace: 'data' };
  expect(sortForLocking([WEB, other, api, WEB])).toEqual([other, api, WEB]);
  expect(sortForLocking([api, WEB, other])).toEqual([other, api, WEB]);
});

test.each([
  { workloads: 1, seconds: 60 },
  { workloads: 60, seconds: 60 },
  { workloads: 120, seconds: 120 },
  { workloads: 300, seconds: 300 },
  { workloads: 5_000, seconds: 300 },
])('$workloads workloads are held for $seconds s at a time', ({ workloads, seconds }) => {
  expect(durationFor(workloads)).toBe(seconds);
});

describe('what is written', () => {
  const write = { identity: RUN, seconds: 60, now: NOW };

  test('a new Lease names its holder, the run and its URL', () => {
    expect(renderNew(WEB, write)).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: 'steadyship-deployment-web',
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'steadyship' },
        annotations: { 'steadyship.dev/holder-url': URL },
      },
      spec: {
        holderIdentity: 'acme/shop run 57, attempt 1 [a1b2]',
        leaseDurationSeconds: 60,
        acquireTime: '2026-11-21T10:00:00.123000Z',
        renewTime: '2026-11-21T10:00:00.123000Z',
        leaseTransitions: 0,
      },
    });
  });

  const standing: Lease = {
    ...renderNew(WEB, { identity: RIVAL, seconds: 60, now: new Date('2026-11-21T09:00:00Z') }),
    metadata: {
      name: 'steadyship-deployment-web',
      uid: 'u',
      resourceVersion: '7',
      labels: { team: 'a' },
      annotations: { 'example.com/theirs': 'kept', 'steadyship.dev/open': 'kept' },
      managedFields: [{ manager: 'x' }],
    },
  };

  test('taking over counts a transition, keeps what is remembered and what is not ours, and the version', () => {
    const taken = renderHeld(standing, write);
    expect(taken.spec).toMatchObject({ leaseTransitions: 1, acquireTime: '2026-11-21T10:00:00.123000Z' });
    expect(taken.metadata).toEqual({
      name: 'steadyship-deployment-web',
      uid: 'u',
      resourceVersion: '7',
      labels: { team: 'a', 'app.kubernetes.io/managed-by': 'steadyship' },
      annotations: {
        'example.com/theirs': 'kept',
        'steadyship.dev/open': 'kept',
        'steadyship.dev/holder-url': URL,
      },
    });
  });

  test('renewing is no transition, and the time of taking stays', () => {
    const later = new Date('2026-11-21T10:00:20Z');
    const renewed = renderHeld(renderHeld(standing, write), { ...write, now: later });
    expect(renewed.spec).toMatchObject({
      leaseTransitions: 1,
      acquireTime: '2026-11-21T10:00:00.123000Z',
      renewTime: '2026-11-21T10:00:20.000000Z',
    });
  });

  test('what is given back has no holder and no URL, and remembers', () => {
    const free = renderFree(renderHeld(standing, write), {
      now: NOW,
      annotations: { 'steadyship.dev/open': undefined },
    });
    expect(holderOf(free)).toBeUndefined();
    expect(free.metadata?.annotations).toEqual({ 'example.com/theirs': 'kept' });
  });
});

describe('the holder', () => {
  test('is named without what only tells its steps apart', () => {
    const lease = renderNew(WEB, { identity: RUN, seconds: 60, now: NOW });
    expect(holderOf(lease)).toEqual({ holder: RUN.holder, title: RUN.title, url: URL });
  });

  test.each(['javascript:alert(1)', 'https://x/](evil) @all', 'https://x\n::error::', ''])(
    'has no URL when it is none: %j',
    (url) => {
      const lease = renderNew(WEB, { identity: { ...RUN, url }, seconds: 60, now: NOW });
      expect(holderOf(lease)?.url).toBeUndefined();
    },
  );
});

describe('a holder counts as dead', () => {
  const lease = renderNew(WEB, { identity: RIVAL, seconds: 60, now: new Date('2026-11-21T09:58:00Z') });
  const renewed = renderHeld(lease, { identity: RIVAL, seconds: 60, now: NOW });
  const labelled = {
    ...lease,
    metadata: { ...lease.metadata, labels: { seen: 'yes' }, resourceVersion: '9' },
  };

  test.each([
    {
      row: 'when it stood unchanged for its duration, not before',
      looks: [
        { now: 0, lease },
        { now: 59_000, lease },
      ],
      dies: 60_000,
    },
    {
      row: 'later when it was renewed before our eyes',
      looks: [
        { now: 0, lease },
        { now: 30_000, lease: renewed },
      ],
      dies: 90_000,
    },
    {
      row: 'no later when somebody only put a label on it',
      looks: [
        { now: 0, lease },
        { now: 30_000, lease: labelled },
      ],
      dies: 60_000,
    },
    {
      row: 'later when we could not see it in between: it may have been cut off like us',
      looks: [
        { now: 0, lease },
        { now: 40_000, lease, clear: false },
        { now: 41_000, lease },
      ],
      dies: 100_000,
    },
  ])('$row', ({ looks, dies }) => {
    const sighting = looks.reduce<ReturnType<typeof look> | undefined>(
      (before, { now, lease, ...rest }) => look(before, lease, { now, wall: NOW, clear: !('clear' in rest) }),
      undefined,
    );
    expect(sighting && diesAt(lease, sighting)).toBe(dies);
  });

  test('after a minute when it promised no duration', () => {
    const { leaseDurationSeconds: _, ...spec } = lease.spec ?? {};
    expect(diesAt({ ...lease, spec }, { since: 0, forgotten: false })).toBe(60_000);
  });
});

describe('a Lease is forgotten', () => {
  const old = '2026-11-21T09:50:00.000000Z';
  const young = '2026-11-21T09:58:00.000000Z';
  const lease = renderNew(WEB, { identity: RIVAL, seconds: 60, now: new Date(old) });
  const { renewTime: _, ...unrenewed } = lease.spec ?? {};
  const { acquireTime: __, ...timeless } = unrenewed;
  const created = (creationTimestamp: string) => ({ ...lease.metadata, creationTimestamp });
  const first = (seen: Lease, clear = true): boolean =>
    look(undefined, seen, { now: 0, wall: NOW, clear }).forgotten;

  test.each([
    { row: 'that was renewed long ago', lease, forgotten: true },
    {
      row: 'that was renewed one duration and five minutes ago, to the millisecond',
      lease: { ...lease, spec: { ...lease.spec, renewTime: '2026-11-21T09:54:00.123000Z' } },
      forgotten: false,
    },
    {
      row: 'that was renewed a millisecond longer ago',
      lease: {
        ...lease,
        spec: {
          ...lease.spec,
          acquireTime: '2026-11-21T09:54:00.122000Z',
          renewTime: '2026-11-21T09:54:00.122000Z',
        },
      },
      forgotten: true,
    },
    {
      row: 'that promised nine minutes, and was renewed ten ago',
      lease: { ...lease, spec: { ...lease.spec, leaseDurationSeconds: 540 } },
      forgotten: false,
    },
    {
      row: 'that was renewed by a clock that is ahead of ours',
      lease: { ...lease, spec: { ...lease.spec, renewTime: '2030-01-01T00:00:00.000000Z' } },
      forgotten: false,
    },
    {
      row: 'without a renewal that was taken long ago',
      lease: { ...lease, spec: unrenewed },
      forgotten: true,
    },
    {
      row: 'without a renewal that was taken just now',
      lease: { ...lease, spec: { ...unrenewed, acquireTime: young } },
      forgotten: false,
    },
    {
      row: 'without any time of its holder that was made long ago',
      lease: { ...lease, metadata: created('2026-11-21T09:50:00Z'), spec: timeless },
      forgotten: true,
    },
    {
      row: 'that was made just now by a holder whose clock is behind',
      lease: { ...lease, metadata: created('2026-11-21T09:59:59Z') },
      forgotten: false,
    },
    { row: 'without any time', lease: { ...lease, spec: timeless }, forgotten: false },
    {
      row: 'whose time can not be read',
      lease: { ...lease, spec: { ...lease.spec, renewTime: 'yesterday' } },
      forgotten: false,
    },
  ])('$row: $forgotten', ({ lease, forgotten }) => {
    expect(first(lease)).toBe(forgotten);
  });

  test('never while the cluster can not be seen, nor later when it was written before our eyes', () => {
    expect(first(lease, false)).toBe(false);
    const before = look(undefined, { ...lease, spec: timeless }, { now: 0, wall: NOW, clear: true });
    expect(look(before, lease, { now: 1_000, wall: NOW, clear: true })).toMatchObject({
      since: 1_000,
      forgotten: false,
    });
  });

  test('and then counts as dead at once', () => {
    expect(diesAt(lease, { since: 7_000, forgotten: true })).toBe(7_000);
    expect(diesAt(lease, { since: 7_000, forgotten: false })).toBe(67_000);
  });
});
