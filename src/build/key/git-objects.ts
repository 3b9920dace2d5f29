import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Clock } from '../../model/clock.ts';
import { childEnvironment, type Environment } from '../../process/environment.ts';
import { CommandNotFound, run } from '../../process/run.ts';

/** What git's index noted of the files that it vouches for, one after the other and sorted by the bytes of their paths. */
export interface Noted {
  readonly paths: readonly string[];
  /** The object that a file was; empty where git does not vouch for it. */
  readonly objects: readonly string[];
  /** Bytes of each file, and of its object. */
  readonly sizes: readonly number[];
  /** When each file had last changed (`ctime`, in ms) as git looked at it. */
  readonly changed: readonly number[];
  /** The file's inode, of which git keeps 32 bits. */
  readonly inodes: readonly number[];
}

export interface GitArguments {
  /** The context: only what lies in it is asked for, and paths start from it. */
  readonly folder: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const NOTHING: Noted = { paths: [], objects: [], sizes: [], changed: [], inodes: [] };
/** What git writes of 200,000 files; of a larger tree every file is read. */
const MOST = 64 * 1024 * 1024;
/** `H 100644 ` */
const MODE = 9;
const INODES = 2 ** 32;
/**
 * Files of which no filter (Git LFS), no encoding and no `$Id$` makes something else, which may have the size of the
 * object. Line ends are not asked for: what is converted for them becomes longer or shorter.
 */
const UNCONVERTED = ':(attr:!ident !filter !working-tree-encoding)';

/**
 * What git knows of the files in its index: whoever is still as it was noted (`objectsOf`) need not be read. It vouches
 * for bytes alone; modes are for `lstat` to tell. Left out, and so to be read, is everything of which it only believes
 * so (assume-unchanged, skip-worktree), what it converts, what it may have noted too early, and submodules, whose
 * content is not in its index. Where git does not answer, it vouches for nothing.
 */
export async function readGitObjects(args: GitArguments): Promise<Noted> {
  // Where the index lies, and the objects in whose place git would show others.
  const [path, ...replaced] = (await git(args, ['rev-parse', '--git-path', 'index', '--glob=refs/replace/*']))
    ?.trimEnd()
    .split('\n') ?? [''];
  // Before it is read: of an index that is replaced in the meantime more is left out, never less.
  const written = path && statSync(resolve(args.folder, path), { throwIfNoEntry: false });
  if (!written || replaced.length > 0) return NOTHING;
  // -v tells the believed from the seen, --debug when it was seen.
  const text = await git(args, ['ls-files', '-z', '-c', '-s', '-v', '--debug', '--', UNCONVERTED]);
  const noted = parseFiles(text ?? '', written.mtimeMs);
  const sizes = await git(
    args,
    ['cat-file', '--buffer', '--batch-check=%(objectsize)'],
    noted.objects.join('\n'),
  );
  return leaveOutConverted(noted, sizes ?? '');
}

/**
 * Tells the object that a file is, when it is the file that git noted: each write, rename and change of owner or mode
 * sets `ctime`, which nobody can set by hand, and another file in its place has another inode.
 *
 * Files are to be asked for in the order of their paths. Of one that comes out of the index's order (UTF-16 sorts some
 * characters otherwise) nothing is known, which is never wrong.
 */
export function objectsOf({
  paths,
  objects,
  sizes,
  changed,
  inodes,
}: Noted): (file: { path: string; size: number; changed?: number; inode?: number }) => string | undefined {
  let at = 0;
  return (file) => {
    for (let path = paths[at]; path !== undefined && path < file.path; path = paths[at]) at += 1;
    if (paths[at] !== file.path || sizes[at] !== file.size || changed[at] !== file.changed) return undefined;
    return inodes[at] === (file.inode ?? -1) % INODES ? objects[at] || undefined : undefined;
  };
}

/**
 * `H 100644 <object> 0<tab><path>`, then what the index noted of it: each plain file. Read by position and number by
 * number, for there may be 50,000 records. Of a form that is not known nothing is vouched for: git promises none for
 * `--debug`.
 *
 * A file that changed in the same tick of the file system's clock in which the index was written may have changed
 * after git looked at it, and its times would not tell (git-scm.com/docs/racy-git): it is left out.
 *
 * @param written when the index was written, in ms
 */
export function parseFiles(text: string, written: number): Noted {
  const [paths, objects, sizes, changed, inodes] = [
    [] as string[],
    [] as string[],
    [] as number[],
    [] as number[],
    [] as number[],
  ];
  let at = 0;
  /** The number that follows this word; NaN where it does not stand here. */
  const number = (word: string): number => {
    if (!text.startsWith(word, at)) return Number.NaN;
    at += word.length;
    const first = at;
    let value = 0;
    for (let digit = text.charCodeAt(at) - 48; digit >= 0 && digit <= 9; digit = text.charCodeAt(at) - 48) {
      value = value * 10 + digit;
      at += 1;
    }
    return at === first ? Number.NaN : value;
  };
  /** Goes past this word and what follows it; where it does not stand here, the next number does not either. */
  const past = (word: string, before: string): void => {
    at = text.startsWith(word, at) ? text.indexOf(before, at + word.length) : -1;
  };
  while (at < text.length) {
    const start = at;
    const tab = text.indexOf('\t', start);
    const end = text.indexOf('\0', tab);
    if (tab < 0 || end < 0) return NOTHING;
    at = end + 1;
    // As Node.js makes one number of the two.
    const time = number('  ctime: ') * 1e3 + number(':') / 1e6;
    past('\n  mtime: ', '\n');
    past('\n  dev: ', '\t');
    const inode = number('\tino: ');
    past('\n  uid: ', '\n');
    const size = number('\n  size: ');
    const flags = text.startsWith('\tflags: ', at) ? text.indexOf('\n', at) : -1;
    if (flags < 0 || Number.isNaN(time + inode + size)) return NOTHING;
    at = flags + 1;
    const path = text.slice(tab + 1, end);
    const isPlain = text.startsWith('H 100', start) && text.startsWith(' 0\t', tab - 2);
    const object = text.slice(start + MODE, tab - 2);
    if (isPlain && (object.length === 40 || object.length === 64)) {
      if (time >= written) continue;
      paths.push(path);
      objects.push(object);
      sizes.push(size);
      changed.push(time);
      inodes.push(inode);
    } else if (path === paths.at(-1)) objects[objects.length - 1] = '';
  }
  return { paths, objects, sizes, changed, inodes };
}

/**
 * A file whose line ends were converted, by the attributes and core.autocrlf of today or of when it was checked out,
 * looks unmodified to git as long as nobody touches it. Then it has another size than its object: such a conversion
 * only ever lengthens a file, or only ever shortens it.
 *
 * @param sizes of the objects, a line each; of one that git does not have it is no number
 */
function leaveOutConverted(noted: Noted, sizes: string): Noted {
  const lines = sizes.split('\n');
  if (lines.length !== noted.objects.length + 1) return NOTHING;
  const objects = noted.objects.map((object, at) => (lines[at] === String(noted.sizes[at]) ? object : ''));
  return { ...noted, objects };
}

/** What git said; undefined when it failed, or said more than is kept. */
async function git(
  { folder, environment, clock, signal }: GitArguments,
  command: readonly string[],
  stdin?: string,
): Promise<string | undefined> {
  try {
    const ended = await run(
      {
        file: 'git',
        args: [...['-c', 'safe.directory=*', '-c', 'core.fsmonitor=false'], ...command],
        directory: folder,
        environment: childEnvironment(environment, ['git'], {
          GIT_OPTIONAL_LOCKS: '0',
          GIT_TERMINAL_PROMPT: '0',
          // An object that a partial clone left on the server is no object of a file that is here.
          GIT_NO_LAZY_FETCH: '1',
          LC_ALL: 'C',
        }),
        keep: MOST,
        ...(stdin === undefined ? {} : { stdin }),
        ...(signal === undefined ? {} : { signal }),
      },
      clock,
    );
    return ended.exitCode === 0 && ended.stdout.length < MOST ? ended.stdout : undefined;
  } catch (error) {
    if (error instanceof CommandNotFound) return undefined;
    throw error;
  }
}
