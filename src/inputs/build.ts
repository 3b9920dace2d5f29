import type { BuildInputs } from '../build/inputs.ts';
import type { Reader } from './reader.ts';

/** Reads the inputs of the group "Image build", in the forms that docker/build-push-action takes. */
export function readBuild(reader: Reader): BuildInputs {
  const lines = { whole: true };
  return {
    context: reader.text('context') ?? '.',
    file: reader.text('file') ?? '',
    target: reader.text('target') ?? '',
    platforms: reader.list('platforms'),
    buildArgs: reader.list('build-args', lines),
    buildContexts: reader.list('build-contexts', lines),
    secrets: reader.list('secrets', lines),
    secretFiles: reader.list('secret-files', lines),
    secretEnvs: reader.list('secret-envs'),
    labels: reader.list('labels', lines),
    annotations: reader.list('annotations', lines),
    cacheFrom: reader.list('cache-from', lines),
    cacheTo: reader.list('cache-to', lines),
    noCache: reader.boolean('no-cache', false),
    pull: reader.boolean('pull', false),
    provenance: reader.text('provenance') ?? '',
    sbom: reader.text('sbom') ?? '',
    builder: reader.text('builder') ?? '',
    network: reader.text('network') ?? '',
    ssh: reader.list('ssh'),
    addHosts: reader.list('add-hosts'),
    shmSize: reader.text('shm-size') ?? '',
    ulimit: reader.list('ulimit', lines),
  };
}
