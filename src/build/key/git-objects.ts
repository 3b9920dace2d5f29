import { availableParallelism } from 'node:os';
import type { Clock } from '../../model/clock.ts';
import { childEnvironment, type Environment } from '../../process/environment.ts';
import { CommandNotFound, run } from '../../process/run.ts';

/** What git vouches for: the object that a file is. */
export interface Vouched {
  readonly object: string;
  /** Bytes, of the object and of the file as git looked at it. */
  readonly size: number;
  /** When the file had last changed (`ctime`, in ms) as git looked at it. */
  readonly changed: number;
}

export interface GitArguments {
  /** The context: only what lies in it is asked for, and paths start from it. */
  readonly folder: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const NOTHING: ReadonlyMap<string, Vouched> = new Map();
/** What git writes of 200,000 files; of a larger tree every file is read. */
const MOST = 64 * 1024 * 1024;
/** Objects that lie one by one cost git a file each: so many of them are worth a process of their own. */
const SHARE = 2_000;
const PROCESSES = 4;
/** `H 100644 ` */
const MODE = 9;
const NOTED =
  / {2}ctime: (\d+):(\d+)\n {2}mtime: [\d:]+\n {2}dev: \d+\tino: \d+\n {2}uid: \d+\tgid: \d+\n {2}size: (\d+)\tflags: [0-9a-f]+\n/y;
/**
 * Files whose bytes in the work tree are those of the object: no attribute converts line ends or encodings,
 * expands `$Id$`, or filters (Git LFS). `-text` says so outright.
 */
const UNCONVERTED = ['!text', '-text'].map(
  (text) => `:(attr:${text} !eol !crlf !ident !filter !working-tree-encoding)`,
);

/**
 * The files that git has looked at and found as they were committed, by their path: they need not be read. It
 * vouches for bytes alone; modes are for `lstat` to tell. Left out, and so to be read, is everything of which it
 * only believes so (assume-unchanged, skip-worktree), what it converts, and submodules, whose content is not in
 * its index. Where git does not answer, it vouches for nothing.
 */
export async function readGitObjects(args: GitArguments): Promise<ReadonlyMap<string, Vouched>> {
  const [vouched, changed, converts, replaced] = await Promise.all([
    readIndex(args),
    // Stat information alone, of many files at once; what differs only in that is read.
    git(args, ['diff-files', '-z', '--name-only', '--relative', '--no-renames', '--ignore-submodules=all']),
    git(args, ['config', '--get', 'core.autocrlf']),
    git(args, ['for-each-ref', '--count=1', 'refs/replace']),
  ]);
  if (vouched === undefined || changed === undefined || replaced !== '') return NOTHING;
  if (converts !== undefined && converts.trim() !== 'false') return NOTHING;
  for (const path of changed.split('\0')) vouched.delete(path);
  return vouched;
}

/** What the index says of each file, whether or not it is still so; undefined where git does not answer. */
async function readIndex(args: GitArguments): Promise<Map<string, Vouched> | undefined> {
  // -v tells the believed from the seen, --debug when it was seen.
  const text = await git(args, ['ls-files', '-z', '-c', '-s', '-v', '--debug', '--', ...UNCONVERTED]);
  if (text === undefined) return undefined;
  const files = parseFiles(text);
  const sizes = await readSizes(
    args,
    [...files.values()].map(({ object }) => object),
  );
  if (sizes === undefined) return undefined;
  leaveOutConverted(files, sizes);
  return files;
}

/**
 * `H 100644 <object> 0<tab><path>`, then what the index noted of it: each plain file. Looked at by position, for
 * there may be 50,000 records. Of a form that is not known nothing is vouched for: git promises none for `--debug`.
 *
 * The time is needed because most builds of git compare its seconds alone (USE_NSEC): a file that changed in the
 * second in which it was written, and kept its size and mtime, is unmodified to them.
 */
export function parseFiles(text: string): Map<string, Vouched> {
  const files = new Map<string, Vouched>();
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\0', start);
    const tab = text.indexOf('\t', start);
    NOTED.lastIndex = end + 1;
    const [noted, seconds, nanoseconds, bytes] = NOTED.exec(text) ?? [];
    if (end < 0 || tab < 0 || tab > end || noted === undefined) return new Map();
    const path = text.slice(tab + 1, end);
    const isPlain = text.startsWith('H 100', start) && text.startsWith(' 0\t', tab - 2);
    const object = isPlain ? text.slice(start + MODE, tab - 2) : '';
    // As Node.js makes one number of the two.
    const changed = Number(seconds) * 1e3 + Number(nanoseconds) / 1e6;
    if (object.length === 40 || object.length === 64)
      files.set(path, { object, size: Number(bytes), changed });
    else files.delete(path);
    start = end + 1 + noted.length;
  }
  return files;
}

/** The answers of git about these objects, a line each and in their order; undefined when it did not give all. */
async function readSizes(args: GitArguments, objects: readonly string[]): Promise<string | undefined> {
  const processes = Math.min(PROCESSES, availableParallelism(), Math.ceil(objects.length / SHARE));
  const share = Math.ceil(objects.length / processes);
  const answers = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      git(
        args,
        ['cat-file', '--buffer', '--batch-check=%(objectname) %(objectsize)'],
        objects.slice(index * share, (index + 1) * share).join('\n'),
      ),
    ),
  );
  return answers.includes(undefined) ? undefined : answers.join('');
}

/**
 * A file that was checked out under other attributes or another core.autocrlf than today's looks unmodified to
 * git as long as nobody touches it. Then it has another size than its object. `<object> missing` has none, and a line
 * about another object would mean that the answers went out of step: neither is vouched for.
 */
function leaveOutConverted(files: Map<string, Vouched>, sizes: string): void {
  let start = 0;
  for (const [path, { object, size }] of files) {
    if (!sizes.startsWith(`${object} ${size}\n`, start)) files.delete(path);
    const end = sizes.indexOf('\n', start);
    start = end < 0 ? sizes.length : end + 1;
  }
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
        args: [
          ...['-c', 'safe.directory=*', '-c', 'core.fsmonitor=false'],
          // A file of the same size and time is not the same file: the change time tells.
          ...['-c', 'core.checkStat=default', '-c', 'core.trustctime=true'],
          ...command,
        ],
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
