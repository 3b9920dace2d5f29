/** A real build of a small context, as a run of the action does it. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openDockerConfig } from '../../src/build/docker-config.ts';
import { buildAndPush } from '../../src/build/image.ts';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../src/build/inputs.ts';
import type { BuildArguments } from '../../src/build/request.ts';
import { packages } from '../cluster/packages.ts';
import { realClock, recordingLog } from '../process/fakes.ts';

/** The network "none" is all that a builder without a bridge has. */
export const SHELL = 'FROM scratch\nCOPY busybox /bin/busybox\nSHELL ["/bin/busybox", "sh", "-c"]\n';

export interface RealCase {
  readonly folder: string;
  /** Over the process's own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly tag: string;
  readonly dockerfile?: string;
  readonly inputs?: Partial<BuildInputs>;
  readonly files?: Readonly<Record<string, string>>;
  readonly rest?: Partial<BuildArguments>;
  /** Called with the workspace before the build. */
  readonly prepare?: (workspace: string) => void;
}

let count = 0;

export async function realBuild(one: RealCase) {
  const workspace = join(one.folder, `workspace-${count++}`);
  const temp = `${workspace}-temp`;
  for (const path of [workspace, temp]) mkdirSync(path);
  copyFileSync((await packages(() => undefined)).busybox, join(workspace, 'busybox'));
  for (const [name, text] of Object.entries({ Dockerfile: one.dockerfile ?? SHELL, ...one.files })) {
    mkdirSync(dirname(join(workspace, name)), { recursive: true });
    writeFileSync(join(workspace, name), text);
  }
  one.prepare?.(workspace);
  const environment = {
    ...process.env,
    HOME: temp,
    RUNNER_TEMP: temp,
    DOCKER_CONFIG: undefined,
    ...one.environment,
  };
  const log = recordingLog();
  const config = await openDockerConfig({ logins: [], environment, log });
  const result = buildAndPush({
    inputs: { ...NO_BUILD_INPUTS, network: 'none', ...one.inputs },
    tags: [one.tag],
    labels: { 'org.opencontainers.image.revision': 'abc' },
    directory: workspace,
    log,
    clock: realClock,
    environment,
    config,
    signal: new AbortController().signal,
    ...one.rest,
  }).finally(() => config.close());
  await result.catch(() => {});
  const left = readdirSync(temp).filter((name) => name.startsWith('steadyship-'));
  return { result, log, left, workspace, text: log.lines.join('\n') };
}

type Json = Readonly<Record<string, unknown>>;

/** A manifest or blob of a registry on this machine. */
export async function fetchJson(host: string, path: string): Promise<Json> {
  const accept = ['index.v1', 'manifest.v1'].map((kind) => `application/vnd.oci.image.${kind}+json`);
  const docker = ['list.v2', 'v2'].map((kind) => `application/vnd.docker.distribution.manifest.${kind}+json`);
  const response = await fetch(`http://${host}/v2/${path}`, {
    headers: { accept: [...accept, ...docker].join(',') },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as Json;
}

/** The config of a one-platform image: labels and the like. */
export async function configOf(host: string, repository: string, tag: string): Promise<Json> {
  const manifest = await fetchJson(host, `${repository}/manifests/${tag}`);
  return fetchJson(host, `${repository}/blobs/${(manifest['config'] as { digest: string }).digest}`);
}
