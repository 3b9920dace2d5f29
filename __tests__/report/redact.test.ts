import { describe, expect, test } from 'vitest';
import type { WorkloadReport } from '../../src/model/report.ts';
import { hideInImage, hideInWorkload, redactor } from '../../src/report/redact.ts';
import { image, rolledBack } from './samples.ts';

const SECRET = 'k3y_*x&"7';

describe('what is made unreadable', () => {
  test.each<[string, readonly string[], string, string]>([
    ['a secret', [SECRET], `the key ${SECRET} is bad`, 'the key *** is bad'],
    ['a secret each time', [SECRET], `${SECRET}${SECRET}`, '******'],
    ['as JSON writes it', [SECRET], `{"key":"k3y_*x&\\"7"}`, '{"key":"***"}'],
    ['as an address writes it', [SECRET], 'http://e/?key=k3y_*x%26%227&a', 'http://e/?key=***&a'],
    ['the longer of two that begin alike', ['k3y_', 'k3y_*x'], 'k3y_*x k3y_', '*** ***'],
    ['each line of one with several', ['first line\nsecond line'], 'a second line b', 'a *** b'],
    ['with a colour in the middle', [SECRET], `a k3y_\u001b[1m*x&"7 b`, 'a *** b'],
    ['with an invisible character in the middle', [SECRET], `a k3y_\u200b*x&"7 b`, 'a *** b'],
  ])('%s', (_, secrets, text, expected) => {
    expect(redactor(new Set(secrets))(text)).toBe(expected);
  });

  test.each<[string, readonly string[], string]>([
    ['another text', [SECRET], 'k3y_*y'],
    ['a colour that hides nothing', [SECRET], '\u001b[1mred\u001b[0m'],
    ['what is too short for a secret', ['abc', ' ', ''], 'abc d'],
    ['anything, with no secret', [], 'abc'],
  ])('not %s', (_, secrets, text) => {
    expect(redactor(new Set(secrets))(text)).toBe(text);
  });

  test('a secret that comes later, too', () => {
    const secrets = new Set<string>();
    const hide = redactor(secrets);
    expect(hide('later on')).toBe('later on');
    secrets.add('later');
    expect(hide('later on')).toBe('*** on');
  });
});

test('all that a cluster may say of a workload, and no name', () => {
  const hide = redactor(new Set([SECRET]));
  const [sample] = rolledBack.workloads;
  const said = (text: string): WorkloadReport => ({
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    outcome: 'failed',
    containers: sample?.containers ?? [],
    notes: [text],
    failure: { code: 'crash', message: text, quote: text, advice: text },
    rollback: { outcome: 'failed', message: text, advice: text, seconds: 4 },
    evidence: {
      containers: [{ pod: 'web-1', container: 'web', state: text }],
      events: [{ object: 'Pod/web-1', reason: 'BackOff', message: text, count: 1 }],
      logs: { pod: 'web-1', container: 'web', previous: true, lines: [text] },
      missing: [text],
    },
  });
  expect(hideInWorkload(said(`a ${SECRET} b`), hide)).toEqual(said('a *** b'));
  expect(hideInWorkload(said('a b'), hide)).toEqual(said('a b'));
});

test('what a builder quotes', () => {
  const built = (text: string) => ({
    ...image,
    build: { seconds: 1, steps: [{ name: text, seconds: 1 }], warnings: [{ message: text }] },
  });
  const hide = redactor(new Set([SECRET]));
  expect(hideInImage(built(`RUN ${SECRET}`), hide)).toEqual(built('RUN ***'));
  expect(hideInImage(image, hide)).toEqual(image);
});
