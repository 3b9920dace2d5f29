import { type Dirent, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { Doubt } from './doubt.ts';
import { type IgnorePattern, isIgnored, mayHoldExceptions, type Verdicts } from './ignore-file.ts';

/** Something of the context that the builder is given. */
export interface Entry {
  /** From the context on, with slashes. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link';
  /** The twelve bits of permissions; git knows one of them, an image has them all. */
  readonly mode: number;
  /** Bytes of a file. */
  readonly size: number;
  /** When a file last changed (`ctime`, in ms); no part of what it is. */
  readonly changed?: number;
  /** A file's inode; no part of what it is either. */
  readonly inode?: number;
  /** Where a link leads, as it is written. */
  readonly target?: string;
}

const PERMISSIONS = 0o7777;
/**
 * So many entries at a time: whatever else the run does in the meantime gets its turn. Of what git tells, a turn takes
 * as much as a pipe holds (64 KiB), and 50,000 files are 8 MB.
 */
const SLICE = 100;

/**
 * Walks a context as BuildKit would send it. Reading a folder at a time without promises is what makes 50,000
 * entries a matter of a quarter of a second.
 *
 * @param root the context's folder
 * @throws Doubt where it holds what can not be recognised: a socket, a `.git`, a name that is no text
 */
export async function walkContext(
  root: string,
  patterns: readonly IgnorePattern[],
  signal: AbortSignal | undefined,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [{ ...entryOf(root, '', lstatSync(`${root}/`)), path: '.' }];
  const open: { path: string; parent: Verdicts | undefined; entry: Entry | undefined }[] = [
    { path: '', parent: undefined, entry: undefined },
  ];
  /** Folders that are left out, and come with the first thing in them that is not. */
  const held = new Map<string, Entry>();
  let seen = 0;
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    const { path: above, parent } = folder;
    for (const found of readdirSync(`${root}/${above}`, { withFileTypes: true })) {
      const path = above === '' ? found.name : `${above}/${found.name}`;
      const { ignored, verdicts } = isIgnored(patterns, path, parent);
      const isFolder = found.isDirectory();
      if (ignored && !(isFolder && mayHoldExceptions(patterns, path))) continue;
      const entry = describe(root, path, found);
      if (ignored) held.set(path, entry);
      else take(entries, held, entry);
      if (isFolder) open.push({ path, parent: verdicts, entry });
      seen += 1;
    }
    if (seen > SLICE) {
      seen = 0;
      await new Promise(setImmediate);
      signal?.throwIfAborted();
    }
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function take(entries: Entry[], held: Map<string, Entry>, entry: Entry): void {
  if (entry.kind === 'folder' && /(?:^|\/)\.git$/.test(entry.path)) {
    throw new Doubt(
      `${entry.path} is part of the build context and differs in every checkout (a line \`${entry.path === '.git' ? '.git' : '**/.git'}\` in .dockerignore leaves it out)`,
    );
  }
  for (let end = entry.path.indexOf('/'); end > 0 && held.size > 0; end = entry.path.indexOf('/', end + 1)) {
    const above = entry.path.slice(0, end);
    const parent = held.get(above);
    if (parent === undefined) continue;
    held.delete(above);
    entries.push(parent);
  }
  entries.push(entry);
}

function describe(root: string, path: string, found: Dirent): Entry {
  if (path.includes('\uFFFD')) throw new Doubt(`${path} has a name that is no UTF-8`);
  return entryOf(`${root}/${path}`, path, lstatSync(`${root}/${path}`), found);
}

function entryOf(place: string, path: string, stat: Stats, found: Dirent | Stats = stat): Entry {
  const mode = stat.mode & PERMISSIONS;
  if (found.isFile())
    return { path, kind: 'file', mode, size: stat.size, changed: stat.ctimeMs, inode: stat.ino };
  if (found.isDirectory()) return { path, kind: 'folder', mode, size: 0 };
  if (found.isSymbolicLink()) return { path, kind: 'link', mode, size: 0, target: readlinkSync(place) };
  throw new Doubt(`${path} is neither file, folder nor link`);
}
