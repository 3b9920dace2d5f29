import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { childEnvironment, type Purpose, purposesOfHelper } from '../process/environment.ts';
import { type Ended, run } from '../process/run.ts';
import { addressOf, isLoopback } from '../registry/address.ts';
import { buildArguments, cacheTypes } from './args.ts';
import { chooseBuilder } from './builder.ts';
import { type Caches, chooseCaches, hasCacheService, mustSucceed, wantsDefaultCache } from './cache.ts';
import { type BuildWarning, readWarnings, WarningReader } from './checks.ts';
import { readDigest } from './digest.ts';
import { dockerfilePath } from './dockerfile-path.ts';
import { explainFailure } from './failure.ts';
import type { Program } from './program.ts';
import { type BuildStory, ProgressReader } from './progress.ts';
import { failedPush, refusedAsImmutable } from './push-failure.ts';
import { isPassing, PUSH_TRIES, waitToPushAgain } from './push-retry.ts';
import { withoutRefused } from './refused-tag.ts';
import { type BuiltImage, firstImage, type PreparedBuild } from './request.ts';
import { namedVariables } from './secrets.ts';
import { joinSteps, type Step, StepReader } from './steps.ts';
import { tellWarnings } from './tell-warnings.ts';
import { reportBuild } from './told.ts';

/** What is in the metadata file beside the digest: warnings, and not the provenance, which costs a question more. */
const METADATA = { BUILDX_METADATA_WARNINGS: '1', BUILDX_METADATA_PROVENANCE: 'disabled' };

