import { expect, test } from 'vitest';
import { ApiError, type Cluster } from '../../src/cluster/client.ts';
import { diagnose } from '../../src/gate/diagnose.ts';
import type { ContainerStatus } from '../../src/model/kube.ts';

/** A cluster that has nothing but logs: of the instance that runs, and of the one before. */
function clusterWith(logs: { readonly now?: string; readonly before?: string }): Cluster {
  const text = async (path: string, query: Readonly<Record<string, unknown>>): Promise<string> => {
    const found = query['previous'] === true ? logs.before : logs.now;
    if (found !== undefined) return found;
    throw new ApiError({ verb: 'get', path }, { status: 400, reason: 'BadRequest', message: 'not found' });
  };
  return { text } as unknown as Cluster;
}

const DEAD: ContainerStatus = { name: 'web', restartCount: 0, state: { terminated: { exitCode: 1 } } };

test.each<[string, ContainerStatus, boolean, Parameters<typeof clusterWith>[0], object]>([
  [
    'of a container that died for the first time: its own',
    DEAD,
    false,
    { now: 'last words' },
    { previous: false, lines: ['last words'] },
  ],
  [
    'of a container that died for the first time and was started again before the question came',
    DEAD,
    false,
    { now: 'hello', before: 'last words' },
    { previous: true, lines: ['last words'] },
  ],
  [
    'of a container that lies dead in its back-off: its own, not the one of the death before',
    { ...DEAD, restartCount: 2 },
    false,
    { now: 'last words', before: 'older words' },
    { previous: false, lines: ['last words'] },
  ],
  [
    'of a container that runs again: the one before',
    { ...DEAD, restartCount: 1, state: { running: {} } },
    true,
    { now: 'hello', before: 'last words' },
    { previous: true, lines: ['last words'] },
  ],
  [
    'of an instance that was collected already: the next best',
    { ...DEAD, restartCount: 1, state: { running: {} } },
    true,
    { now: 'hello' },
    { previous: false, lines: ['hello'] },
  ],
  [
    'of an instance that the runtime has removed, as the kubelet tells it: the next best',
    { ...DEAD, restartCount: 1, state: { running: {} } },
    true,
    { now: 'hello', before: 'unable to retrieve container logs for containerd://dc84057b0e2b\n' },
    { previous: false, lines: ['hello'] },
  ],
  [
    'of a program that itself speaks so among other things: as it is',
    DEAD,
    false,
    { now: 'unable to retrieve container logs for x\ngiving up' },
    { previous: false, lines: ['unable to retrieve container logs for x', 'giving up'] },
  ],
])('the log %s', async (_, status, previous, logs, expected) => {
  const pod = { metadata: { name: 'web-a', uid: 'a' }, status: { containerStatuses: [status] } };
  const subject = { pod: 'web-a', podUid: 'a', container: 'web', previous };
  const evidence = await diagnose(
    clusterWith(logs),
    'shop',
    { code: 'crash', message: 'm', advice: 'a', subject },
    { kind: 'Deployment', workload: {}, replicaSets: [], pods: [pod], events: [] },
    { logs: true },
  );
  expect(evidence.logs).toEqual({ pod: 'web-a', container: 'web', ...expected });
});

test('of a container that is gone altogether, nothing is taken for its words', async () => {
  const gone = 'unable to retrieve container logs for containerd://dc84057b0e2b';
  const pod = { metadata: { name: 'web-a', uid: 'a' }, status: { containerStatuses: [DEAD] } };
  const subject = { pod: 'web-a', podUid: 'a', container: 'web' };
  const seen = { kind: 'Deployment', workload: undefined, replicaSets: [], pods: [pod], events: [] } as const;
  const failure = { code: 'crash', message: 'm', advice: 'a', subject } as const;
  const on = clusterWith({ now: gone, before: gone });
  const evidence = await diagnose(on, 'shop', failure, seen, { logs: true });
  expect(evidence.logs).toBeUndefined();
  expect(evidence.missing).toEqual(['The log of container web of web-a is gone: the node has removed it.']);
});
