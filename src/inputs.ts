import type { BuildInputs } from './build/inputs.ts';
import { readBuild } from './inputs/build.ts';
import { readImage, readTags } from './inputs/image.ts';
import { readLimits } from './inputs/limits.ts';
import { Reader } from './inputs/reader.ts';
import { readRegistry } from './inputs/registry.ts';
import type { ImageName } from './model/image.ts';
import type { Limits } from './model/limits.ts';
import { isLabel } from './model/names.ts';
import type { WorkloadRef } from './model/workload.ts';
import { parseWorkloads } from './plan/workloads.ts';

/** Every input, checked. Nothing below reads a raw one. */
export interface Inputs {
  readonly command: 'deploy' | 'build';
  readonly image: ImageName;
  /** The image's name had upper-case letters, which were lowered. */
  readonly imageLowered: boolean;
  /** Workloads whose namespace is still open take `namespace`, then the kubeconfig context's. */
  readonly workloads: readonly (Omit<WorkloadRef, 'namespace'> & {
    readonly namespace: string | undefined;
  })[];
  readonly namespace: string | undefined;
  /** undefined: deploy an image that exists. */
  readonly build: BuildInputs | undefined;
  readonly tags: readonly string[];
  /** Whether an image of the same content is taken over; `maxAge` in milliseconds. */
  readonly reuse: { readonly mode: 'auto' | 'never'; readonly maxAge: number };
  readonly registry: {
    readonly host: string | undefined;
    readonly username: string | undefined;
    readonly password: string | undefined;
    /** Amazon ECR's repository is made when it is missing. */
    readonly create: boolean;
    readonly resolve: boolean;
  };
  readonly cluster: {
    readonly kubeconfig: string | undefined;
    readonly context: string | undefined;
    readonly execAllow: readonly string[];
  };
  readonly limits: Limits;
  readonly logs: 'auto' | 'never';
  readonly rollback: 'auto' | 'never';
  /** Pods that keep a StatefulSet from its way back are evicted. */
  readonly evictStuck: boolean;
  readonly onCancel: 'rollback' | 'leave';
  /** Milliseconds to wait for another run's lock; 0: not at all. */
  readonly lockTimeout: number;
  readonly allowOlder: boolean;
  readonly githubToken: string | undefined;
  readonly summary: boolean;
}

/**
 * Reads all inputs and reports every mistake at once.
 *
 * @param raw the inputs as given, by name in lower case; an absent one and an empty one are the same
 * @throws UserError with a sentence for each mistake
 */
export function readInputs(raw: Readonly<Record<string, string>>): Inputs {
  const reader = new Reader(raw);
  const command = reader.choice('command', ['deploy', 'build'], 'deploy');
  const build = reader.boolean('build', true);
  const image = readImage(reader, command === 'build' || build);
  if (command === 'build' && !build) {
    reader.mistake('build: `command: build` with `build: false` would do nothing. Remove one of them.');
  }
  const workloads = readWorkloads(reader, command);
  const namespace = reader.text('namespace');
  if (namespace !== undefined && !isLabel(namespace)) {
    reader.mistake(
      `namespace: ${JSON.stringify(namespace)} can not be the name of a namespace (RFC 1123: lower-case letters, digits and hyphens, at most 63).`,
    );
  }
  const inputs = {
    command,
    workloads,
    namespace,
    build: build ? readBuild(reader) : undefined,
    tags: readTags(reader, image.image),
    reuse: {
      mode: reader.choice('reuse', ['auto', 'never'], 'auto'),
      maxAge: reader.duration('max-age', 7 * 24 * 3_600_000, '7d'),
    },
    registry: {
      host: readRegistry(reader),
      username: reader.text('username'),
      password: reader.text('password'),
      create: reader.boolean('create-repository', false),
      resolve: reader.boolean('resolve', true),
    },
    cluster: {
      kubeconfig: reader.text('kubeconfig'),
      context: reader.text('kube-context'),
      execAllow: reader.list('kubeconfig-exec-allow'),
    },
    limits: readLimits(reader),
    logs: reader.choice('logs', ['auto', 'never'], 'auto'),
    rollback: readRollback(reader),
    evictStuck: reader.boolean('evict-stuck', false),
    onCancel: reader.choice('on-cancel', ['rollback', 'leave'], 'rollback'),
    lockTimeout: reader.duration('lock-timeout', 600_000, '10m'),
    allowOlder: reader.boolean('allow-older', false),
    githubToken: reader.text('github-token'),
    summary: reader.boolean('summary', true),
  };
  const { username, password, host = image.image.registry } = inputs.registry;
  if (password !== undefined && username === undefined && host !== 'ghcr.io') {
    reader.mistake(
      `username: \`password\` is given without a \`username\`, and ${host || 'the registry'} wants one. Only on ghcr.io the actor is taken.`,
    );
  }
  if (username !== undefined && password === undefined) {
    reader.mistake(
      'password: `username` is given without a `password`. A secret that does not exist reads as empty: check its name.',
    );
  }
  reader.finish();
  // finish() has thrown when the image could not be read.
  return { ...inputs, image: image.image, imageLowered: image.lowered };
}

function readWorkloads(reader: Reader, command: Inputs['command']): Inputs['workloads'] {
  const parsed = parseWorkloads(reader.text('workloads') ?? '');
  for (const each of parsed) if ('mistake' in each) reader.mistake(each.mistake);
  if (parsed.length === 0 && command === 'deploy') {
    reader.mistake(
      'workloads: it is missing. Name what to deploy to, for example deployment/web; or set `command: build` to stop after the push.',
    );
  }
  return parsed.flatMap((each) => ('ref' in each ? [each.ref] : []));
}

function readRollback(reader: Reader): Inputs['rollback'] {
  const value = reader.text('rollback')?.toLowerCase();
  if (value === 'true') return 'auto';
  if (value === 'false') return 'never';
  return reader.choice('rollback', ['auto', 'never'], 'auto');
}
