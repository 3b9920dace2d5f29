import { describe, expect, test } from 'vitest';
import { ApiError, UnreachableError } from '../../src/cluster/client.ts';
import { readInputs } from '../../src/inputs.ts';
import { finishUnderLock, tellLeft } from '../../src/run/finish-revert.ts';
import { Guard } from '../../src/run/guard.ts';
import type { OpenChange, OpenRun } from '../../src/state.ts';
import { FakeCluster } from './fake-cluster.ts';
import { fakeWorld } from './fake-world.ts';

const OLD = `ghcr.io/acme/shop@sha256:${'0'.repeat(64)}`;
const NEW = `ghcr.io/acme/shop@sha256:${'1'.repeat(64)}`;
const THEIRS = `ghcr.io/acme/shop@sha256:${'2'.repeat(64)}`;
const INPUTS = await readInputs({ image: NEW, build: 'false', workloads: 'shop/deployment/web' });

function changeOf(name: string): OpenChange {
  return {
    kind: 'Deployment',
    namespace: 'shop',
    name,
    uid: `uid-${name}`,
    changes: [{ list: 'containers', index: 0, name: 'web', image: OLD, to: NEW }],
    annotationsBefore: {},
  };
}

interface Killed {
  readonly rollback?: OpenRun['rollback'];
  readonly onCancel?: OpenRun['onCancel'];
  /** Those that the main step had set the new image in, in this order. */
  readonly names?: readonly string[];
  /** Those that ran it before, and were only locked. */
  readonly unchanged?: readonly string[];
  /** Why one of them has no way back. */
  readonly stays?: Readonly<Record<string, string>>;
  readonly isGood?: (image: string) => boolean;
}

/** A cluster that a main step set the new image in before it was killed, and what it had saved. */
async function killed({
  rollback = 'auto',
  onCancel = 'rollback',
  names = ['web'],
  unchanged = [],
  stays = {},
  isGood = () => true,
}: Killed = {}) {
  const cluster = new FakeCluster(isGood);
  for (const name of names) cluster.add(name, OLD);
  for (const name of unchanged) cluster.add(name, NEW);
  const open = names.map((name): OpenChange => {
    const why = stays[name];
    return { ...changeOf(name), ...(why === undefined ? {} : { stays: why }) };
  });
  const workloads = [...open, ...unchanged.map(changeOf)];
  const guard = await Guard.take({ ...fakeWorld().world, cluster, workloads, timeout: 0 });
  await guard.mark(open);
  for (const name of names) cluster.setImage(name, NEW);
  guard.leave();
  const time = '2026-11-20T10:00:00.000Z';
  const saved: OpenRun = {
    ...{ rollback, onCancel, holder: guard.identity, time },
    locked: guard.workloads,
    open,
  };
  /** Another step of the same run, that comes when the lock of the first is free. */
  const another = async (): Promise<Guard> => {
    const { world } = fakeWorld({ random: 'ef01' });
    return await Guard.take({ ...world, cluster, workloads: open, timeout: 120_000 });
  };
  const lease = (name = 'web') => {
    const { spec, metadata } = cluster.leases.the(`steadyship-deployment-${name}`);
    return { holder: spec?.holderIdentity, isOpen: 'steadyship.dev/open' in (metadata?.annotations ?? {}) };
  };
  const finish = async (changed: Partial<OpenRun> = {}) => {
    const { world, lines } = fakeWorld();
    const now = { ...saved, ...changed };
    tellLeft(now, world.log);
    const whole = await finishUnderLock(cluster, INPUTS, now, world);
    return { whole, said: lines.filter((line) => line.includes(' in namespace shop')), lines };
  };
  return { cluster, saved, lease, finish, another };
}

const GIVEN_BACK = { holder: undefined, isOpen: false };
const LEFT_OPEN = { holder: undefined, isOpen: true };

