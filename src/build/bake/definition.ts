import { UserError } from '../../model/error.ts';
import { csvField } from '../args.ts';

/** A target as bake resolved it; lists are in the forms that the options of `buildx build` take. */
export interface BakeTarget {
  readonly name: string;
  readonly context: string;
  /** From the context on. */
  readonly dockerfile: string;
  /** The Dockerfile stands in the bake file. */
  readonly inline: boolean;
  /** The stage. */
  readonly stage: string;
  readonly platforms: readonly string[];
  readonly tags: readonly string[];
  /** Names alone. */
  readonly labels: readonly string[];
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly secrets: readonly string[];
  readonly ssh: readonly string[];
  readonly attest: readonly string[];
  readonly outputs: readonly string[];
  readonly noCache: boolean;
  readonly pull: boolean;
}

/** What `bake --print` tells. */
export interface Definition {
  /** Those that were asked for, an image each, in the order in which bake names them. */
  readonly targets: readonly BakeTarget[];
  /** Those that are built only because others take from them (`contexts = { base = "target:base" }`). */
  readonly linked: readonly BakeTarget[];
}

/** bake lets no other name through; what is none would be taken for a pattern or an option by what follows. */
const NAME = /^[\w-]+$/;

/**
 * Reads the JSON of `docker buildx bake --print`: groups are resolved, matrices are targets, and what the file left
 * out is filled in. The values are whatever somebody wrote into a bake file.
 *
 * @throws UserError when it is not of bake's form, or nothing is to be built
 */
export function parseDefinition(json: string): Definition {
  const root = fieldsOf(parse(json), 'the whole');
  const groups = mapOf(root['group'], 'group');
  const targets = mapOf(root['target'], 'target');
  const asked = resolve('default', groups, targets);
  const read = (name: string): BakeTarget => readTarget(name, targets.get(name));
  if (asked.length === 0) {
    throw new UserError(
      'The bake file has nothing to build by default. Name targets in the input bake-target, or give the file a group "default".',
    );
  }
  return {
    targets: asked.map(read),
    linked: [...targets.keys()].filter((name) => !asked.includes(name)).map(read),
  };
}

/** The targets of a group, each once. bake itself writes groups that hold each other when one of them is asked for. */
function resolve(
  name: string,
  groups: ReadonlyMap<string, unknown>,
  targets: ReadonlyMap<string, unknown>,
  seen: Set<string> = new Set(),
): readonly string[] {
  const group = groups.get(name);
  if (group === undefined || seen.has(name)) return targets.has(name) ? [name] : [];
  seen.add(name);
  const members = listOf(fieldsOf(group, `group ${name}`)['targets'], `group ${name}`);
  return [...new Set(members.flatMap((member) => resolve(member, groups, targets, seen)))];
}

function readTarget(name: string, value: unknown): BakeTarget {
  if (!NAME.test(name)) throw foreign(`a target is called ${JSON.stringify(name)}`);
  const fields = fieldsOf(value, `target ${name}`);
  const text = (key: string, fallback = ''): string => {
    const found = fields[key] ?? fallback;
    if (typeof found !== 'string') throw foreign(`"${key}" of target ${name} is no text`);
    return found;
  };
  const list = (key: string): readonly string[] => listOf(fields[key], `"${key}" of target ${name}`);
  return {
    name,
    context: text('context', '.'),
    dockerfile: text('dockerfile', 'Dockerfile'),
    inline: fields['dockerfile-inline'] !== undefined,
    stage: text('target'),
    platforms: list('platforms'),
    tags: list('tags'),
    labels: Object.keys(fieldsOf(fields['labels'] ?? {}, `"labels" of target ${name}`)),
    cacheFrom: list('cache-from'),
    cacheTo: list('cache-to'),
    secrets: list('secret'),
    ssh: list('ssh'),
    attest: list('attest'),
    outputs: list('output'),
    noCache: fields['no-cache'] === true,
    pull: fields['pull'] === true,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw foreign('it is no JSON', error);
  }
}

/** A map, so that a target called "constructor" is what the file says and nothing else. */
function mapOf(value: unknown, what: string): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(fieldsOf(value ?? {}, what)));
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw foreign(`${what} is no object`);
}

/** buildx up to 0.18 writes options as they were given, newer ones write objects. */
function listOf(value: unknown, what: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw foreign(`${what} is no list`);
  return value.map((item: unknown) => {
    if (typeof item === 'string') return item;
    const fields = fieldsOf(item, `an item of ${what}`);
    const { id, paths } = fields;
    // An agent's socket or keys: its option has a form of its own.
    if (typeof id === 'string' && Array.isArray(paths)) return `${id}=${paths.join(',')}`;
    const keys = Object.keys(fields);
    // An option begins with what it is.
    const sorted = [...keys.filter((key) => key === 'type'), ...keys.filter((key) => key !== 'type')];
    return sorted.map((key) => csvField(`${key}=${String(fields[key])}`)).join(',');
  });
}

function foreign(why: string, cause?: unknown): UserError {
  return new UserError(
    `buildx printed a bake definition that SteadyShip can not read: ${why}. Add the step \`- uses: docker/setup-buildx-action@v3\` before this one, which brings a current buildx, and report it if that does not help.`,
    { cause },
  );
}
