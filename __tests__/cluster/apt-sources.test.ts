import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../process/fakes.ts';
import { distribution, ownSource } from './apt-sources.ts';

const debian = { id: 'debian', version: '12', codename: 'bookworm' };

const stanza = `# Comments may stand anywhere.
Types: deb
URIs: http://mirror.test/debian
# here too
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/own.gpg

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main
`;

const rows: { name: string; files: Record<string, string>; uri?: string; signedBy?: string }[] = [
  {
    name: 'a stanza that serves the own suite is found, with its key',
    files: { 'sources.list.d/debian.sources': stanza },
    uri: 'http://mirror.test/debian',
    signedBy: '/usr/share/keyrings/own.gpg',
  },
  {
    name: 'a line is as good as a stanza',
    files: {
      'sources.list':
        '# deb http://old.test/debian bookworm main\ndeb http://mirror.test/debian bookworm main contrib\n',
    },
    uri: 'http://mirror.test/debian',
  },
  {
    name: 'the options of a line may name the key',
    files: { 'sources.list': 'deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main\n' },
    uri: 'http://mirror.test/debian',
    signedBy: '/k.gpg',
  },
  {
    name: 'a source of another party is passed over, though it names the suite',
    files: {
      'sources.list.d/a.list': 'deb http://other.test/linux bookworm stable\n',
      'sources.list.d/b.list': 'deb http://cloud.test/apt sdk-bookworm main\n',
    },
  },
  {
    name: 'a disabled stanza is passed over',
    files: { 'sources.list.d/debian.sources': stanza.replace('Types: deb', 'Enabled: no\nTypes: deb') },
  },
];

it.each(rows)('$name', ({ files, uri, signedBy }) => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'sources.list.d'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  expect(ownSource(debian, folder)).toEqual(uri && { uri, signedBy });
});

it('the release is read from os-release, quoted or not', () => {
  expect(distribution('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID_LIKE=x\n')).toEqual(debian);
});