describe('the post step of a killed run', () => {
  test('puts back and gives the lock back without the marker', async () => {
    const { cluster, lease, finish } = await killed();
    expect(await finish()).toMatchObject({
      whole: true,
      said: [`deployment/web in namespace shop: put back to ${OLD} and healthy`],
    });
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(lease()).toEqual(GIVEN_BACK);
  });

  test('with `rollback: never` leaves the image, and nothing for the next run to put back', async () => {
    const { cluster, lease, finish } = await killed({ rollback: 'never' });
    expect(await finish()).toMatchObject({ whole: false });
    expect(cluster.imageOf('web')).toBe(NEW);
    expect(lease()).toEqual(GIVEN_BACK);
  });

  test('with `on-cancel: leave` leaves the image too', async () => {
    const { cluster, lease, finish } = await killed({ onCancel: 'leave' });
    expect(await finish()).toMatchObject({ whole: false });
    expect(cluster.imageOf('web')).toBe(NEW);
    expect(lease()).toEqual(GIVEN_BACK);
  });

  test('that meets something unknown tells it, gives the lock back, and leaves the marker to the next run', async () => {
    const { cluster, lease, finish } = await killed();
    cluster.patch = () => Promise.reject(new Error('broken'));
    expect(await finish()).toMatchObject({
      whole: false,
      said: [
        `deployment/web in namespace shop: whether it was put back to ${OLD} could not be found out: broken. Look yourself: kubectl get deployment/web -n shop -o wide`,
      ],
    });
    expect(lease()).toEqual(LEFT_OPEN);
  });
});

describe('the post step of several workloads', () => {
  const names = ['api', 'web', 'jobs'];

  test('sends all of them back, the last first, before it watches any', async () => {
    const { cluster, finish } = await killed({ names });
    const patch = cluster.patch.bind(cluster);
    const collection = cluster.collection.bind(cluster);
    const seen: string[] = [];
    cluster.patch = (path, operations) => {
      seen.push(path.split('/').at(-1) ?? '');
      return patch(path, operations) as never;
    };
    cluster.collection = (target) => {
      if (target.path.endsWith('/pods')) seen.push('watch');
      return collection(target);
    };
    expect(await finish()).toMatchObject({ whole: true });
    expect(seen).toEqual(['jobs', 'web', 'api', 'watch']);
  });

  test('of which one may not be read puts the others back, and says what hinders that one', async () => {
    const { cluster, lease, finish } = await killed({ names });
    const get = cluster.get.bind(cluster);
    cluster.get = (path) => {
      if (!path.endsWith('/deployments/web')) return get(path) as never;
      const no = { status: 403, reason: 'Forbidden', message: 'deployments "web" is forbidden' };
      return Promise.reject(new ApiError({ verb: 'GET', path }, no));
    };
    const { whole, said } = await finish();
    expect({ whole, said: said.toSorted() }).toEqual({
      whole: false,
      said: [
        `deployment/api in namespace shop: put back to ${OLD} and healthy`,
        `deployment/jobs in namespace shop: put back to ${OLD} and healthy`,
        `deployment/web in namespace shop: whether it was put back to ${OLD} could not be found out: The cluster at https://fake:6443 forbids it (403): deployments "web" is forbidden. Grant this user the Role that the README lists. Look yourself: kubectl get deployment/web -n shop -o wide`,
      ],
    });
    expect(names.map((name) => cluster.imageOf(name))).toEqual([OLD, NEW, OLD]);
    expect(names.map(lease)).toEqual([GIVEN_BACK, LEFT_OPEN, GIVEN_BACK]);
  });

  test('of which one is never answered tries that one again after the others', async () => {
    const { cluster, lease, finish } = await killed({ names });
    const patch = cluster.patch.bind(cluster);
    const get = cluster.get.bind(cluster);
    const sent: string[] = [];
    let lost = false;
    cluster.patch = (path, operations) => {
      sent.push(path.split('/').at(-1) ?? '');
      if (!path.endsWith('/web')) return patch(path, operations) as never;
      lost = true;
      return Promise.reject(new UnreachableError({ verb: 'PATCH', path }, 'reset', true));
    };
    cluster.get = (path) => {
      if (!lost || !path.endsWith('/deployments/web')) return get(path) as never;
      lost = false;
      return Promise.reject(new UnreachableError({ verb: 'GET', path }, 'reset', true));
    };
    const { whole, said } = await finish();
    expect(whole).toBe(false);
    expect(said).toContain(
      `deployment/web in namespace shop: whether it was put back to ${OLD} could not be found out: The answer to the patch of deployment/web was lost, and the cluster can not be asked what became of it. Look yourself: kubectl get deployment/web -n shop -o wide`,
    );
    expect(sent.slice(0, 4)).toEqual(['jobs', 'web', 'api', 'web']);
    expect(names.map((name) => cluster.imageOf(name))).toEqual([OLD, NEW, OLD]);
    expect(names.map(lease)).toEqual([GIVEN_BACK, LEFT_OPEN, GIVEN_BACK]);
  });

  test('that the cluster can take only after a while puts them back', async () => {
    const { cluster, finish } = await killed({ names });
    cluster.faults.push({ kind: 'away' }, { kind: 'away' }, { kind: 'away' }, { kind: 'away' });
    expect(await finish()).toMatchObject({ whole: true });
    expect(names.map((name) => cluster.imageOf(name))).toEqual([OLD, OLD, OLD]);
  });
});