/** What stands before each line that a program of the build writes, also where BuildKit repeats them at the end. */
const TIMED = /^(?:#\d+ )?\d+\.\d+ /;

type Buildx = Extract<Program, { kind: 'buildx' }>;

/** What may change from one attempt to the next. */
interface Attempt {
  readonly tags: readonly string[];
  readonly caches: Caches;
  /** How often the registry refused to move a tag. */
  readonly refused: number;
  /** How often the push was begun. */
  readonly tries: number;
}

/** Builds with buildx, in whatever builder there is or has to be made. */
export async function buildWithBuildx(args: PreparedBuild, program: Buildx): Promise<BuiltImage> {
  const { inputs, log, clock, signal, directory } = args;
  const first = firstImage(args.tags);
  const plan = args.cache;
  const dockerfile = dockerfilePath(inputs, directory);
  const start = clock.now();
  const builder = await chooseBuilder({
    inputs,
    program,
    caching: wantsDefaultCache({ inputs, plan }),
    loopback: isLoopback(addressOf(first.registry).hostname),
    environment: environmentOf(args, { from: [], to: [] }),
    directory,
    log,
    clock,
    signal,
  });
  try {
    const service = hasCacheService(args.environment);
    const caches = chooseCaches({ inputs, plan, service, exports: builder.exports });
    const tags = caches.tag === undefined ? args.tags : [...args.tags, caches.tag];
    let attempt: Attempt = { tags, caches, refused: 0, tries: 1 };
    let steps: readonly Step[] = [];
    // Each round drops a tag or the caches, is one of a few tries, or is the last.
    for (let round = 0; ; round++) {
      const metadataFile = join(args.folder, `metadata-${round}.json`);
      const place = { metadataFile, builder: builder.name, again: round > 0 };
      const { ended, story, ...told } = await build(args, program, attempt, place);
      steps = joinSteps(steps, told.steps);
      warnOfCaches(story, log);
      if (ended.exitCode === 0) {
        const metadata = await readFile(metadataFile, 'utf8');
        const digest = readDigest(metadata);
        const structured = readWarnings(metadata);
        const warnings = structured.length === 0 ? told.warnings : structured;
        tellWarnings(warnings, dockerfile, log);
        return {
          digest,
          tags: attempt.tags.filter((tag) => tag !== caches.tag),
          steps: story.steps,
          told: reportBuild(clock.now() - start, steps, warnings, dockerfile),
        };
      }
      const next = nextAttempt(attempt, story, { ...args, tags });
      if (next !== undefined) {
        attempt = next;
        continue;
      }
      const { tries } = attempt;
      const push = ended.kind === 'exited' ? failedPush(story) : undefined;
      if (push === undefined || !isPassing(push) || tries === PUSH_TRIES) {
        tellWarnings(told.warnings, dockerfile, log);
        const { loginOf } = args.config;
        throw explainFailure({ story, ended, inputs, image: first, loginOf, tries, dockerfile });
      }
      await waitToPushAgain(push, tries, { ...args, image: first });
      attempt = { ...attempt, tries: tries + 1 };
    }
  } finally {
    await builder.remove();
  }
}

async function build(
  args: PreparedBuild,
  program: Buildx,
  { tags, caches }: Attempt,
  place: {
    readonly metadataFile: string;
    readonly builder: string | undefined;
    /** Only the push is still to be done. */
    readonly again: boolean;
  },
): Promise<{
  ended: Ended;
  story: BuildStory;
  steps: readonly Step[];
  warnings: readonly BuildWarning[];
}> {
  // What was built a moment ago lies in the cache. To pass it by would make another image, and send its layers too.
  const inputs = place.again ? { ...args.inputs, noCache: false, pull: false } : args.inputs;
  const { labels, secrets, runUrl, isPublic, directory, log, clock, signal } = args;
  const reader = new ProgressReader();
  const steps = new StepReader();
  const checks = new WarningReader();
  const words = buildArguments({
    inputs: { ...inputs, cacheFrom: caches.from, cacheTo: caches.to },
    labels,
    tags,
    secrets,
    isPublic: isPublic === true,
    metadataFile: place.metadataFile,
    ...(place.builder === undefined ? {} : { builder: place.builder }),
    ...(runUrl === undefined ? {} : { runUrl }),
  });
  const ended = await run(
    {
      file: program.file,
      args: [...program.before, ...words],
      environment: { ...environmentOf(args, caches), ...METADATA },
      directory,
      signal,
      label: TIMED,
      onLine: (line) => {
        for (const each of [reader, steps, checks]) each.push(line);
        if (line.trim() !== '') log.info(line);
      },
    },
    clock,
  );
  return { ended, story: reader.story(), steps: steps.steps(), warnings: checks.warnings() };
}

/** Docker's variables, and those that exactly this build needs. */
function environmentOf(
  { inputs, config, environment, secrets }: PreparedBuild,
  { from, to }: Caches,
): Record<string, string> {
  const caches = cacheTypes([...from, ...to]);
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

/** The build once more without what only stood in its way; undefined: it failed by itself. */
function nextAttempt(attempt: Attempt, story: BuildStory, args: PreparedBuild): Attempt | undefined {
  const push = failedPush(story);
  if (push !== undefined && refusedAsImmutable(push)) {
    const refused = attempt.refused + 1;
    if (refused > args.tags.length) return undefined;
    return { ...attempt, refused, tags: withoutRefused(attempt.tags, push, args) };
  }
  const { to } = attempt.caches;
  const words = cacheError(story);
  if (words === undefined || to.length === 0 || to.some(mustSucceed)) return undefined;
  args.log.warning(
    `The build goes on without writing a cache, for that failed: ${onOneLine(words)}. The next build may take longer.`,
  );
  return { ...attempt, caches: { ...attempt.caches, to: [] } };
}

/**
 * What failed was the cache alone: where it can not even be set up, or BuildKit is older than `ignore-error`
 * (0.12), it ends the build.
 */
function cacheError({ failed, failedCaches, error = '' }: BuildStory): string | undefined {
  const setUp = /failed to configure \S+ cache exporter: ([\s\S]*)/.exec(error)?.[1];
  if (setUp !== undefined) return setUp;
  return failed === undefined &&
    failedCaches.some((cache) => error.includes(cache.error.split('\n')[0] ?? ''))
    ? failedCaches[0]?.error
    : undefined;
}

function warnOfCaches(story: BuildStory, log: PreparedBuild['log']): void {
  if (cacheError(story) !== undefined) return;
  for (const { name, error } of story.failedCaches) {
    log.warning(
      `The build's cache was not written (${name}): ${onOneLine(error)}. The image is not affected; the next build may take longer.`,
    );
  }
}

function onOneLine(words: string): string {
  return words.trim().split('\n').join(': ');
}
