import { UserError } from '../model/error.ts';
import type { ImageName } from '../model/image.ts';
import type { Place } from '../model/place.ts';
import type { Ended } from '../process/run.ts';
import type { DockerConfig } from './docker-config.ts';
import { isNamed } from './dockerfile-path.ts';
import type { BuildInputs } from './inputs.ts';
import type { BuildStory } from './progress.ts';
import { explainPush, failedPush } from './push-failure.ts';

/** A build or push that failed for a reason that SteadyShip can name. */
export class BuildError extends UserError {
  constructor(message: string, place?: Place) {
    super(message, { place });
  }
}

export interface FailureFacts {
  readonly story: BuildStory;
  readonly ended: Pick<Ended, 'kind' | 'exitCode' | 'signal'>;
  readonly inputs: BuildInputs;
  readonly image: ImageName;
  readonly loginOf: DockerConfig['loginOf'];
  /** Not given: `docker buildx build`. */
  readonly program?: string;
  /** How often the push was begun. */
  readonly tries?: number;
  /** Where Dockerfile and stage are named; not given: in the inputs `file` and `target`. */
  readonly settings?: { readonly file: string; readonly target: string };
  /** The Dockerfile from the workspace on; undefined: it is not in there. */
  readonly dockerfile?: string | undefined;
}

const LONGEST = 180;
const SETUP = 'Add the step `- uses: docker/setup-buildx-action@v3` before this one';