describe('what the post step finds', () => {
  test('put back already, or never changed, is not said to have been put back by it', async () => {
    const { cluster, lease, finish } = await killed({ names: ['api', 'web'] });
    cluster.setImage('web', OLD);
    expect(await finish()).toMatchObject({
      whole: true,
      said: [
        `deployment/web in namespace shop: has ${OLD}, what ran before, and is healthy`,
        `deployment/api in namespace shop: put back to ${OLD} and healthy`,
      ],
    });
    expect(cluster.patches).toHaveLength(1);
    expect(['api', 'web'].map(lease)).toEqual([GIVEN_BACK, GIVEN_BACK]);
  });

  test('put back already and ill says so', async () => {
    const { cluster, finish } = await killed({ isGood: (image) => image !== OLD });
    cluster.setImage('web', OLD);
    const { whole, said } = await finish();
    expect(whole).toBe(false);
    expect(said[0]).toMatch(
      new RegExp(
        `^deployment/web in namespace shop: has ${OLD}, what ran before, but is not yet seen healthy: 0 of 1 new pods are ready`,
      ),
    );
  });

  test('of another uid is left alone, and that is said', async () => {
    const { cluster, saved, lease, finish } = await killed();
    const open = saved.open.map((each) => ({ ...each, uid: 'uid-of-one-that-was-deleted' }));
    expect(await finish({ open })).toMatchObject({
      whole: true,
      said: [
        'deployment/web in namespace shop was deleted and made anew by somebody else, so it is left as it is. Look yourself: kubectl get deployment/web -n shop -o wide',
      ],
    });
    expect(cluster.patches).toEqual([]);
    expect(cluster.imageOf('web')).toBe(NEW);
    expect(lease()).toEqual(GIVEN_BACK);
  });

  test('with an image of somebody else is left alone, with a word on where to look', async () => {
    const { cluster, lease, finish } = await killed();
    cluster.setImage('web', THEIRS);
    expect(await finish()).toMatchObject({
      whole: false,
      said: [
        `deployment/web in namespace shop: not put back, since somebody else set container web of deployment/web to ${THEIRS} in between. It was left as it is. Look yourself: kubectl get deployment/web -n shop -o wide`,
      ],
    });
    expect(cluster.imageOf('web')).toBe(THEIRS);
    expect(lease()).toEqual(GIVEN_BACK);
  });

  test('to be refused when it is put back is told in the words of who refused', async () => {
    const { cluster, lease, finish } = await killed();
    cluster.faults.push({ kind: 'refuse', status: 403, message: 'not on a Friday' });
    expect(await finish()).toMatchObject({
      whole: false,
      said: [
        `deployment/web in namespace shop: it could not be put back to ${OLD}: not on a Friday. It was left as it is. Look yourself: kubectl get deployment/web -n shop -o wide`,
      ],
    });
    expect(lease()).toEqual(LEFT_OPEN);
    // The others of its run may be back by now: the next run is not to let it stay because it is healthy.
    const { metadata } = cluster.leases.the('steadyship-deployment-web');
    expect(JSON.parse(metadata?.annotations?.['steadyship.dev/open'] ?? '')).toMatchObject({
      changes: [{ image: OLD, to: NEW }],
      goesBack: true,
    });
  });

  test('put back and ill says why, as before', async () => {
    const { finish } = await killed({ isGood: (image) => image !== OLD });
    const { whole, said } = await finish();
    expect(whole).toBe(false);
    expect(said).toEqual([
      `deployment/web in namespace shop: put back to ${OLD}, but not yet seen healthy: 0 of 1 new pods are ready, web-3-pod: crashed (exit 1) (no progress for 60 s). Look at the Deployment's conditions and events: kubectl -n shop describe deployment web.`,
    ]);
  });

  test('put back and no longer to be seen says why, and where to look', async () => {
    const { cluster, lease, finish } = await killed();
    const collection = cluster.collection.bind(cluster);
    cluster.collection = (target) => {
      const message = 'The cluster at https://fake:6443 forbids it (403): no pods for you.';
      const trouble = { kind: 'forbidden', message, since: 0 } as const;
      return {
        ...collection(target),
        ...(target.path.endsWith('/pods') && { trouble: () => trouble }),
      } as never;
    };
    expect(await finish()).toMatchObject({
      whole: false,
      said: [
        `deployment/web in namespace shop: put back to ${OLD}, but whether it is healthy could not be seen: The cluster at https://fake:6443 forbids it (403): no pods for you. Look yourself: kubectl rollout status deployment/web -n shop`,
      ],
    });
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(lease()).toEqual(LEFT_OPEN);
  });

  test('changed by somebody else after it was put back says by what, and where to look', async () => {
    const { cluster, lease, finish } = await killed();
    const patch = cluster.patch.bind(cluster);
    cluster.patch = async (path, operations) => {
      const reply = await patch(path, operations);
      cluster.setImage('web', THEIRS);
      return reply as never;
    };
    expect(await finish()).toMatchObject({
      whole: false,
      said: [
        `deployment/web in namespace shop: put back to ${OLD}, but not yet seen healthy: the image of container web was changed to ${THEIRS}. That was somebody else, and theirs is left as it is. Look yourself: kubectl rollout status deployment/web -n shop`,
      ],
    });
    expect(lease()).toEqual(GIVEN_BACK);
  });
});

