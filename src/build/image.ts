import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../model/clock.ts';
import { UserError } from '../model/error.ts';
import { type ImageName, parseImage, renderImage, tagStamp } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import {
  childEnvironment,
  type Environment,
  type Purpose,
  purposesOfHelper,
} from '../process/environment.ts';
import { makePrivateFolder } from '../process/folder.ts';
import { CommandNotFound, type Ended, run } from '../process/run.ts';
import { addressOf, isLoopback } from '../registry/address.ts';
import { buildArguments, cacheTypes } from './args.ts';
import { chooseBuilder } from './builder.ts';
import { checkContext } from './context.ts';
import { readDigest } from './digest.ts';
import type { DockerConfig } from './docker-config.ts';
import { explainFailure } from './failure.ts';
import type { BuildInputs } from './inputs.ts';
import { type BuildStory, ProgressReader } from './progress.ts';
import { failedPush, refusedAsImmutable } from './push-failure.ts';
import { isPassing, PUSH_TRIES, waitToPushAgain } from './push-retry.ts';
import { namedVariables, placeSecrets, type SecretSource } from './secrets.ts';

/** What was built and pushed. */
export interface BuiltImage {
  /** Of the index or manifest that was pushed. */
  readonly digest: string;
  /** Full references that bear it: others than asked for when a registry refused to move one. */
  readonly tags: readonly string[];
}

export interface BuildArguments {
  readonly inputs: BuildInputs;
  /** Full references, ours first. */
  readonly tags: readonly string[];
  /** Ours; the user's labels win. */
  readonly labels: Readonly<Record<string, string>>;
  /** The workspace: what relative paths start from. */
  readonly directory: string;
  /** `builder-id` of a provenance that is asked for: the run's address. */
  readonly runUrl?: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly environment: Environment;
  readonly config: DockerConfig;
  readonly signal: AbortSignal;
  /** Asked before a push is begun again: resolves when the registry takes pushes to this repository. */
  readonly ready?: (image: ImageName) => Promise<void>;
  /** Between 0 and 1, for the jitter of retries. */
  readonly random?: () => number;
}

/** Builds and pushes. Every mistake that is recognised is a UserError; `BuildError` knows its line. */
export async function buildAndPush(args: BuildArguments): Promise<BuiltImage> {
  const { inputs, directory, environment, log } = args;
  await checkContext(inputs, directory);
  const folder = await makePrivateFolder(environment, 'build');
  try {
    const secrets = await placeSecrets({ inputs, folder: folder.path, directory, environment, log });
    return await withBuilder(args, secrets, folder.path);
  } catch (error) {
    if (!(error instanceof CommandNotFound)) throw error;
    throw new UserError(
      'The program docker is not on PATH: the image is built with it. Use a runner that has Docker, for example ubuntu-latest.',
      { cause: error },
    );
  } finally {
    await folder.remove();
  }
}

async function withBuilder(
  args: BuildArguments,
  secrets: readonly SecretSource[],
  folder: string,
): Promise<BuiltImage> {
  const { inputs, tags, log, clock, signal, directory } = args;
  const first = firstImage(tags);
  const environment = dockerEnvironment(args, secrets);
  const loopback = isLoopback(addressOf(first.registry).hostname);
  const builder = await chooseBuilder({ inputs, loopback, environment, directory, log, clock, signal });
  try {
    let wanted = tags;
    let tries = 1;
    // Each round drops a tag, is one of a few tries, or is the last.
    for (let round = 0; ; round++) {
      const metadataFile = join(folder, `metadata-${round}.json`);
      const { ended, story } = await build(args, {
        wanted,
        secrets,
        metadataFile,
        environment,
        builder: builder.name,
        again: round > 0,
      });
      if (ended.exitCode === 0) {
        return { digest: readDigest(await readFile(metadataFile, 'utf8')), tags: wanted };
      }
      const others = round < tags.length + tries - 1 ? withoutRefused(wanted, story, clock, log) : undefined;
      if (others !== undefined) {
        wanted = others;
        continue;
      }
      const push = ended.kind === 'exited' ? failedPush(story) : undefined;
      if (push === undefined || !isPassing(push) || tries === PUSH_TRIES) {
        throw explainFailure({ story, ended, inputs, image: first, loginOf: args.config.loginOf, tries });
      }
      await waitToPushAgain(push, tries, { ...args, image: first });
      tries += 1;
    }
  } finally {
    await builder.remove();
  }
}

