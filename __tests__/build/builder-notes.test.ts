import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { notedDriver } from '../../src/build/builder-notes.ts';
import { temporaryFolder } from '../process/fakes.ts';

function notes(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'instances'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const FILES = {
  'instances/pods': '{"Name":"Pods","Driver":"kubernetes","Nodes":[]}',
  'instances/local': '{"Name":"local","Driver":"docker-container"}',
  'instances/broken': '{"Driver":',
  'instances/odd': '{"Driver":{"kubernetes":true}}',
};
const rows: readonly [
  name: string,
  files: Readonly<Record<string, string>>,
  builder: string,
  driver?: string,
][] = [
  ['one that is named', FILES, 'pods', 'kubernetes'],
  ['one that is named with capitals', FILES, 'Pods', 'kubernetes'],
  ['another', FILES, 'local', 'docker-container'],
  [
    'the current one',
    { ...FILES, current: '{"Key":"unix:///d","Name":"pods","Global":false}' },
    '',
    'kubernetes',
  ],
  ['none, where none is current', FILES, ''],
  ["docker's own, which is current", { ...FILES, current: '{"Key":"unix:///d","Name":""}' }, ''],
  ['one that nobody made', FILES, 'other'],
  ['a path', FILES, '../instances/pods'],
  ['broken notes', FILES, 'broken'],
  ['notes of another form', FILES, 'odd'],
];
it.each(rows)('the driver of %s', (_, files, builder, driver) => {
  expect(notedDriver(notes(files), builder)).toBe(driver);
});
