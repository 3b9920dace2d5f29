import { attestationFields, renderSecret } from '../args.ts';
import type { Wish } from '../attempts.ts';
import type { BuildInputs } from '../inputs.ts';
import type { SecretSource } from '../secrets.ts';
import type { BakeTarget, Definition } from './definition.ts';
import { outputOf, secretsOf } from './wish.ts';

/** All that decides the command line of a bake. */
export interface BakeCommand {
  readonly definition: Definition;
  readonly files: readonly string[];
  /** The step's own. */
  readonly inputs: BuildInputs;
  /** One for each target that was asked for. */
  readonly wishes: readonly Wish[];
  /** Ours, by target: a label of the same name in the bake file or among the inputs wins. */
  readonly labels: (target: string) => Readonly<Record<string, string>>;
  readonly secrets: readonly SecretSource[];
  readonly metadataFile: string;
  readonly builder?: string;
  readonly runUrl?: string;
  readonly isPublic: boolean;
  /** Only the push is still to be done. */
  readonly again: boolean;
}

/**
 * The arguments of `buildx bake`. What differs from the file goes through `--set`, target by target: a pattern would
 * reach targets that nobody asked for. bake reads each value as it is, and no shell ever sees it.
 */
export function bakeArguments(command: BakeCommand): string[] {
  const { definition, files, inputs, wishes, metadataFile } = command;
  const builder = command.builder ?? inputs.builder;
  const { targets, linked } = definition;
  const set = (target: string, key: string, value: string): string => `--set=${target}.${key}=${value}`;
  return [
    'bake',
    // The runner has no terminal; said outright, because buildx asks the environment too.
    '--progress=plain',
    `--metadata-file=${metadataFile}`,
    ...(builder === '' ? [] : [`--builder=${builder}`]),
    ...files.map((file) => `--file=${file}`),
    ...[...targets, ...linked].flatMap((target) =>
      shared(target, command).map(([key, value]) =>
        value === undefined ? `--set=${target.name}.${key}` : set(target.name, key, value),
      ),
    ),
    ...targets.flatMap((target) => {
      const wish = wishes.find((each) => each.target === target.name);
      return wish === undefined
        ? []
        : own(target, wish, command).map(([key, value]) => set(target.name, key, value));
    }),
    '--',
    ...targets.map(({ name }) => name),
  ];
}

type Setting = readonly [key: string, value: string];

/** What counts for every target, also for one that others only take from. */
function shared(
  target: BakeTarget,
  { inputs, secrets, again }: BakeCommand,
): readonly (readonly [key: string, value: string | undefined])[] {
  const each = (key: string, values: readonly string[]): Setting[] => values.map((value) => [key, value]);
  const one = (key: string, value: string): Setting[] => (value === '' ? [] : [[key, value]]);
  // What was built a moment ago lies in the cache. To pass it by would make another image, and send its layers too.
  const flag = (key: string, ours: boolean, theirs: boolean): Setting[] =>
    again && (ours || theirs) ? [[key, 'false']] : ours ? [[key, 'true']] : [];
  return [
    ...each('platform', inputs.platforms),
    ...inputs.buildArgs.map((entry) => [`args.${nameIn(entry)}`, valueIn(entry)] as const),
    ...inputs.buildContexts.map((entry): Setting => [`contexts.${nameIn(entry)}`, valueIn(entry) ?? '']),
    ...(secrets.length === 0 ? [] : each('secrets', secretsOf(target, secrets.map(renderSecret)))),
    ...each('ssh', inputs.ssh),
    ...flag('no-cache', inputs.noCache, target.noCache),
    ...flag('pull', inputs.pull, target.pull),
    ...one('network', inputs.network),
    ...one('shm-size', inputs.shmSize),
  ];
}

/** What makes an image of a target: its names, labels, caches, attestations, and that it is pushed. */
function own(target: BakeTarget, wish: Wish, command: BakeCommand): readonly Setting[] {
  const { from, to } = wish.caches;
  const each = (key: string, values: readonly string[]): Setting[] => values.map((value) => [key, value]);
  const given = new Set([...target.labels, ...command.inputs.labels.map(nameIn)]);
  // An empty value takes away what the file has.
  const replace = (key: string, values: readonly string[], theirs: readonly string[]): Setting[] =>
    values.length === 0 && theirs.length > 0 ? [[key, '']] : each(key, values);
  return [
    ...each('tags', wish.tags),
    ...Object.entries(command.labels(target.name))
      .filter(([name]) => !given.has(name))
      .map(([name, value]): Setting => [`labels.${name}`, value]),
    ...command.inputs.labels.map((entry): Setting => [`labels.${nameIn(entry)}`, valueIn(entry) ?? '']),
    ...replace('cache-from', from, target.cacheFrom),
    ...replace('cache-to', to, target.cacheTo),
    ...each('attest', attestationFields(wish.inputs, command)),
    ['output', outputOf(target).push],
  ];
}

function nameIn(entry: string): string {
  const equals = entry.indexOf('=');
  return equals === -1 ? entry : entry.slice(0, equals);
}

function valueIn(entry: string): string | undefined {
  const equals = entry.indexOf('=');
  return equals === -1 ? undefined : entry.slice(equals + 1);
}
