import { UserError } from '../model/error.ts';
import { isOff, renderSecret } from './args.ts';
import type { BuildInputs } from './inputs.ts';
import type { SecretSource } from './secrets.ts';

export interface BuildahCommand {
  readonly inputs: BuildInputs;
  readonly labels: Readonly<Record<string, string>>;
  readonly secrets: readonly SecretSource[];
  readonly authFile: string;
  /** Where the image's id is written; for several platforms a list is made instead. */
  readonly idFile?: string;
  readonly manifest?: string;
}

/**
 * What buildah can not do as BuildKit does it.
 *
 * @returns sentences for what is left out without harm
 * @throws UserError for what somebody relies on
 */
export function refuseUnsupported(inputs: BuildInputs): readonly string[] {
  const lacking = [
    ...(inputs.builder === '' ? [] : ['`builder`']),
    ...(isOff(inputs.provenance) ? [] : ['`provenance`']),
    ...(isOff(inputs.sbom) ? [] : ['`sbom`']),
    ...(inputs.buildContexts.some((context) => context.includes('=oci-layout://'))
      ? ['an oci-layout:// in `build-contexts`']
      : []),
    ...(inputs.annotations.some((annotation) => /^[a-z-]+(?:\[[^\]]*\])?(?:,[a-z-]+)*:/.test(annotation))
      ? ['a level ("index:", "manifest:") in `annotations`']
      : []),
  ];
  if (lacking.length > 0) {
    throw new UserError(
      `There is no Docker on this runner, so buildah builds the image, and it can not do ${lacking.join(', ')}. Remove ${lacking.length === 1 ? 'it' : 'them'}, or use a runner that has Docker.`,
    );
  }
  const caches = [
    ...(inputs.cacheFrom.length > 0 ? ['`cache-from`'] : []),
    ...(inputs.cacheTo.length > 0 ? ['`cache-to`'] : []),
  ];
  return caches.length === 0
    ? []
    : [
        `buildah builds the image, and its caches are not BuildKit's: ${caches.join(' and ')} ${caches.length === 1 ? 'is' : 'are'} not used.`,
      ];
}

/**
 * The arguments of `buildah` for a build; buildah has most of docker's options under the same names.
 *
 * The format is Docker's, as OCI's knows neither SHELL nor HEALTHCHECK and buildah then leaves them out; only
 * annotations need OCI's. Layers are not kept: buildah takes a kept one whatever platform it was made for (seen
 * with 1.28: an arm64 image under amd64).
 */
export function buildahArguments(command: BuildahCommand): string[] {
  const { inputs, labels, secrets } = command;
  const each = (option: string, values: readonly string[]): string[] =>
    values.map((value) => `${option}=${value}`);
  const one = (option: string, value = ''): string[] => (value === '' ? [] : [`${option}=${value}`]);
  return [
    'build',
    `--format=${inputs.annotations.length > 0 ? 'oci' : 'docker'}`,
    '--layers=false',
    `--authfile=${command.authFile}`,
    ...one('--iidfile', command.idFile),
    ...one('--manifest', command.manifest),
    ...one('--file', inputs.file),
    ...one('--target', inputs.target),
    ...one('--platform', inputs.platforms.join(',')),
    ...each('--build-arg', inputs.buildArgs),
    ...each('--build-context', inputs.buildContexts),
    ...each('--secret', secrets.map(renderSecret)),
    ...each('--ssh', inputs.ssh),
    ...each('--label', [
      ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
      ...inputs.labels,
    ]),
    ...each('--annotation', inputs.annotations),
    ...(inputs.noCache ? ['--no-cache'] : []),
    ...(inputs.pull ? ['--pull=always'] : []),
    ...one('--network', inputs.network),
    ...each('--add-host', inputs.addHosts),
    ...one('--shm-size', inputs.shmSize),
    ...each('--ulimit', inputs.ulimit),
    '--',
    inputs.context,
  ];
}
