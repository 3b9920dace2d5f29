import type { BakeInputs, BuildInputs } from './build/inputs.ts';
import { readBake, wantsBake } from './inputs/bake.ts';
import { readBuild } from './inputs/build.ts';
import { readImage, readTags } from './inputs/image.ts';
import { readLimits } from './inputs/limits.ts';
import { Reader } from './inputs/reader.ts';
import { readRegistry } from './inputs/registry.ts';
import type { ImageName } from './model/image.ts';
import type { Limits } from './model/limits.ts';
import { isLabel } from './model/names.ts';
import type { WorkloadRef } from './model/workload.ts';
import { duplicateWorkloads, parseWorkloads } from './plan/workloads.ts';

/** Every input, checked. Nothing below reads a raw one. */
export interface Inputs {
  readonly command: 'deploy' | 'build';
  /** undefined: the targets of the bake file have theirs. */
  readonly image: ImageName | undefined;
  /** The image's name had upper-case letters, which were lowered. */
  readonly imageLowered: boolean;
  /** Workloads whose namespace is still open take `namespace`, then the kubeconfig context's. */
  readonly workloads: readonly (Omit<WorkloadRef, 'namespace'> & {
    readonly namespace: string | undefined;
  })[];
  readonly namespace: string | undefined;
  /** undefined: deploy an image that exists. */
  readonly build: BuildInputs | undefined;
  /** undefined: one image is built, or none. */
  readonly bake: BakeInputs | undefined;
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

/** The inputs of a run that has one image. */
export type OneImage = Inputs & { readonly image: ImageName };

/**
 * Reads all inputs and reports every mistake at once.
 *
 * @param raw the inputs as given, by name in lower case; an absent one and an empty one are the same
 * @throws UserError with a sentence for each mistake
 */
export async function readInputs(raw: Readonly<Record<string, string>>): Promise<Inputs> {
  const reader = await Reader.open(raw);
  const command = reader.choice('command', ['deploy', 'build'], 'deploy');
  const build = reader.boolean('build', true);
  const baking = wantsBake(reader);
  const image = baking ? undefined : readImage(reader, command === 'build' || build);
  const bake = baking ? readBake(reader) : undefined;
  if (command === 'build' && !build) {
    reader.mistake('build: `command: build` with `build: false` would do nothing. Remove one of them.');
  }
  if (baking && command !== 'build' && !build) {
    reader.mistake(
      'build: with `build: false` nothing is baked. Remove it, or remove `bake-file` and `bake-target` and name the image that exists in `image`.',
    );
  }
  const workloads = readWorkloads(reader, command, baking);
  const namespace = reader.text('namespace');
  if (namespace !== undefined && !isLabel(namespace)) {
    reader.mistake(
      `namespace: ${JSON.stringify(namespace)} can not be the name of a namespace (RFC 1123: lower-case letters, digits and hyphens, at most 63).`,
    );
  }
  // Of the others, the kubeconfig's context decides.
  const placed = workloads.map((each) => ({ ...each, namespace: each.namespace ?? namespace }));
  for (const sentence of duplicateWorkloads(placed)) reader.mistake(sentence);
  const inputs = {
    command,
    workloads,
    namespace,
    build: build ? readBuild(reader) : undefined,
    bake,
    tags: readTags(reader, image?.image),
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
  const { username, password, host } = inputs.registry;
  const images = image === undefined ? [...(bake?.images.values() ?? [])] : [image.image];
  // Of a bake file that names its images itself, the registry is not known yet.
  const strange = (host === undefined ? images.map(({ registry }) => registry) : [host]).find(
    (each) => each !== 'ghcr.io',
  );
  if (password !== undefined && username === undefined && strange !== undefined) {
    reader.mistake(
      `username: \`password\` is given without a \`username\`, and ${strange || 'the registry'} wants one. Only on ghcr.io the actor is taken.`,
    );
  }
  if (username !== undefined && password === undefined) {
    reader.mistake(
      'password: `username` is given without a `password`. A secret that does not exist reads as empty: check its name.',
    );
  }
  reader.finish();
  // finish() has thrown when the image could not be read.
  return { ...inputs, image: image?.image, imageLowered: image?.lowered === true };
}

function readWorkloads(reader: Reader, command: Inputs['command'], baking: boolean): Inputs['workloads'] {
  const parsed = parseWorkloads(reader.text('workloads') ?? '');
  if (!baking) {
    for (const each of parsed) {
      const target = 'ref' in each ? each.ref.target : undefined;
      if (target === undefined) continue;
      reader.mistake(
        `workloads: "=${target}" names a target of a bake file, and none is given. Set \`bake-file\`, or remove it.`,
      );
    }
  }
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
