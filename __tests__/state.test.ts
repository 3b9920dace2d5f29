import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type OpenRun, parseState, renderState } from '../src/state.ts';

const OPEN: OpenRun = {
  rollback: 'auto',
  onCancel: 'leave',
  holder: { holder: 'run 1 [ab]', title: 'run 1', url: 'https://github.com/acme/shop/actions/runs/1' },
  time: '2026-11-20T10:00:00.000Z',
  locked: [
    { kind: 'StatefulSet', namespace: 'production', name: 'web' },
    { kind: 'Deployment', namespace: 'production', name: 'unchanged' },
  ],
  open: [
    {
      kind: 'StatefulSet',
      namespace: 'production',
      name: 'web',
      uid: 'u1',
      changes: [{ list: 'containers', index: 0, name: 'web', image: 'old', to: 'new' }],
      annotationsBefore: { 'steadyship.dev/run': null, 'steadyship.dev/revision': 'abc' },
    },
    {
      kind: 'Deployment',
      namespace: 'production',
      name: 'api',
      uid: 'u2',
      changes: [],
      annotationsBefore: {},
      stays: 'what ran before was not healthy either',
    },
  ],
};

test('what main saves, post reads', () => {
  expect(parseState(renderState(OPEN))).toEqual(OPEN);
});

test('what main saves of hundreds of workloads fits into one variable of a process', () => {
  const open = Array.from({ length: 300 }, (_, index) => ({
    ...OPEN.open[0],
    name: `workload-${index}`,
    uid: createHash('sha256').update(`${index}`).digest('hex').slice(0, 36),
  })) as OpenRun['open'];
  const locked = open.map(({ kind, namespace, name }) => ({ kind, namespace, name }));
  const text = renderState({ ...OPEN, locked, open });
  expect(text.length).toBeLessThan(128 * 1024);
  expect(text).not.toContain('\n');
  expect(parseState(text)).toEqual({ ...OPEN, locked, open });
});

test('a main step that never saved anything leaves nothing to read', () => {
  expect(parseState('')).toBeUndefined();
});

test.each([
  ['another version', '{"version":2,"rollback":"auto","open":[]}', 'The saved state is not of version 1.'],
  [
    'a holder without a name',
    '{"version":1,"rollback":"auto","onCancel":"leave","open":[],"locked":[],"time":"2026-11-20T10:00:00Z","holder":{}}',
    'The saved state names a holder that is none.',
  ],
  [
    'no list',
    '{"version":1,"rollback":"auto","onCancel":"leave"}',
    'The saved state lacks what is still open.',
  ],
  [
    'no word on whether to put back',
    '{"version":1,"rollback":"auto","open":[]}',
    'The saved state lacks what is still open.',
  ],
  [
    'no time',
    '{"version":1,"rollback":"auto","onCancel":"leave","time":"noon","open":[]}',
    'The saved state does not say when it was written.',
  ],
  [
    'no word on what is locked',
    '{"version":1,"rollback":"auto","onCancel":"leave","time":"2026-11-20T10:00:00Z","open":[]}',
    'The saved state lacks the workloads that are locked.',
  ],
  [
    'a locked workload without a kind',
    '{"version":1,"rollback":"auto","onCancel":"leave","time":"2026-11-20T10:00:00Z","open":[],"locked":[{"namespace":"n","name":"w"}]}',
    'The saved state names a locked workload that is none.',
  ],
  [
    'a change without names',
    '{"version":1,"rollback":"auto","onCancel":"leave","time":"2026-11-20T10:00:00Z","locked":[],"open":[{}]}',
    'The saved state holds an open change without its names.',
  ],
  [
    'an image that is none',
    '{"version":1,"rollback":"auto","onCancel":"leave","time":"2026-11-20T10:00:00Z","locked":[],"open":[{"kind":"DaemonSet","namespace":"n","name":"w","uid":"u","annotationsBefore":{},"changes":[{"list":"volumes"}]}]}',
    'The saved state holds a change of an image that is none.',
  ],
])('%s is refused, not guessed', (_, text, sentence) => {
  expect(() => parseState(text)).toThrow(sentence);
});
