import { describe, expect, test } from 'vitest';
import { podPhases, statusLine } from '../../../src/gate/evaluate/workload.ts';
import type { Pod } from '../../../src/model/kube.ts';
import {
  backOff,
  complete,
  dead,
  event,
  oldPod,
  pin,
  pod,
  podWith,
  readyPod,
  rolling,
  running,
  status,
  terminated,
  V2,
  waiting,
} from './world.ts';

const line = (pods: readonly Pod[], replicas = 1, events: Parameters<typeof rolling>[1] = {}) =>
  statusLine(pin(), rolling(pods, { replicas, ...events }));

describe('the line of the live log', () => {
  test.each<[string, Pod, string]>([
    [
      'waits for the scheduler',
      pod('a', { spec: { nodeName: undefined }, status: { conditions: [] } }),
      'scheduling',
    ],
    [
      'finds no node',
      pod('a', {
        spec: { nodeName: undefined },
        status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] },
      }),
      'fits on no node',
    ],
    [
      'is gated',
      pod('a', {
        spec: { nodeName: undefined },
        status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
      }),
      'scheduling gated',
    ],
    ['is being created', pod('a'), 'creating'],
    ['cannot pull', podWith('a', [status(waiting('ImagePullBackOff'))]), 'cannot be pulled'],
    [
      'lacks a ConfigMap',
      podWith('a', [status(waiting('CreateContainerConfigError'))]),
      'CreateContainerConfigError',
    ],
    ['runs, and is not ready', podWith('a', [running()]), 'running (not ready)'],
    [
      'starts under a startup probe',
      podWith('a', [running({ started: false })], {
        spec: { containers: [{ name: 'web', image: V2, startupProbe: {} }] },
      }),
      'starting',
    ],
    ['has crashed', podWith('a', [dead(1)]), 'crashed (exit 1)'],
    ['ran out of memory', podWith('a', [dead(1, 137, 'OOMKilled')]), 'crashed (out of memory)'],
    ['is in back-off', podWith('a', [backOff(3, 2)]), 'back-off (exit 2)'],
    ['has ended', podWith('a', [dead(1)], { status: { phase: 'Failed' } }), 'ended'],
    [
      'was evicted',
      podWith('a', [dead(1)], { status: { phase: 'Failed', reason: 'Evicted' } }),
      'ended (Evicted)',
    ],
    [
      'runs its init container',
      podWith('a', [status(waiting('PodInitializing'))], {
        spec: { initContainers: [{ name: 'migrate' }] },
        status: { initContainerStatuses: [running({ name: 'migrate' })] },
      }),
      'migrate running',
    ],
    [
      'has one of two containers that crashed',
      podWith('a', [running({ ready: true }), dead(1, 1, 'Error', { name: 'log' })], {
        spec: { containers: [{ name: 'web' }, { name: 'log' }] },
      }),
      'log crashed (exit 1)',
    ],
    [
      'is past an init container that ended well',
      podWith('a', [running()], {
        spec: { initContainers: [{ name: 'migrate' }] },
        status: { initContainerStatuses: [status(terminated(0), { name: 'migrate' })] },
      }),
      'web running (not ready)',
    ],
    [
      'waits for a readiness gate',
      podWith('a', [running({ ready: true })], {
        status: { conditions: [{ type: 'PodScheduled', status: 'True' }] },
      }),
      'running (not ready)',
    ],
  ])('a pod that %s', (_what, one, phase) => {
    expect(line([one])).toBe(`0/1 ready · web-a: ${phase}`);
  });
  test('a pull is known from events only', () => {
    const events = [event('a', 'Pulling', 'Pulling image')];
    expect(line([pod('a')], 1, { events })).toBe('0/1 ready · web-a: pulling');
    expect(line([pod('a')], 1, { events: [...events, event('a', 'Pulled', 'Successfully pulled')] })).toBe(
      '0/1 ready · web-a: creating',
    );
    expect(line([pod('a')], 1, { events: [event('b', 'Pulling', 'Pulling image')] })).toBe(
      '0/1 ready · web-a: creating',
    );
  });
  test('names at most three pods, in the order of their names', () => {
    const pods = ['e', 'd', 'c', 'b', 'a'].map((name) => pod(name));
    expect(line([...pods, readyPod('r')], 7)).toBe(
      '1/7 ready · web-a: creating · web-b: creating · web-c: creating · +2 more',
    );
  });
  test('holds', () => {
    expect(statusLine(pin(), complete(), 12_000)).toBe('1/1 ready · holding for 12 s');
  });
  test('waits for pods that are not there, and for old ones to end', () => {
    expect(line([])).toBe('0/1 ready · waiting for new pods');
    expect(line([readyPod('a')])).toBe('1/1 ready · old pods end');
  });
});

test('the phases of the timeline are those of the new pods that stay', () => {
  const leaving = pod('z', { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } });
  expect(
    podPhases(
      pin(),
      rolling([readyPod('b'), pod('a'), leaving], { pods: [readyPod('b'), pod('a'), leaving, oldPod('x')] }),
    ),
  ).toEqual([
    { pod: 'web-a', uid: 'uid-a', phase: 'creating', ready: false },
    { pod: 'web-b', uid: 'uid-b', phase: 'ready', ready: true },
  ]);
});
