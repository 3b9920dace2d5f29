import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Ended } from '../../process/run.ts';
import { ownerOf, type Wish } from '../attempts.ts';
import type { DockerConfig } from '../docker-config.ts';
import { dockerfilePath } from '../dockerfile-path.ts';
import { BuildError, explainFailure } from '../failure.ts';
import type { BuildInputs } from '../inputs.ts';
import type { BuildStory, DockerfilePlace } from '../progress.ts';
import { failedPush } from '../push-failure.ts';
import { firstImage } from '../request.ts';
import type { BakeTarget, Definition } from './definition.ts';
import { inputsOf } from './wish.ts';

export interface BakeFailure {
  readonly bake: Definition;
  readonly inputs: BuildInputs;
  readonly directory: string;
  readonly story: BuildStory;
  readonly ended: Pick<Ended, 'kind' | 'exitCode' | 'signal'>;
  readonly tries: number;
  readonly wishes: readonly Wish[];
  readonly loginOf: DockerConfig['loginOf'];
}

/** The sentence for a bake that did not end well: that of a build, for the target that it happened in. */
export function explainBake(failure: BakeFailure): BuildError {
  const { bake, inputs, directory, ended, tries, wishes, loginOf } = failure;
  const { target: named, story } = unprefixed(failure.story);
  const targets = [...bake.targets, ...bake.linked];
  const push = ended.kind === 'exited' ? failedPush(story) : undefined;
  const owner = push === undefined ? undefined : ownerOf(push, wishes)?.target;
  const find = (name: string | undefined): BakeTarget | undefined =>
    targets.find((each) => each.name === name);
  // Of targets that end together buildx may put the one before the error that merely ended with the one that failed
  // (the cause of its context): the line that is quoted says in whose Dockerfile it stands.
  const target = find(owner) ?? targetAt(story.place, targets, inputs, directory) ?? find(named);
  const wish = wishes.find((each) => each.target === target?.name) ?? wishes[0];
  const all = { ...(target === undefined ? inputs : inputsOf(target, inputs)) };
  const explained = explainFailure({
    story,
    dockerfile: target === undefined || target.inline ? undefined : dockerfilePath(all, directory),
    ended,
    tries,
    loginOf,
    inputs: all,
    image: firstImage(wish?.tags ?? []),
    program: 'docker buildx bake',
    settings: BAKE_SETTINGS,
  });
  return target === undefined
    ? explained
    : new BuildError(`Target ${target.name}: ${explained.message}`, explained.place);
}

const BAKE_SETTINGS = { file: "The target's `dockerfile`", target: "the target's `target`" };

/**
 * Where several are built, BuildKit puts the target before a step (`[api 2/2] RUN …`, `[api] exporting to image`) and
 * newer versions of buildx before the error.
 */
function unprefixed(story: BuildStory): { readonly target: string | undefined; readonly story: BuildStory } {
  const [, ofError, error] = /^target ([\w-]+): ([\s\S]*)$/.exec(story.error ?? '') ?? [];
  const [, ofStep, rest, step] = /^\[([\w-]+)( [^\]]*)?\] ([\s\S]*)$/.exec(story.failed?.name ?? '') ?? [];
  const name = rest === undefined ? step : `[${rest.trim()}] ${step}`;
  return {
    target: ofError ?? ofStep,
    story: {
      ...story,
      error: error ?? story.error,
      failed: story.failed && {
        ...story.failed,
        name: ofStep === undefined ? story.failed.name : (name ?? ''),
      },
    },
  };
}

/** BuildKit names the Dockerfile without its folder: the one that has these words in this line is meant. */
function targetAt(
  place: DockerfilePlace | undefined,
  targets: readonly BakeTarget[],
  inputs: BuildInputs,
  directory: string,
): BakeTarget | undefined {
  if (targets.length === 1) return targets[0];
  if (place === undefined) return undefined;
  const fitting = targets.filter((target) => {
    const { file } = inputsOf(target, inputs);
    if (target.inline || basename(file) !== place.file) return false;
    return lineOf(resolve(directory, file), place.line)?.trim() === place.text;
  });
  return fitting.length === 1 ? fitting[0] : undefined;
}

function lineOf(file: string, line: number): string | undefined {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[line - 1];
  } catch {
    // What can not be read is not where it happened.
    return undefined;
  }
}
