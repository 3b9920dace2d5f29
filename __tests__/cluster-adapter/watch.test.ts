import { describe, expect, test } from 'vitest';
import { isNewer, Store } from '../../src/cluster/store.ts';
import { LineReader, parseEvent } from '../../src/cluster/watch.ts';

describe('LineReader', () => {
  const text = '{"a":"ä€🚢"}\n\n{"b":2}\r\n{"c":"no end';
  const bytes = Buffer.from(text);

  test.each(Array.from({ length: bytes.length + 1 }, (_, at) => at))('split at byte %i', (at) => {
    const reader = new LineReader();
    const lines = [...reader.push(bytes.subarray(0, at)), ...reader.push(bytes.subarray(at))];
    expect(lines.map((line) => line.trim())).toEqual(['{"a":"ä€🚢"}', '{"b":2}']);
    expect(reader.push(Buffer.from(' yet"}\n'))).toEqual(['{"c":"no end yet"}']);
  });

  test('refuses a line that does not end', () => {
    const reader = new LineReader();
    const chunk = Buffer.alloc(16 * 1024 * 1024, 0x61);
    for (let i = 0; i < 4; i++) reader.push(chunk);
    expect(() => reader.push(chunk)).toThrow('a line of more than 67108864 bytes');
  });
});

describe('parseEvent', () => {
  test('throws an ERROR as the answer that it is', () => {
    const line =
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}';
    expect(() => parseEvent('/api/v1/pods', line)).toThrow('watch /api/v1/pods: 410 Expired: too old');
  });

  test.each([
    ['<html>', 'watch /api/v1/pods: the watch sent what is no JSON: <html>'],
    [
      '{"type":"SURPRISE"}',
      'watch /api/v1/pods: the watch sent an event of an unknown kind: {"type":"SURPRISE"}',
    ],
    ['null', 'watch /api/v1/pods: the watch sent an event of an unknown kind: null'],
  ])('throws on %s', (line, message) => {
    expect(() => parseEvent('/api/v1/pods', line)).toThrow(message);
  });
});

describe('Store', () => {
  const pod = (name: string, version: number) => ({ metadata: { name, resourceVersion: String(version) } });

  test('takes no event twice, and none that is older than what it has followed', () => {
    const store = new Store<ReturnType<typeof pod>>(undefined);
    store.replace([pod('a', 5)], '9');
    expect(store.apply({ type: 'MODIFIED', object: pod('a', 10) })).toBe(true);
    expect(store.apply({ type: 'MODIFIED', object: pod('a', 10) })).toBe(false);
    expect(store.apply({ type: 'ADDED', object: pod('a', 7) })).toBe(false);
    expect(store.items()).toEqual([pod('a', 10)]);
    expect(store.version).toBe('10');
  });

  test('does not bring back what was deleted, nor delete what was made anew', () => {
    const store = new Store<ReturnType<typeof pod>>(undefined);
    store.replace([pod('a', 5)], '9');
    store.apply({ type: 'DELETED', object: pod('a', 11) });
    expect(store.apply({ type: 'MODIFIED', object: pod('a', 10) })).toBe(false);
    store.apply({ type: 'ADDED', object: pod('a', 12) });
    expect(store.apply({ type: 'DELETED', object: pod('a', 11) })).toBe(false);
    expect(store.items()).toEqual([pod('a', 12)]);
  });

  test('follows bookmarks without a change', () => {
    const store = new Store<ReturnType<typeof pod>>(undefined);
    store.replace([], '9');
    const before = store.items();
    expect(store.apply({ type: 'BOOKMARK', object: pod('', 50) })).toBe(false);
    expect(store.version).toBe('50');
    expect(store.items()).toBe(before);
  });
});

test.each<[string, string, boolean]>([
  ['10', '9', true],
  ['9', '10', false],
  ['9', '9', false],
  ['9007199254740993', '9007199254740992', true],
  ['1', '', true],
  ['', '', false],
])('version %s is newer than %s: %s', (version, than, wanted) => {
  expect(isNewer(version, than)).toBe(wanted);
});