describe('what a later step or run has dealt with since', () => {
  const RESOLVED =
    'deployment/web in namespace shop: a later step or run has resolved what this one left, so nothing is put back';

  test('and found healthy stays, and its record of it too', async () => {
    const { cluster, lease, finish, another } = await killed();
    const guard = await another();
    guard.isStable({ kind: 'Deployment', namespace: 'shop', name: 'web' }, cluster.deployment('web'), 'c2');
    await guard.release();
    expect(await finish()).toMatchObject({ whole: true, said: [RESOLVED] });
    expect(cluster.patches).toEqual([]);
    expect(cluster.imageOf('web')).toBe(NEW);
    expect(lease()).toEqual(GIVEN_BACK);
    const { metadata } = cluster.leases.the('steadyship-deployment-web');
    expect(JSON.parse(metadata?.annotations?.['steadyship.dev/last-stable'] ?? '')).toMatchObject({
      commit: 'c2',
      images: [{ image: NEW }],
    });
  });

  test('and only held the lock for a while is put back: its marker is there still', async () => {
    const { cluster, lease, finish, another } = await killed();
    await (await another()).release();
    expect(await finish()).toMatchObject({
      whole: true,
      said: [`deployment/web in namespace shop: put back to ${OLD} and healthy`],
    });
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(lease()).toEqual(GIVEN_BACK);
  });

  test.each([{}, { rollback: 'never' }, { onCancel: 'leave' }] as const)(
    'and began the same change of its own keeps its marker, with %o',
    async (options) => {
      const { cluster, lease, finish, another } = await killed(options);
      const guard = await another();
      await guard.mark([changeOf('web')]);
      await guard.release();
      const { whole, said } = await finish();
      expect(whole).toBe(true);
      expect(said.at(-1)).toBe(RESOLVED);
      expect(cluster.patches).toEqual([]);
      expect(lease()).toEqual(LEFT_OPEN);
    },
  );

  test('in one of two workloads is left there, and the other is put back', async () => {
    const { cluster, finish, another } = await killed({ names: ['api', 'web'] });
    const guard = await another();
    guard.isClosed({ kind: 'Deployment', namespace: 'shop', name: 'web' });
    await guard.release();
    expect(await finish()).toMatchObject({
      whole: true,
      said: [RESOLVED, `deployment/api in namespace shop: put back to ${OLD} and healthy`],
    });
    expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, NEW]);
  });

  test.each([
    ['is on its way', (guard: Guard) => guard.mark([changeOf('web')])],
    [
      'is healthy',
      async (guard: Guard, cluster: FakeCluster) =>
        guard.isStable(
          { kind: 'Deployment', namespace: 'shop', name: 'web' },
          cluster.deployment('web'),
          'c2',
        ),
    ],
  ])(
    'is known where somebody deleted the Lease too, once another has made it anew and %s',
    async (_, act) => {
      const { cluster, finish, another } = await killed();
      cluster.leases.remove('steadyship-deployment-web');
      const create = cluster.create.bind(cluster);
      cluster.create = async (path: string, body: unknown) => {
        cluster.create = create;
        const guard = await another();
        await act(guard, cluster);
        await guard.release();
        return create(path, body) as never;
      };
      expect((await finish()).said.at(-1)).toBe(RESOLVED);
      expect(cluster.imageOf('web')).toBe(NEW);
    },
  );

  test('can not be known where somebody deleted the Lease: what stands there is put back', async () => {
    const { cluster, lease, finish } = await killed();
    cluster.leases.remove('steadyship-deployment-web');
    expect(await finish()).toMatchObject({ whole: true });
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(lease()).toEqual(GIVEN_BACK);
  });
});

