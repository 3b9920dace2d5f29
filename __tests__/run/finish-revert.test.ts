import { describe, expect, test } from 'vitest';
import { readInputs } from '../../src/inputs.ts';
import { finishUnderLock } from '../../src/run/finish-revert.ts';
import { Guard } from '../../src/run/guard.ts';
import type { OpenChange, OpenRun } from '../../src/state.ts';
import { FakeCluster } from './fake-cluster.ts';
import { fakeWorld } from './fake-world.ts';

const OLD = `ghcr.io/acme/shop@sha256:${'0'.repeat(64)}`;
const NEW = `ghcr.io/acme/shop@sha256:${'1'.repeat(64)}`;
const INPUTS = await readInputs({ image: NEW, build: 'false', workloads: 'shop/deployment/web' });

const CHANGE: OpenChange = {
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid: 'uid-web',
  changes: [{ list: 'containers', index: 0, name: 'web', image: OLD, to: NEW }],
  annotationsBefore: {},
};

/** A cluster that a main step set the new image in before it was killed, and what it had saved. */
async function killed(rollback: OpenRun['rollback'], onCancel: OpenRun['onCancel'] = 'rollback') {
  const cluster = new FakeCluster(() => true);
  cluster.add('web', OLD);
  const guard = await Guard.take({ ...fakeWorld().world, cluster, workloads: [CHANGE], timeout: 0 });
  await guard.mark([CHANGE]);
  cluster.setImage('web', NEW);
  guard.leave();
  const time = '2026-11-20T10:00:00.000Z';
  const saved: OpenRun = { rollback, onCancel, holder: guard.identity, time, open: [CHANGE] };
  const lease = () => {
    const { spec, metadata } = cluster.leases.the('steadyship-deployment-web');
    return { holder: spec?.holderIdentity, isOpen: 'steadyship.dev/open' in (metadata?.annotations ?? {}) };
  };
  return { cluster, saved, lease };
}

describe('the post step of a killed run', () => {
  test('puts back and gives the lock back without the marker', async () => {
    const { cluster, saved, lease } = await killed('auto');
    expect(await finishUnderLock(cluster, INPUTS, saved, fakeWorld().world)).toBe(true);
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(lease()).toEqual({ holder: undefined, isOpen: false });
  });

  test('with `rollback: never` leaves the image, and nothing for the next run to put back', async () => {
    const { cluster, saved, lease } = await killed('never');
    expect(await finishUnderLock(cluster, INPUTS, saved, fakeWorld().world)).toBe(false);
    expect(cluster.imageOf('web')).toBe(NEW);
    expect(lease()).toEqual({ holder: undefined, isOpen: false });
  });

  test('with `on-cancel: leave` leaves the image too', async () => {
    const { cluster, saved, lease } = await killed('auto', 'leave');
    expect(await finishUnderLock(cluster, INPUTS, saved, fakeWorld().world)).toBe(false);
    expect(cluster.imageOf('web')).toBe(NEW);
    expect(lease()).toEqual({ holder: undefined, isOpen: false });
  });

  test('that breaks off gives the lock back, and leaves the marker to the next run', async () => {
    const { cluster, saved, lease } = await killed('auto');
    cluster.patch = () => Promise.reject(new Error('broken'));
    await expect(finishUnderLock(cluster, INPUTS, saved, fakeWorld().world)).rejects.toThrow('broken');
    expect(lease()).toEqual({ holder: undefined, isOpen: true });
  });
});
