import type { ImageName } from '../model/image.ts';

/**
 * The build group's inputs, named and meant as in docker/build-push-action (in camel case); lists are split
 * already, values are as the user wrote them. An empty string or list is "not given".
 */
export interface BuildInputs {
  readonly context: string;
  readonly file: string;
  readonly target: string;
  readonly platforms: readonly string[];
  readonly buildArgs: readonly string[];
  readonly buildContexts: readonly string[];
  /** `id=value`; the value may have several lines. */
  readonly secrets: readonly string[];
  /** `id=path`. */
  readonly secretFiles: readonly string[];
  /** `id=VARIABLE`. */
  readonly secretEnvs: readonly string[];
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly noCache: boolean;
  readonly pull: boolean;
  /** Empty: none is made. */
  readonly provenance: string;
  /** Empty: none is made. */
  readonly sbom: string;
  readonly builder: string;
  readonly network: string;
  readonly ssh: readonly string[];
  readonly addHosts: readonly string[];
  readonly shmSize: string;
  readonly ulimit: readonly string[];
}

/** What is built when it is a bake file that says it. */
export interface BakeInputs {
  /** Paths in the workspace; none: those that bake looks for by itself. */
  readonly files: readonly string[];
  /** Targets and groups; none: bake's own default. */
  readonly targets: readonly string[];
  /** Repositories by target; that of `undefined` is the only target's. None need be named. */
  readonly images: ReadonlyMap<string | undefined, ImageName>;
}

/** No input of the build group given. */
export const NO_BUILD_INPUTS: BuildInputs = {
  context: '.',
  file: '',
  target: '',
  platforms: [],
  buildArgs: [],
  buildContexts: [],
  secrets: [],
  secretFiles: [],
  secretEnvs: [],
  labels: [],
  annotations: [],
  cacheFrom: [],
  cacheTo: [],
  noCache: false,
  pull: false,
  provenance: '',
  sbom: '',
  builder: '',
  network: '',
  ssh: [],
  addHosts: [],
  shmSize: '',
  ulimit: [],
};
