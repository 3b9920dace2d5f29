import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ended, run } from '../process/run.ts';
import { type Caches, mustSucceed } from './cache.ts';
import { readError, unwrittenCaches, writeError } from './cache-failure.ts';
import { type BuildWarning, WarningReader } from './checks.ts';
import type { BuildInputs } from './inputs.ts';
import type { Program } from './program.ts';
import { type BuildStory, ProgressReader } from './progress.ts';
import { type FailedPush, failedPush, refusedAsImmutable } from './push-failure.ts';
import { isPassing, PUSH_TRIES, ranOutOfTime, waitForBuilder, waitToPushAgain } from './push-retry.ts';
import { withoutRefused } from './refused-tag.ts';
import { type CallArguments, firstImage } from './request.ts';
import { joinSteps, type Step, StepReader } from './steps.ts';

/** One image of a call: `docker buildx build` makes one, `bake` several. */
export interface Wish {
  /** The bake file's name for it; empty: there is no other. */
  readonly target: string;
  /** All that is known of how it is built. */
  readonly inputs: BuildInputs;
  /** Full references, ours first, and that of an inline cache. */
  readonly tags: readonly string[];
  readonly caches: Caches;
}

/** What became of a call that went well. */
export interface Pushed {
  /** As they were in the end: without tags that a registry would not move. */
  readonly wishes: readonly Wish[];
  /** The text of buildx's metadata file. */
  readonly metadata: string;
  readonly story: BuildStory;
  /** All that the builder did, whichever call it was. */
  readonly steps: readonly Step[];
  /** As the last call printed them. */
  readonly warnings: readonly BuildWarning[];
}

/** What stands before each line that a program of the build writes, also where BuildKit repeats them at the end. */
const TIMED = /^(?:#\d+ )?\d+\.\d+ /;

export interface Place {
  readonly metadataFile: string;
  /** Only the push is still to be done. */
  readonly again: boolean;
}

/** A call of buildx that builds and pushes, apart from how often it is made. */
export interface Call {
  readonly program: Extract<Program, { kind: 'buildx' }>;
  readonly wishes: readonly Wish[];
  readonly words: (wishes: readonly Wish[], place: Place) => readonly string[];
  readonly environment: (wishes: readonly Wish[]) => Readonly<Record<string, string>>;
  /** The error for an ending that nothing could be done about. */
  readonly explain: (failed: {
    readonly story: BuildStory;
    readonly ended: Ended;
    readonly tries: number;
    readonly wishes: readonly Wish[];
    readonly warnings: readonly BuildWarning[];
  }) => Error;
}

/** What may change from one attempt to the next. */
interface Attempt {
  readonly wishes: readonly Wish[];
  /** How often the registry refused to move a tag. */
  readonly refused: number;
  /** How often it was begun to no end that is ours or the user's. */
  readonly tries: number;
}

/** Calls buildx until all is pushed, or until it failed by what another call would meet again. */
export async function callUntilPushed(args: CallArguments, call: Call): Promise<Pushed> {
  const { log } = args;
  let attempt: Attempt = { wishes: call.wishes, refused: 0, tries: 1 };
  let steps: readonly Step[] = [];
  // Each round drops a tag or the caches, is one of a few tries, or is the last.
  for (let round = 0; ; round++) {
    const metadataFile = join(args.folder, `metadata-${round}.json`);
    const { wishes, tries } = attempt;
    const { ended, story, ...told } = await callOnce(args, call, wishes, { metadataFile, again: round > 0 });
    const { warnings } = told;
    steps = joinSteps(steps, told.steps);
    for (const sentence of unwrittenCaches(story)) log.warning(sentence);
    if (ended.exitCode === 0) {
      return { wishes, metadata: await readFile(metadataFile, 'utf8'), story, steps, warnings };
    }
    const next = nextAttempt(attempt, story, { ...args, tags: call.wishes.flatMap(({ tags }) => tags) });
    if (next !== undefined) {
      attempt = next;
      continue;
    }
    const push = ended.kind === 'exited' ? failedPush(story) : undefined;
    const late = ended.kind === 'exited' && ranOutOfTime(story);
    const again = late || (push !== undefined && isPassing(push));
    if (!again || tries === PUSH_TRIES) throw call.explain({ story, ended, tries, wishes, warnings });
    if (push === undefined) await waitForBuilder(story, tries, args);
    else
      await waitToPushAgain(push, tries, { ...args, image: firstImage(ownerOf(push, wishes)?.tags ?? []) });
    attempt = { ...attempt, tries: tries + 1 };
  }
}

async function callOnce(
  { directory, log, clock, signal }: CallArguments,
  { program, words, environment }: Call,
  wishes: readonly Wish[],
  place: Place,
): Promise<{
  ended: Ended;
  story: BuildStory;
  steps: readonly Step[];
  warnings: readonly BuildWarning[];
}> {
  const reader = new ProgressReader();
  const steps = new StepReader();
  const checks = new WarningReader();
  const ended = await run(
    {
      file: program.file,
      args: [...program.before, ...words(wishes, place)],
      environment: environment(wishes),
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

/** Whose push it was, which an error may name without the tag; the first's when it was not named. */
export function ownerOf({ reference }: FailedPush, wishes: readonly Wish[]): Wish | undefined {
  const bears = (like: (tag: string) => boolean): Wish | undefined =>
    wishes.find(({ tags }) => tags.some(like));
  return bears((tag) => tag === reference) ?? bears((tag) => tag.startsWith(`${reference}:`)) ?? wishes[0];
}

/** The call once more without what only stood in its way; undefined: it failed by itself. */
function nextAttempt(
  attempt: Attempt,
  story: BuildStory,
  args: CallArguments & { readonly tags: readonly string[] },
): Attempt | undefined {
  const { wishes } = attempt;
  const push = readError(story) === undefined ? failedPush(story) : undefined;
  if (push !== undefined && refusedAsImmutable(push)) {
    const refused = attempt.refused + 1;
    const owner = ownerOf(push, wishes);
    // Each tag is dropped or replaced once; one more is a registry that refuses the new one too.
    if (owner === undefined || refused > args.tags.length) return undefined;
    const tags = withoutRefused(owner.tags, push, args);
    return { ...attempt, refused, wishes: wishes.map((each) => (each === owner ? { ...each, tags } : each)) };
  }
  return withoutCache(attempt, story, args);
}

/** Without the cache that alone was what failed. */
function withoutCache(attempt: Attempt, story: BuildStory, { log }: CallArguments): Attempt | undefined {
  const { wishes } = attempt;
  const without = (which: 'from' | 'to'): Attempt => ({
    ...attempt,
    wishes: wishes.map((each) => ({ ...each, caches: { ...each.caches, [which]: [] } })),
  });
  const unread = readError(story);
  if (unread !== undefined && wishes.some(({ caches }) => caches.from.length > 0)) {
    log.warning(`The build goes on without reading a cache, for that failed: ${unread}. It takes longer.`);
    return without('from');
  }
  const to = wishes.flatMap(({ caches }) => caches.to);
  const unwritten = writeError(story);
  if (unwritten === undefined || to.length === 0 || to.some(mustSucceed)) return undefined;
  log.warning(
    `The build goes on without writing a cache, for that failed: ${unwritten}. The next build may take longer.`,
  );
  return without('to');
}