/** Every known ending but that of a step: a pattern over the error, which no program of the build wrote. */
const ENDINGS: readonly (readonly [RegExp, (match: RegExpExecArray, facts: FailureFacts) => string])[] = [
  [
    // Without the plugin, docker takes the options for its own.
    /unknown command: docker buildx|'buildx' is not a docker command|unknown (?:shorthand )?flag: [\s\S]*Usage: {2}docker \[OPTIONS\]/,
    () =>
      `Docker on this runner has no buildx plugin, which builds the image. ${SETUP}, or install the package docker-buildx-plugin.`,
  ],
  [
    /unknown flag: (\S+)/,
    ([, flag]) =>
      `The buildx on this runner is too old: it does not know ${flag}. ${SETUP}, which brings a current one.`,
  ],
  [
    /permission denied while trying to connect to the Docker (?:daemon socket|API) at (\S+?):? /,
    ([, address]) =>
      `This runner's user may not use the Docker daemon at ${address}. Put the user into the group docker, or run a rootless daemon.`,
  ],
  [
    /Cannot connect to the Docker daemon at (\S+?)\. /,
    ([, address]) =>
      `The Docker daemon at ${address} can not be reached. Start it, or set DOCKER_HOST to where it runs.`,
  ],
  [/error during connect: (.*)/, ([, words]) => `The Docker daemon can not be reached: ${words}.`],
  [
    /context "([^"]*)": context not found/,
    ([, name]) =>
      `Docker has no context "${name}", which DOCKER_CONTEXT or its configuration names. Create it, or remove that setting.`,
  ],
  [
    /no builder "([^"]*)" found/,
    ([, name]) =>
      `There is no builder "${name}" on this runner (input builder, or BUILDX_BUILDER). ${SETUP} and give its output \`name\`, or leave the input out.`,
  ],
  [
    /exec: "(docker-credential-[^"]*)": executable file not found/,
    ([, helper]) =>
      `Docker's configuration names the credential helper ${helper}, which is not on PATH. Install it, or remove it from the configuration.`,
  ],
  [
    // Newer versions of buildx ask before a bake file reads beside the workspace, which nobody can answer here.
    /additional privileges requested/,
    (_, { story }) => {
      const flags = [...new Set(story.tail.join('\n').match(/--allow=[^\s"]+/g))];
      return `The bake file wants what buildx does not grant by itself${flags.length === 0 ? '' : ` (${flags.join(', ')})`}. For files outside of the workspace and the SSH agent, set the variable BUILDX_BAKE_ENTITLEMENTS_FS to 0 for this step (env); no other privilege is granted.`;
    },
  ],
  [
    /no space left on device/,
    () =>
      "No space is left on the builder's disk. Free some before this step (`docker system prune --all --force`), or use a larger runner.",
  ],
  [
    /(Multi-platform build|Attestation|Cache export) is not supported for the docker driver/i,
    ([, what]) => `${what} is more than Docker's own builder can do. ${SETUP}.`,
  ],
  [
    /failed to (?:calculate checksum|compute cache key)[\s\S]*?"?(\/[^":]*)"?: not found/,
    ([, path], { story, inputs }) =>
      `The build failed${atPlace(story)}${story.place === undefined ? '' : `: \`${story.place.text}\``}: the context ${inputs.context} has no ${path}, or .dockerignore leaves it out.`,
  ],
  [
    /dockerfile parse error(?: on)? line (\d+): (.*)/,
    ([, line, words], { inputs }) =>
      `The Dockerfile ${inputs.file || 'of the context'} is wrong at line ${line}: ${words}.`,
  ],
  [
    /target stage "?([^"\s]+)"? could not be found/,
    ([, target], { settings }) =>
      `The Dockerfile has no stage "${target}": ${settings?.target ?? 'the input target'} must be one of the names behind "AS" in its FROM lines.`,
  ],
  [
    /failed to read dockerfile: open ([^:]+):/,
    ([, file], { settings }) =>
      `There is no Dockerfile "${file}" in the context. ${settings?.file ?? 'The input file'} names another.`,
  ],
  [
    /(?:pull access denied|failed to resolve source metadata) for ([^\s,]+?)[:,] (.*)/,
    ([, name, words], { story }) =>
      `The base image ${name}${story.place === undefined ? '' : ` of ${story.place.file}:${story.place.line}`} can not be had: ${words?.replace(/\.$/, '')}. Check its name, and that the builder may pull it.`,
  ],
];

/** The sentence for a build that did not end well. */
export function explainFailure(given: FailureFacts): BuildError {
  const { ended } = given;
  const place = placeOf(given);
  // BuildKit knows the Dockerfile without its folder.
  const named = given.story.place && { ...given.story.place, ...(place && { file: place.file }) };
  const story = { ...given.story, place: named };
  const facts = { ...given, story };
  if (ended.kind === 'killed') {
    const why = ended.signal === 'SIGKILL' ? ", mostly because the machine's memory ran out" : '';
    return new BuildError(
      `The build was killed by ${ended.signal ?? 'a signal'}${why}. Run it again, or on a larger runner.`,
    );
  }
  const push = failedPush(story);
  if (push !== undefined) return new BuildError(explainPush(push, facts));
  const error = story.error ?? story.tail.join('\n');
  const process = PROCESS.exec(error);
  if (process) return new BuildError(explainStep(process, facts), place);
  for (const [pattern, sentence] of ENDINGS) {
    const match = pattern.exec(error);
    if (match) return new BuildError(sentence(match, facts), place);
  }
  return new BuildError(
    `${facts.program ?? 'docker buildx build'} failed with exit code ${ended.exitCode}: ${error || 'it said nothing.'}`,
    place,
  );
}

/** For the annotation; undefined where the builder told none, or where it is no file of the workspace. */
function placeOf({ story, dockerfile }: FailureFacts): Place | undefined {
  if (story.place === undefined || dockerfile === undefined) return undefined;
  const { file, line, endLine } = story.place;
  return isNamed(dockerfile, file) ? { file: dockerfile, line, endLine } : undefined;
}

/** First of all, because the command in it may hold the words of any other ending. */
const PROCESS =
  /^(?:failed to build: )?(?:failed to solve: )?process "[\s\S]*" did not complete successfully: (?:exit code: (\d+)|([\s\S]*))/;

function explainStep([, code, other]: RegExpExecArray, { story, inputs }: FailureFacts): string {
  const instruction = clip(story.place?.text ?? story.failed?.name ?? 'a step');
  const at = atPlace(story);
  const output = story.failed?.output ?? [];
  // What the kernel says of a program of another platform, passed on by runc or the shell.
  if (output.some((line) => /exec format error/i.test(line))) {
    const which = inputs.platforms.length === 0 ? 'another platform' : inputs.platforms.join(', ');
    return `The build for ${which} failed${at}: this runner can not run programs of that platform. Add the step \`- uses: docker/setup-qemu-action@v3\` before this one, or build on a runner of that platform.`;
  }
  const end = code === undefined ? (other ?? 'failed').trim() : `ended with exit code ${code}`;
  const memory = code === '137' ? ' (137: it was killed, mostly because the memory ran out)' : '';
  const said =
    output.length === 0
      ? ' It wrote nothing.'
      : ` Its last lines:\n${output.map((line) => `  ${clip(line)}`).join('\n')}`;
  return `The build failed${at}: \`${instruction}\` ${end}${memory}.${said}`;
}

/** One line of a build can be a whole file; GitHub cuts an annotation at 4 KB. */
function clip(line: string): string {
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

function atPlace({ place }: BuildStory): string {
  return place === undefined ? '' : ` at ${place.file}:${place.line}`;
}
