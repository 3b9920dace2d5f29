/**
 * Where this machine gets its distribution's own packages. The cluster's come from the same mirror: no
 * address is written here, and sources of other parties, which may be out of reach, are left alone.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Source {
  readonly uri: string;
  readonly signedBy: string | undefined;
}

export interface Distribution {
  /** `debian`, `ubuntu` */
  readonly id: string;
  readonly version: string;
  readonly codename: string;
}

export function distribution(release = readFileSync('/etc/os-release', 'utf8')): Distribution {
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(release)?.[1] ?? '';
  return { id: field('ID'), version: field('VERSION_ID'), codename: field('VERSION_CODENAME') };
}

/** The source that serves the distribution's main component for its own suite. */
export function ownSource({ codename }: Distribution, folder = '/etc/apt'): Source | undefined {
  const parts = join(folder, 'sources.list.d');
  const extra = existsSync(parts)
    ? readdirSync(parts)
        .sort()
        .map((name) => join(parts, name))
    : [];
  const files = [join(folder, 'sources.list'), ...extra].filter((path) => existsSync(path));
  for (const path of files) {
    const text = readFileSync(path, 'utf8');
    const found = path.endsWith('.sources') ? stanza(text, codename) : line(text, codename);
    if (found) return found;
  }
  return undefined;
}

function line(text: string, codename: string): Source | undefined {
  for (const entry of text.split('\n')) {
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(entry.trim());
    if (!match || match[3] !== codename || !match[4]?.split(/\s+/).includes('main')) continue;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? '')?.[1];
    return { uri: match[2] ?? '', signedBy };
  }
  return undefined;
}

function stanza(text: string, codename: string): Source | undefined {
  for (const block of text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/)) {
    const field = (name: string): string => new RegExp(`^${name}:(.*)$`, 'im').exec(block)?.[1]?.trim() ?? '';
    const words = (name: string): string[] => field(name).split(/\s+/);
    const uri = words('URIs')[0];
    const serves = words('Types').includes('deb') && words('Suites').includes(codename);
    if (!uri || !serves || !words('Components').includes('main') || /^no$/i.test(field('Enabled'))) continue;
    // A key may also stand in the source itself, over several lines; a path is all that can be passed on.
    const signedBy = field('Signed-By');
    return { uri, signedBy: signedBy.startsWith('/') ? signedBy : undefined };
  }
  return undefined;
}