describe('a workload of the run that was not touched yet', () => {
  const untouched = async () => {
    const it = await killed({ names: ['api', 'web'] });
    it.cluster.setImage('web', OLD);
    return { ...it, open: it.saved.open.filter(({ name }) => name === 'api') };
  };

  test('has no marker any more when the others are back', async () => {
    const { cluster, lease, finish, open } = await untouched();
    expect(await finish({ open })).toMatchObject({
      whole: true,
      said: [`deployment/api in namespace shop: put back to ${OLD} and healthy`],
    });
    expect(cluster.patches).toHaveLength(1);
    expect([lease('api'), lease('web')]).toEqual([GIVEN_BACK, GIVEN_BACK]);
  });

  test('nor when the others are left as they are', async () => {
    const { lease, finish, open } = await untouched();
    await finish({ open, onCancel: 'leave' });
    expect([lease('api'), lease('web')]).toEqual([GIVEN_BACK, GIVEN_BACK]);
  });

  test('keeps it as long as they are not: the next run judges them together', async () => {
    const { cluster, lease, finish, open } = await untouched();
    cluster.patch = () => Promise.reject(new Error('broken'));
    expect(await finish({ open })).toMatchObject({ whole: false });
    expect([lease('api'), lease('web')]).toEqual([LEFT_OPEN, LEFT_OPEN]);
  });

  test('has none either where none was touched', async () => {
    const { cluster, lease, finish } = await untouched();
    cluster.setImage('api', OLD);
    expect(await finish({ open: [] })).toMatchObject({ whole: true, said: [] });
    expect(cluster.patches).toEqual([]);
    expect([lease('api'), lease('web')]).toEqual([GIVEN_BACK, GIVEN_BACK]);
  });
});

