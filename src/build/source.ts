import { readdir } from 'node:fs/promises';
import type { Clock } from '../model/clock.ts';
import { UserError } from '../model/error.ts';
import { childEnvironment, type Environment } from '../process/environment.ts';
import { CommandNotFound, type Ended, run } from '../process/run.ts';
import { missingCheckout } from './context.ts';

/** What was checked out, as git tells it; that is what is built, whatever the event says. */
export interface Source {
  /** The 40 (or 64) hexadecimal characters of HEAD. */
  readonly sha: string;
  /** Files differ from the commit, or are in no commit. */
  readonly dirty: boolean;
  /** The first few that make it dirty, to be told. */
  readonly changes: readonly string[];
  /** When the commit was made. */
  readonly committed: Date;
  /** The branch that the work tree is on; undefined: on none, as after a checkout of a tag or pull request. */
  readonly branch?: string;
  /** Git tags at the commit, as far as they were fetched. */
  readonly gitTags: readonly string[];
  /** Where it lives, for people: without credentials and `.git`. */
  readonly url?: string;
}

export interface SourceArguments {
  readonly directory: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const CHANGES_TOLD = 5;
/** google-github-actions' auth and get-gke-credentials write these into the workspace; they are no change of the source. */
const NOT_SOURCE = /(?:^|\/)(?:gha-creds-[0-9a-f]+\.json|gha-kubeconfig-[0-9a-f]+)$/;

/** Reads the work tree's HEAD, whether it is dirty, and where it comes from. */
export async function readSource(args: SourceArguments): Promise<Source> {
  const [status, commit, remote, tags] = await Promise.all([
    git(args, ['status', '--porcelain=v2', '--branch', '-z', '--untracked-files=normal']),
    git(args, ['log', '-1', '--format=%ct']),
    git(args, ['config', '--get', 'remote.origin.url']),
    git(args, ['tag', '--points-at', 'HEAD']),
  ]);
  if (status.exitCode !== 0) throw await noSource(args, status);
  const { sha, branch, changes } = parseStatus(status.stdout);
  if (sha === undefined || commit.exitCode !== 0) {
    throw new UserError(
      `The Git work tree ${args.directory} has no commit yet: the image is tagged with one. Commit first.`,
    );
  }
  const url = webAddress(remote.stdout.trim());
  return {
    sha,
    dirty: changes.length > 0,
    changes: changes.slice(0, CHANGES_TOLD),
    committed: new Date(Number(commit.stdout.trim()) * 1000),
    gitTags: tags.exitCode === 0 ? tags.stdout.split('\n').filter((tag) => tag !== '') : [],
    ...(branch === undefined ? {} : { branch }),
    ...(url === undefined ? {} : { url }),
  };
}

/** One call's answer about HEAD and all that differs from it. */
export function parseStatus(text: string): {
  sha: string | undefined;
  branch: string | undefined;
  changes: string[];
} {
  let sha: string | undefined;
  let branch: string | undefined;
  const changes: string[] = [];
  const records = text.split('\0');
  for (let index = 0; index < records.length; index++) {
    const record = records[index] ?? '';
    const [kind] = record;
    const oid = /^# branch\.oid ([0-9a-f]{40,64})$/.exec(record)?.[1];
    if (oid !== undefined) sha = oid;
    const head = /^# branch\.head (.+)$/.exec(record)?.[1];
    if (head !== undefined && head !== '(detached)') branch = head;
    // https://git-scm.com/docs/git-status#_porcelain_format_version_2
    const fields = { '1': 8, '2': 9, u: 10, '?': 1 }[kind ?? ''];
    if (fields === undefined) continue;
    const path = record.split(' ').slice(fields).join(' ');
    if (!NOT_SOURCE.test(path)) changes.push(path);
    // A rename's old path is a record of its own.
    if (kind === '2') index++;
  }
  return { sha, branch, changes };
}

/** A remote's address as people open it; undefined for what is no address (a path on this machine). */
export function webAddress(remote: string): string | undefined {
  const scp = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)([^/].*)$/.exec(remote);
  const text = scp === null ? remote : `ssh://${scp[1]}/${scp[2]}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!['http:', 'https:', 'ssh:', 'git:'].includes(url.protocol)) return undefined;
  // The host alone: user and password may be a token, and a port of ssh serves no web page.
  const host = url.protocol.startsWith('http') ? url.host : url.hostname;
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  return `${scheme}://${host}${url.pathname.replace(/(?:\.git)?\/*$/, '')}`;
}

async function git(args: SourceArguments, command: readonly string[]): Promise<Ended> {
  try {
    return await run(
      {
        file: 'git',
        args: [
          // In a job's container the workspace belongs to the runner's user, and git would not read it. It
          // obeys this on the command line for this one call; nothing is written to anybody's configuration.
          '-c',
          'safe.directory=*',
          // A repository's own configuration may name a program to run here.
          '-c',
          'core.fsmonitor=false',
          ...command,
        ],
        directory: args.directory,
        environment: childEnvironment(args.environment, ['git'], {
          GIT_OPTIONAL_LOCKS: '0',
          GIT_TERMINAL_PROMPT: '0',
          LC_ALL: 'C',
        }),
        keep: 16 * 1024 * 1024,
        ...(args.signal === undefined ? {} : { signal: args.signal }),
      },
      args.clock,
    );
  } catch (error) {
    if (!(error instanceof CommandNotFound)) throw error;
    throw new UserError(
      "The program git is not on PATH: it tells which commit is built. Install it in the runner or the job's container, before actions/checkout.",
      { cause: error },
    );
  }
}

async function noSource({ directory }: SourceArguments, status: Ended): Promise<UserError> {
  const names = await readdir(directory).catch(() => []);
  if (names.length === 0) return new UserError(missingCheckout(directory));
  if (/not a git repository/.test(status.stderr)) {
    return new UserError(
      `${directory} is no Git work tree, so the commit that is built is not known. Add the step \`- uses: actions/checkout@v4\` before this one; it needs git in the job's container to make one.`,
    );
  }
  return new UserError(`git can not read the work tree ${directory}: ${status.stderr.trim()}`);
}
