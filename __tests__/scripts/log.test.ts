import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { StepLog } from '../../scripts/demo/log.ts';

test.each([
  ['a plain line as it is', ['pushed 100%'], ['pushed 100%']],
  [
    'a group as a title and indented lines',
    ['::group::Build shop', '#1 done', '::endgroup::', 'next'],
    ['▼ Build shop', '  #1 done', 'next'],
  ],
  [
    'an error with its title and every line of its message',
    ['::error title=Rolled back%3A deployment/shop::exits 1%0A50%25 done'],
    ['Error: Rolled back: deployment/shop', 'exits 1', '50% done'],
  ],
  ['a warning without a title', ['::warning::no probe'], ['Warning', 'no probe']],
  ['no secrets, state or debug lines', ['::add-mask::hunter2', '::debug::x', '::save-state name=a::b'], []],
])('the log of a step shows %s', (_, lines, shown) => {
  const printed: string[] = [];
  const log = new StepLog((line) => printed.push(stripVTControlCharacters(line)));
  for (const line of lines) log.line(line);
  expect(printed.map((line) => line.replace(/^ +\d+\.\d │ /, ''))).toEqual(shown);
});
