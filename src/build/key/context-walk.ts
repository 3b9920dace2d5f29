import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { relative, sep } from 'node:path';
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

/** A folder of the context, and what of it the builder is given. */
interface Folder {
  readonly entry: Entry;
  /** From the context on; of itself nothing. */
  readonly path: string;
  readonly verdicts: Verdicts | undefined;
  /** Left out itself: it comes with anything in it that is not. */
  readonly held: boolean;
  readonly inside: (Entry | Folder)[];
}

/**
 * Walks a context as BuildKit would send it. Reading a folder at a time without promises is what makes 50,000
 * entries a matter of a quarter of a second.
 *
 * @param root the context's folder
 * @returns each folder before what is in it, and the files among themselves in the order of their paths
 * @throws Doubt where it holds what can not be recognised: a socket, a `.git`, a name that is no text
 */
export async function walkContext(
  root: string,
  patterns: readonly IgnorePattern[],
  signal: AbortSignal | undefined,
): Promise<readonly Entry[]> {
  const entry = { ...entryOf(root, '', lstatSync(`${root}/`)), path: '.' };
  const prefix = prefixOf(root);
  const top: Folder = { entry, path: '', verdicts: undefined, held: false, inside: [] };
  const open = [top];
  let seen = 0;
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const name of readdirSync(`${prefix}${folder.path}` || '.')) {
      const path = folder.path === '' ? name : `${folder.path}/${name}`;
      const { ignored, verdicts } = isIgnored(patterns, path, folder.verdicts);
      if (ignored && !mayHoldExceptions(patterns, path)) continue;
      const place = prefix + path;
      const stat = lstatSync(place);
      if (ignored && !stat.isDirectory()) continue;
      const entry = entryOf(place, path, stat);
      seen += 1;
      if (entry.kind !== 'folder') {
        folder.inside.push(entry);
        continue;
      }
      if (!ignored) refuseGit(path);
      const below: Folder = { entry, path, verdicts, held: ignored, inside: [] };
      folder.inside.push(below);
      open.push(below);
    }
    if (seen > SLICE) {
      seen = 0;
      await new Promise(setImmediate);
      signal?.throwIfAborted();
    }
  }
  const entries: Entry[] = [];
  flatten(top, entries);
  return entries;
}

/** Ends in a slash. From the working directory, where a job's context mostly lies, the kernel has less of a way to go. */
function prefixOf(root: string): string {
  const path = relative(process.cwd(), root);
  if (path === '') return '';
  return path === '..' || path.startsWith(`..${sep}`) ? `${root}/` : `${path}/`;
}

function refuseGit(path: string): void {
  if (!/(?:^|\/)\.git$/.test(path)) return;
  throw new Doubt(
    `${path} is part of the build context and differs in every checkout (a line \`${path === '.git' ? '.git' : '**/.git'}\` in .dockerignore leaves it out)`,
  );
}

function flatten({ entry, held, inside }: Folder, into: Entry[]): void {
  const before = into.push(entry);
  // What is in a folder goes where the folder's name with a slash would.
  inside.sort((a, b) => (sortedBy(a) < sortedBy(b) ? -1 : 1));
  for (const each of inside) {
    if ('inside' in each) flatten(each, into);
    else into.push(each);
  }
  if (held && into.length === before) into.pop();
}

function sortedBy(each: Entry | Folder): string {
  return 'inside' in each ? `${each.path}/` : each.path;
}

function entryOf(place: string, path: string, stat: Stats): Entry {
  if (path.includes('\uFFFD')) throw new Doubt(`${path} has a name that is no UTF-8`);
  const mode = stat.mode & PERMISSIONS;
  if (stat.isFile())
    return { path, kind: 'file', mode, size: stat.size, changed: stat.ctimeMs, inode: stat.ino };
  if (stat.isDirectory()) return { path, kind: 'folder', mode, size: 0 };
  if (stat.isSymbolicLink()) return { path, kind: 'link', mode, size: 0, target: readlinkSync(place) };
  throw new Doubt(`${path} is neither file, folder nor link`);
}
