import type { Clock } from '../../model/clock.ts';
import { UserError } from '../../model/error.ts';
import { childEnvironment, type Environment } from '../../process/environment.ts';
import { run } from '../../process/run.ts';
import { explainFailure } from '../failure.ts';
import { type BakeInputs, NO_BUILD_INPUTS } from '../inputs.ts';
import { findProgram, type Program } from '../program.ts';
import { ProgressReader } from '../progress.ts';
import { type Definition, parseDefinition } from './definition.ts';
import { readBakeFiles, variablesIn } from './variables.ts';

/** A bake file as bake reads it, and what is needed to bake it. */
export interface Bake extends Definition {
  readonly program: Extract<Program, { kind: 'buildx' }>;
  /** As the input has them. */
  readonly files: readonly string[];
  /** The job's variables that the file names. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface BakeArguments {
  readonly inputs: BakeInputs;
  readonly directory: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A definition is JSON of a few lines a target. */
const KEEP = 16 * 1024 * 1024;

/**
 * Asks bake what it would build.
 *
 * @throws UserError when there is no bake file, no such target, or nothing that bakes
 */
export async function readBake(args: BakeArguments): Promise<Bake> {
  const { inputs, directory, environment, clock, signal } = args;
  const { files, targets } = inputs;
  const variables = variablesIn(readBakeFiles(files, directory), environment);
  const program = findProgram(environment);
  if (program.kind === 'buildah') {
    throw new UserError(
      'A bake file is built by docker buildx, and this runner has only buildah. Use a runner that has Docker or buildx, for example ubuntu-latest; or build each image in a step of its own, without bake-file.',
    );
  }
  const reader = new ProgressReader();
  const ended = await run(
    {
      file: program.file,
      args: [
        ...program.before,
        'bake',
        '--print',
        ...files.map((file) => `--file=${file}`),
        '--',
        ...targets,
      ],
      environment: childEnvironment(environment, ['docker'], variables),
      directory,
      signal,
      keep: KEEP,
      onLine: (line, stream) => {
        if (stream === 'stderr') reader.push(line);
      },
    },
    clock,
  );
  if (ended.exitCode === 0) return { ...parseDefinition(ended.stdout), program, files, variables };
  const story = reader.story();
  const error = story.error ?? '';
  const unknown = /failed to find target (.+)/.exec(error)?.[1];
  if (unknown !== undefined) {
    throw new UserError(
      targets.length === 0
        ? `The bake file names ${unknown}, and has no such target or group.`
        : `The bake file has no target or group ${unknown}, which the input bake-target names.`,
    );
  }
  if (ended.kind === 'exited' && story.place !== undefined) {
    const { file, line, text } = story.place;
    throw new UserError(
      `The bake file ${file} is wrong at line ${line} (\`${text}\`): ${error.replace(/^\S+:\d+,\d+-(?:\d+,)?\d+: /, '')}`,
    );
  }
  throw explainFailure({
    story,
    ended,
    inputs: NO_BUILD_INPUTS,
    image: { registry: '', repository: '' },
    loginOf: () => undefined,
    program: 'docker buildx bake --print',
  });
}
