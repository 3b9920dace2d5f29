import { expect, test } from 'vitest';
import { crashedLately } from '../../src/deploy/snapshot.ts';
import type { ContainerStatus } from '../../src/model/kube.ts';

const NOW = new Date('2026-11-20T12:00:00Z');
const ended = (finishedAt: string) => ({ terminated: { exitCode: 1, finishedAt } });

test.each<{ row: string; status: Partial<ContainerStatus>; crashed: boolean }>([
  { row: 'never started again', status: { restartCount: 0, state: { running: {} } }, crashed: false },
  {
    row: 'in back-off after a crash',
    status: { restartCount: 9, state: { waiting: { reason: 'CrashLoopBackOff' } } },
    crashed: true,
  },
  {
    row: 'started again after its second crash nine minutes ago',
    status: { restartCount: 2, state: { running: {} }, lastState: ended('2026-11-20T11:51:00Z') },
    crashed: true,
  },
  {
    row: 'started again after a crash eleven minutes ago',
    status: { restartCount: 7, state: { running: {} }, lastState: ended('2026-11-20T11:49:00Z') },
    crashed: false,
  },
  {
    row: 'started again after one crash, as one that waits for its database',
    status: { restartCount: 1, state: { running: {} }, lastState: ended('2026-11-20T11:59:00Z') },
    crashed: false,
  },
  {
    row: 'waiting for its image',
    status: { restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } },
    crashed: false,
  },
])('a container that is $row: $crashed', ({ status, crashed }) => {
  const well = { name: 'proxy', restartCount: 0, state: { running: {} } };
  const pod = { status: { containerStatuses: [well, { name: 'web', ...status }] } };
  expect(crashedLately([{ status: { containerStatuses: [well] } }, pod], NOW)).toBe(crashed);
});

test('a pod that is leaving says nothing of what stays', () => {
  const status = { containerStatuses: [{ name: 'web', state: { waiting: { reason: 'CrashLoopBackOff' } } }] };
  const metadata = { deletionTimestamp: '2026-11-20T11:59:59Z' };
  expect(crashedLately([{ metadata, status }], NOW)).toBe(false);
  expect(crashedLately([{ metadata: {}, status }], NOW)).toBe(true);
});
