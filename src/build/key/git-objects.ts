import type { Clock } from '../../model/clock.ts';
import { childEnvironment, type Environment } from '../../process/environment.ts';
import { CommandNotFound, run } from '../../process/run.ts';

/** What git vouches for: the object that a file is, and how many bytes it has. */
export interface Vouched {
  readonly object: string;
  readonly size: number;
}

export interface GitArguments {
  /** The context: only what lies in it is asked for, and paths start from it. */
  readonly folder: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const NOTHING: ReadonlyMap<string, Vouched> = new Map();
/** What git writes of 500,000 files; of a larger tree every file is read. */
const MOST = 64 * 1024 * 1024;
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
  const [files, converts, replaced] = await Promise.all([
    // -m compares with the work tree, -v tells the believed from the seen.
    git(args, ['ls-files', '-z', '-c', '-m', '-d', '-s', '-v', '--', ...UNCONVERTED]),
    git(args, ['config', '--get', 'core.autocrlf']),
    git(args, ['for-each-ref', '--count=1', 'refs/replace']),
  ]);
  if (files === undefined || replaced !== '') return NOTHING;
  if (converts !== undefined && converts.trim() !== 'false') return NOTHING;
  const objects = parseFiles(files);
  const sizes = await git(
    args,
    ['cat-file', '--batch-check=%(objectname) %(objectsize)'],
    [...objects.values()].join('\n'),
  );
  return sizes === undefined ? NOTHING : withSizes(objects, sizes);
}

/** `H 100644 <object> 0<tab><path>`: the object of each unmodified file. */
export function parseFiles(text: string): Map<string, string> {
  const objects = new Map<string, string>();
  const changed = new Set<string>();
  for (const record of text.split('\0')) {
    const [, tag, type, object = '', stage, path = ''] =
      /^(\S) (\d+) ([0-9a-f]+) (\d)\t([\s\S]+)$/.exec(record) ?? [];
    if (tag === 'H' && stage === '0' && type?.startsWith('100')) objects.set(path, object);
    else changed.add(path);
  }
  for (const path of changed) objects.delete(path);
  return objects;
}

/**
 * A file that was checked out under other attributes or another core.autocrlf than today's looks unmodified to
 * git as long as nobody touches it. Then its size is another one, too.
 */
function withSizes(objects: ReadonlyMap<string, string>, text: string): ReadonlyMap<string, Vouched> {
  const sizes = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [object = '', size = ''] = line.split(' ');
    if (/^\d+$/.test(size)) sizes.set(object, Number(size));
  }
  const vouched = new Map<string, Vouched>();
  for (const [path, object] of objects) {
    const size = sizes.get(object);
    if (size !== undefined) vouched.set(path, { object, size });
  }
  return vouched;
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