async function build(
  args: BuildArguments,
  round: {
    readonly wanted: readonly string[];
    readonly secrets: readonly SecretSource[];
    readonly metadataFile: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly builder: string | undefined;
    /** Only the push is still to be done. */
    readonly again: boolean;
  },
): Promise<{ ended: Ended; story: BuildStory }> {
  const { labels, runUrl, directory, log, clock, signal } = args;
  // What was built a moment ago lies in the cache. To pass it by would make another image, and send its layers too.
  const inputs = round.again ? { ...args.inputs, noCache: false, pull: false } : args.inputs;
  const reader = new ProgressReader();
  const ended = await run(
    {
      file: 'docker',
      args: buildArguments({
        inputs,
        labels,
        tags: round.wanted,
        secrets: round.secrets,
        metadataFile: round.metadataFile,
        ...(round.builder === undefined ? {} : { builder: round.builder }),
        ...(runUrl === undefined ? {} : { runUrl }),
      }),
      environment: round.environment,
      directory,
      signal,
      onLine: (line) => {
        reader.push(line);
        if (line.trim() !== '') log.info(line);
      },
    },
    clock,
  );
  return { ended, story: reader.story() };
}

/** Docker's variables, and those that exactly this build needs. */
function dockerEnvironment(args: BuildArguments, secrets: readonly SecretSource[]): Record<string, string> {
  const { inputs, config, environment } = args;
  const caches = cacheTypes([...inputs.cacheFrom, ...inputs.cacheTo]);
  const purposes: Purpose[] = ['docker', ...config.helpers.flatMap(purposesOfHelper)];
  if (inputs.ssh.length > 0) purposes.push('ssh');
  if (caches.includes('gha')) purposes.push('gha-cache');
  if (caches.includes('s3')) purposes.push('aws');
  if (caches.includes('azblob')) purposes.push('azure');
  return childEnvironment(environment, purposes, {
    ...namedVariables(inputs, secrets, environment),
    ...config.environment,
  });
}

/**
 * The tags to push when the registry will not move one of them. Everything is in the builder's cache, so
 * pushing again costs seconds. Ours is replaced by one that nobody has, and not by a push without a tag: an
 * untagged image is what clean-up rules of registries delete, and Docker's own builder can not do it.
 */
function withoutRefused(
  tags: readonly string[],
  story: BuildStory,
  clock: Clock,
  log: Log,
): readonly string[] | undefined {
  const push = failedPush(story);
  if (push === undefined || !refusedAsImmutable(push)) return undefined;
  // The error may name the image without its tag, and ECR names the tag in quotes.
  const refused =
    tags.find((tag) => tag === push.reference) ??
    tags.find((tag) => push.words.includes(`'${tagOf(tag)}'`)) ??
    tags[0];
  if (refused === undefined) return undefined;
  if (refused !== tags[0]) {
    log.warning(`${refused} exists and the registry does not let tags be moved: it was left as it is.`);
    return tags.filter((tag) => tag !== refused);
  }
  const fresh = renderImage({
    ...parseImage(refused).image,
    tag: `${tagOf(refused)?.slice(0, 100)}-${tagStamp(clock.wall())}`,
  });
  log.notice(
    `${refused} exists and the registry does not let tags be moved: this image gets the tag ${fresh}.`,
  );
  return [fresh, ...tags.slice(1)];
}

function tagOf(reference: string): string | undefined {
  return parseImage(reference).image.tag;
}

function firstImage(tags: readonly string[]): ImageName {
  const [first] = tags;
  if (first === undefined) throw new Error('A build needs at least one tag to push.');
  return parseImage(first).image;
}
