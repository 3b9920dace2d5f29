import type { Environment } from '../../process/environment.ts';
import type { BuildInputs } from '../inputs.ts';
import { namedVariables } from '../secrets.ts';
import { Doubt } from './doubt.ts';

/** Build-args with the values that docker would give them: those without one come from the environment. */
export function buildArgsOf(inputs: BuildInputs, environment: Environment): ReadonlyMap<string, string> {
  const named = namedVariables(inputs, [], environment);
  return new Map(
    inputs.buildArgs.flatMap((entry): [string, string][] => {
      const equals = entry.indexOf('=');
      if (equals >= 0) return [[entry.slice(0, equals), entry.slice(equals + 1)]];
      const value = named[entry];
      return value === undefined ? [] : [[entry, value]];
    }),
  );
}

/**
 * All inputs that decide what the image becomes. Not among them: caches, `pull` (the key has the bases' digests
 * as they are now), tags, the builder, and the values of secrets, which nothing that others can read may depend
 * on.
 */
export function settingsOf(inputs: BuildInputs, environment: Environment): unknown {
  return {
    machine: [process.platform, process.arch, environment['DOCKER_DEFAULT_PLATFORM'] ?? ''],
    target: inputs.target,
    platforms: inputs.platforms,
    buildArgs: [...buildArgsOf(inputs, environment)].sort(),
    secrets: [...inputs.secrets, ...inputs.secretFiles, ...inputs.secretEnvs].flatMap(secretId).sort(),
    labels: inputs.labels,
    annotations: inputs.annotations,
    provenance: inputs.provenance,
    sbom: inputs.sbom,
    network: inputs.network,
    addHosts: inputs.addHosts,
    shmSize: inputs.shmSize,
    ulimit: inputs.ulimit,
  };
}

/** An empty secret is not given to the build, so a build with it is another one. */
function secretId(entry: string): readonly string[] {
  const [, id, value] = /^([^=]*)=([\s\S]*)$/.exec(entry) ?? [];
  return id === undefined || value === '' ? [] : [id.trim()];
}

/** @throws Doubt for inputs with which the result can not be told from what is here */
export function refuseOpenInputs(inputs: BuildInputs, environment: Environment): void {
  if (inputs.ssh.length > 0) throw new Doubt('the input `ssh` lets the build fetch from elsewhere');
  const args = buildArgsOf(inputs, environment);
  if (args.has('BUILDKIT_SYNTAX')) throw new Doubt('the build-arg BUILDKIT_SYNTAX names another frontend');
  if (args.has('SOURCE_DATE_EPOCH') || (environment['SOURCE_DATE_EPOCH'] ?? '') !== '') {
    throw new Doubt(
      'SOURCE_DATE_EPOCH asks for an image that bears no trace of its build, and so not of its age',
    );
  }
  if (process.platform === 'win32') throw new Doubt('on Windows, files have no modes to recognise them by');
}
