import { expect, test } from 'vitest';
import { listParser } from '../../src/plan/list.ts';

test.each([
  ['lines and commas both separate', 'a,b\nc', {}, ['a', 'b', 'c']],
  [
    'whole lines keep their commas',
    'type=registry,ref=x\ntype=gha',
    { whole: true },
    ['type=registry,ref=x', 'type=gha'],
  ],
  [
    'quotes hold a value of several lines',
    '"KEY=first\nsecond"\nB=2',
    { whole: true },
    ['KEY=first\nsecond', 'B=2'],
  ],
  ['a quote inside stays', 'A="x"', { whole: true }, ['A="x"']],
  ['a hash is a value like any other', 'A=1\n#B=2', { whole: true }, ['A=1', '#B=2']],
  ['blank lines are nothing', '\n\n a \n', {}, ['a']],
  ['nothing is nothing', '  ', {}, []],
])('%s', async (_, text, options, fields) => {
  const parseList = await listParser([text]);
  expect(parseList(text, options)).toEqual(fields);
  // The same by the parser that knows quotes.
  const parseQuoted = await listParser([text, '"']);
  expect(parseQuoted(text, options)).toEqual(fields);
});
