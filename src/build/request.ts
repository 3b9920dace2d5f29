import type { Clock } from '../model/clock.ts';
import { type ImageName, parseImage } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import type { BuildReport } from '../model/report.ts';
import type { Environment } from '../process/environment.ts';
import type { CacheFacts } from './cache.ts';
import type { DockerConfig } from './docker-config.ts';
import type { BuildInputs } from './inputs.ts';
import type { SecretSource } from './secrets.ts';

/** What was built and pushed. */
export interface BuiltImage {
  /** Of the index or manifest that was pushed. */
  readonly digest: string;
  /** Full references that bear it: others than asked for when a registry refused to move one. */
  readonly tags: readonly string[];
  /** The names of the build's steps, which say what it fetched; undefined: the builder tells none. */
  readonly steps: readonly string[] | undefined;
  /** What a person wants to know of it. */
  readonly told: BuildReport;
}

/** What a build needs of the world. */
export interface Surroundings {
  /** The workspace: what relative paths start from. */
  readonly directory: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly environment: Environment;
  readonly config: DockerConfig;
  readonly signal: AbortSignal;
  /** Asked before a push is begun again: resolves when the registry takes pushes to this repository. */
  readonly ready?: (image: ImageName) => Promise<void>;
  /** Between 0 and 1, for the jitter of retries. */
  readonly random?: () => number;
  /** Everybody may read the repository, so a provenance may tell all of the build. Not known is no. */
  readonly isPublic?: boolean;
  /** `builder-id` of a provenance that is asked for: the run's address. */
  readonly runUrl?: string;
}

export interface BuildArguments extends Surroundings {
  readonly inputs: BuildInputs;
  /** Full references, ours first. */
  readonly tags: readonly string[];
  /** Ours; the user's labels win. */
  readonly labels: Readonly<Record<string, string>>;
  /** The cache where the inputs name none; undefined: none. */
  readonly cache?: NonNullable<CacheFacts['plan']>;
}

/** What a call of a builder needs. */
export interface CallArguments extends Surroundings {
  readonly secrets: readonly SecretSource[];
  /** Private, and gone after the build. */
  readonly folder: string;
}

/** The same with the secrets laid out. */
export type PreparedBuild = BuildArguments & CallArguments;

/** The name that the build is told by. */
export function firstImage(tags: readonly string[]): ImageName {
  const [first] = tags;
  if (first === undefined) throw new Error('A build needs at least one tag to push.');
  return parseImage(first).image;
}
