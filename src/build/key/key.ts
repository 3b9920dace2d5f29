import { createHash } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Clock } from '../../model/clock.ts';
import type { Environment } from '../../process/environment.ts';
import { isLocalContext } from '../context.ts';
import type { BuildInputs } from '../inputs.ts';
import { type BaseImages, type DigestOf, resolveBaseImages } from './base-images.ts';
import { refuseBuilderElsewhere } from './builder-platform.ts';
import { hashContext } from './content-hash.ts';
import { walkContext } from './context-walk.ts';
import { imagesOfDockerfile } from './dockerfile.ts';
import { Doubt } from './doubt.ts';
import { readGitObjects } from './git-objects.ts';
import { type IgnorePattern, parseIgnoreFile } from './ignore-file.ts';
import { parseNamedContexts } from './named-contexts.ts';
import { buildArgsOf, refuseOpenInputs, settingsOf } from './settings.ts';

/** Raised whenever the same content would get another key, or another content the same. */
const VERSION = 2;

/** What decides an image, in 64 hexadecimal characters. */
export interface ContentKey {
  readonly kind: 'key';
  readonly key: string;
  readonly bases: BaseImages;
  readonly files: number;
  /** Bytes that were read because git could not vouch for them. */
  readonly read: number;
}

export interface KeyArguments {
  readonly inputs: BuildInputs;
  /** The workspace: what relative paths start from. */
  readonly directory: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly digestOf: DigestOf;
  readonly signal?: AbortSignal;
}

/**
 * The content key of a build: equal keys mean that BuildKit would be given the same Dockerfile, the same
 * context, the same settings and the same base images. It is the promise of a layer cache: what a RUN fetches
 * is taken as unchanged.
 *
 * Whatever can not be told with certainty is a doubt; to build is always right.
 */
export async function computeKey(
  args: KeyArguments,
): Promise<ContentKey | { readonly kind: 'doubt'; readonly why: string }> {
  try {
    return await compute(args);
  } catch (error) {
    args.signal?.throwIfAborted();
    if (error instanceof Doubt) return { kind: 'doubt', why: error.message };
    // A file that went away, one that may not be read: the build says it better, or knows how to bear it.
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { kind: 'doubt', why: `${path ?? 'a file'} can not be read (${code})` };
  }
}

async function compute(args: KeyArguments): Promise<ContentKey> {
  const { inputs, directory, environment } = args;
  refuseOpenInputs(inputs, environment);
  if (!isLocalContext(inputs.context)) throw new Doubt('the build context lies elsewhere');
  const folder = resolve(directory, inputs.context);
  const named = parseNamedContexts(inputs.buildContexts);
  const [dockerfile] = await Promise.all([
    readDockerfile(inputs.file, folder, directory),
    refuseBuilderElsewhere(inputs, environment),
  ]);
  const images = imagesOfDockerfile(dockerfile.text, {
    buildArgs: buildArgsOf(inputs, environment),
    contexts: new Set(named.map(({ name }) => name.toLowerCase())),
  });
  const ignore = dockerfile.ignore ?? (await readIgnoreFile(folder));
  const [bases, main, ...further] = await Promise.all([
    resolveBaseImages(images, args.digestOf),
    readContext(args, folder, ignore),
    ...named.map(async (context) => {
      if (context.kind === 'image') return { ...context, files: 0, read: 0 };
      const path = resolve(directory, context.path);
      const { digest, files, read } = await readContext(args, path, await readIgnoreFile(path));
      return { kind: context.kind, name: context.name, digest, files, read };
    }),
  ]);
  const decisive = {
    version: VERSION,
    settings: settingsOf(inputs, environment),
    dockerfile: dockerfile.text,
    bases: [...bases].sort(),
    context: main.digest,
    contexts: further.map(({ files: _, read: __, ...rest }) => rest),
  };
  const all = [main, ...further];
  return {
    kind: 'key',
    key: createHash('sha256').update(JSON.stringify(decisive)).digest('hex'),
    bases,
    files: all.reduce((sum, { files }) => sum + files, 0),
    read: all.reduce((sum, { read }) => sum + read, 0),
  };
}

async function readContext(
  { environment, clock, signal }: KeyArguments,
  folder: string,
  patterns: readonly IgnorePattern[],
): Promise<Awaited<ReturnType<typeof hashContext>>> {
  const [entries, noted] = await Promise.all([
    walkContext(folder, patterns, signal),
    readGitObjects({ folder, environment, clock, ...(signal === undefined ? {} : { signal }) }),
  ]);
  return await hashContext(folder, entries, noted, signal);
}

interface Dockerfile {
  readonly text: string;
  /** What `<Dockerfile>.dockerignore` says; undefined: there is none, and the context's own counts. */
  readonly ignore: readonly IgnorePattern[] | undefined;
}

async function readDockerfile(file: string, context: string, directory: string): Promise<Dockerfile> {
  if (!isLocalContext(file)) throw new Doubt('the Dockerfile lies elsewhere');
  const path = file === '' ? join(context, 'Dockerfile') : resolve(directory, file);
  // Which ignore file goes with a link, or with the lower-case name, depends on buildx.
  const stat = await lstat(path).catch(() => undefined);
  if (stat?.isFile() !== true) throw new Doubt(`${path} is no plain file`);
  const [bytes, beside] = await Promise.all([
    readFile(path),
    readOptional(join(dirname(path), `${basename(path)}.dockerignore`)),
  ]);
  const text = bytes.toString('utf8');
  if (text.includes('\uFFFD')) throw new Doubt('the Dockerfile is no UTF-8');
  if (beside === '') throw new Doubt(`${basename(path)}.dockerignore is empty`);
  return { text, ignore: beside === undefined ? undefined : parseIgnoreFile(beside) };
}

async function readIgnoreFile(folder: string): Promise<readonly IgnorePattern[]> {
  return parseIgnoreFile((await readOptional(join(folder, '.dockerignore'))) ?? '');
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