describe('what has no good state to go back to', () => {
  const stays = 'what ran before was not healthy either, so there is no known-good state to go back to';
  const left = (name: string): string =>
    `deployment/${name} in namespace shop: the run ended before the rollout of ${NEW} had a verdict; left as it is, since ${stays}. Look yourself: kubectl get deployment/${name} -n shop -o wide`;

  test('is named, beside one that is put back, and that is not all back and healthy', async () => {
    const { cluster, lease, finish } = await killed({ names: ['api', 'web'], stays: { api: stays } });
    const { whole, said } = await finish();
    expect({ whole, said }).toEqual({
      whole: false,
      said: [left('api'), `deployment/web in namespace shop: put back to ${OLD} and healthy`],
    });
    expect(['api', 'web'].map((name) => cluster.imageOf(name))).toEqual([NEW, OLD]);
    expect(['api', 'web'].map(lease)).toEqual([GIVEN_BACK, GIVEN_BACK]);
  });

  test('is named where it is the only one, and its lock is given back', async () => {
    const { cluster, lease, finish } = await killed({ stays: { web: stays } });
    expect(await finish()).toEqual({ whole: false, said: [left('web')], lines: [left('web')] });
    expect(cluster.imageOf('web')).toBe(NEW);
    expect(lease()).toEqual(GIVEN_BACK);
  });

  test('is named with the reason of the input that wants it to stay, where one does', async () => {
    const { finish } = await killed({ rollback: 'never', stays: { web: stays } });
    expect(await finish()).toMatchObject({
      whole: false,
      said: [left('web').replace(stays, '`rollback` is never')],
    });
  });

  test('is not waited for, and its lock is left to the run that has it by now', async () => {
    const { cluster, lease, finish } = await killed({ stays: { web: stays } });
    const now = cluster.leases.the('steadyship-deployment-web');
    cluster.leases.put({ ...now, spec: { ...now.spec, holderIdentity: 'acme/shop run 9 [ffff]' } });
    const { whole, lines } = await finish();
    expect(whole).toBe(false);
    expect(lines).toEqual([left('web')]);
    expect(lease().holder).toBe('acme/shop run 9 [ffff]');
  });
});

describe('the locks of workloads that a killed run did not change', () => {
  /** As its Lease remembers it. */
  const STABLE = JSON.stringify({
    version: 1,
    uid: 'uid-api',
    images: [],
    run: { title: 'run 1' },
    time: '',
  });

  async function withUnchanged(names: readonly string[]) {
    const all = await killed({ names, unchanged: ['api'] });
    const { leases } = all.cluster;
    const name = 'steadyship-deployment-api';
    const change = (holderIdentity: string | undefined): void => {
      const { metadata, spec } = leases.the(name);
      const annotations = { ...metadata?.annotations, 'steadyship.dev/last-stable': STABLE };
      leases.put({
        ...leases.the(name),
        metadata: { ...metadata, annotations },
        spec: { ...spec, ...(holderIdentity === undefined ? {} : { holderIdentity }) },
      });
    };
    change(undefined);
    const stable = () => leases.the(name).metadata?.annotations?.['steadyship.dev/last-stable'];
    return { ...all, stable, takeByOther: () => change('acme/shop run 9 [ffff]') };
  }

  test('are given back too, and what they remember stays', async () => {
    const { lease, stable, finish } = await withUnchanged(['web']);
    expect(await finish()).toMatchObject({ whole: true });
    expect([lease('web'), lease('api')]).toEqual([GIVEN_BACK, GIVEN_BACK]);
    expect(stable()).toBe(STABLE);
  });

  test('are given back where nothing was changed at all, without a word', async () => {
    const { cluster, lease, stable, finish } = await withUnchanged([]);
    expect(await finish()).toEqual({ whole: true, said: [], lines: [] });
    expect(lease('api')).toEqual(GIVEN_BACK);
    expect(stable()).toBe(STABLE);
    expect(cluster.patches).toEqual([]);
  });

  test('that another run has by now are left to it, and not waited for', async () => {
    const { lease, takeByOther, finish } = await withUnchanged(['web']);
    takeByOther();
    const { whole, lines } = await finish();
    expect(whole).toBe(true);
    expect(lines.join('\n')).not.toContain('acme/shop run 9');
    expect([lease('web').holder, lease('api').holder]).toEqual([undefined, 'acme/shop run 9 [ffff]']);
  });

  test('that can not be given back keep nothing from being put back', async () => {
    const { cluster, finish } = await withUnchanged(['web']);
    const list = cluster.list.bind(cluster);
    let lists = 0;
    cluster.list = (path) => {
      lists += 1;
      if (lists > 1) return list(path) as never;
      return Promise.reject(new ApiError({ verb: 'GET', path }, { status: 403, message: 'no' }));
    };
    const { whole, lines } = await finish();
    expect(whole).toBe(true);
    expect(lines).toContain(
      'The locks of the workloads of this run in which there is nothing to put back could not be given back, so the next run waits until they expire: The cluster at https://fake:6443 forbids it (403): no. Grant this user the Role that the README lists.',
    );
    expect(cluster.imageOf('web')).toBe(OLD);
  });
});
