import { Doubt } from './doubt.ts';
import { expand } from './expand.ts';
import { type Instruction, parseInstructions, split } from './instructions.ts';

/** What of a Dockerfile's world outside of the context is known. */
export interface DockerfileWorld {
  /** The build-args with their values. */
  readonly buildArgs: ReadonlyMap<string, string>;
  /** Names of further contexts, which stand in for images and stages of that name. */
  readonly contexts: ReadonlySet<string>;
}

const FRONTEND = /^(?:docker\.io\/)?docker\/dockerfile:1(?:\.\d+){0,2}(?:@sha256:[0-9a-f]{64})?$/;
/** The flags by which nothing comes from outside, apart from those that are looked at. */
const FLAGS: Readonly<Record<string, RegExp>> = {
  FROM: /^--platform=/,
  COPY: /^--(?:from|chown|chmod|link|parents|exclude)(?:=|$)/,
  ADD: /^--(?:chown|chmod|link|exclude|checksum|keep-git-dir|unpack)(?:=|$)/,
  RUN: /^--(?:mount|network|security)(?:=|$)/,
};
const MOUNTS = new Set(['bind', 'cache', 'tmpfs', 'secret', 'ssh']);

/**
 * The images that a Dockerfile fetches, each once and as it names them: bases, what it copies from, its
 * frontend. All stages count, needed for the target or not.
 *
 * @throws Doubt when it could fetch anything else: a URL, a frontend or an instruction that is not known
 */
export function imagesOfDockerfile(text: string, world: DockerfileWorld): readonly string[] {
  const images = new Set<string>();
  const frontend = readSyntax(text);
  if (frontend !== undefined) images.add(frontend);
  const values = new Map<string, string>();
  const stages = new Set<string>();
  const use = (name: string): void => {
    const known =
      name === 'scratch' || stages.has(name.toLowerCase()) || world.contexts.has(name.toLowerCase());
    if (!known) images.add(name);
  };
  let inStage = false;
  for (const instruction of parseInstructions(text)) {
    checkFlags(instruction);
    if (instruction.name === 'ARG' && !inStage) readGlobalArg(instruction.args, values, world.buildArgs);
    if (instruction.name === 'FROM') {
      inStage = true;
      const { image, stage } = readFrom(instruction.args);
      use(expand(image, values));
      if (stage !== undefined) stages.add(stage.toLowerCase());
      continue;
    }
    for (const name of fetched(instruction)) if (!/^\d+$/.test(name)) use(name);
  }
  return [...images];
}

/** `# syntax=…`, in whatever place of the leading comments: one that does not count does no harm. */
function readSyntax(text: string): string | undefined {
  const head = /^\uFEFF?((?:[^\S\n]*(?:(?:#|\/\/)[^\n]*)?(?:\n|$))*)/.exec(text)?.[1] ?? '';
  if (/^\uFEFF?(?:#!|\s*\{)/.test(text))
    throw new Doubt('the Dockerfile begins like a program of another kind');
  const found = head.split('\n').flatMap((line) => {
    const [, mark, name, value] = /^\s*(#|\/\/)\s*(syntax|escape)\s*=\s*(.*?)\s*$/i.exec(line) ?? [];
    return mark === undefined || name === undefined || value === undefined
      ? []
      : [{ mark, name: name.toLowerCase(), value }];
  });
  if (found.some(({ name, value }) => name === 'escape' && value !== '\\')) {
    throw new Doubt('the Dockerfile changes the escape character');
  }
  const lines = found.filter(({ name }) => name === 'syntax');
  const [line] = lines;
  if (line === undefined) return undefined;
  if (lines.length > 1 || line.mark !== '#' || !FRONTEND.test(line.value)) {
    throw new Doubt(`the Dockerfile's syntax line names ${JSON.stringify(line.value)}, which is not known`);
  }
  return line.value;
}

function checkFlags({ name, flags }: Instruction): void {
  const known = FLAGS[name];
  const strange = known === undefined ? undefined : flags.find((flag) => !known.test(flag));
  if (strange !== undefined) throw new Doubt(`the Dockerfile has ${name} ${strange}, which is not known`);
}

function readFrom(args: string): { readonly image: string; readonly stage: string | undefined } {
  const words = args.trim().split(/\s+/);
  const [image = '', as, stage] = words;
  if (words.length === 1) return { image, stage: undefined };
  if (words.length === 3 && as?.toUpperCase() === 'AS') return { image, stage };
  throw new Doubt(`the Dockerfile has the line FROM ${args}, which is not understood`);
}

/** Values that can not be told are left out: only a FROM that uses one is in doubt. */
function readGlobalArg(args: string, values: Map<string, string>, given: ReadonlyMap<string, string>): void {
  for (const [, name = '', quoted, plain] of args.matchAll(/(\w+)(?:=(?:"([^"]*)"|(\S*)))?(?:\s+|$)/g)) {
    const value = given.get(name) ?? defaultOf(quoted ?? plain, values);
    if (value === undefined) values.delete(name);
    else values.set(name, value);
  }
}

function defaultOf(text: string | undefined, values: ReadonlyMap<string, string>): string | undefined {
  if (text === undefined) return undefined;
  try {
    return expand(text, values);
  } catch (error) {
    if (error instanceof Doubt) return undefined;
    throw error;
  }
}

/** The images or stages that an instruction takes something from. */
function fetched(instruction: Instruction): readonly string[] {
  const { name, flags, args } = instruction;
  if (name === 'ONBUILD') {
    const inner = split(args);
    checkFlags(inner);
    return fetched(inner);
  }
  if (name === 'ADD') refuseRemote(args);
  const froms =
    name === 'RUN'
      ? flags.flatMap(fromOfMount)
      : flags.flatMap((flag) => /^--from=(.*)/.exec(flag)?.[1] ?? []);
  const variable = froms.find((from) => from.includes('$'));
  if (variable !== undefined)
    throw new Doubt(`what ${name} --from=${variable} stands for is only known in the build`);
  return froms;
}

function refuseRemote(args: string): void {
  const words = args.trim().startsWith('[') ? [args] : args.trim().split(/\s+/).slice(0, -1);
  const remote = words.find((word) => /:\/\/|@|\$|\.git\b|github\.com\//.test(word));
  if (remote !== undefined)
    throw new Doubt(`ADD ${remote} fetches, or may fetch, what can change at any time`);
}

function fromOfMount(flag: string): readonly string[] {
  if (!flag.startsWith('--mount=')) return [];
  const fields = flag
    .slice('--mount='.length)
    .split(',')
    .map((field) => field.split('='));
  const type = fields.find(([key]) => key?.toLowerCase() === 'type')?.[1] ?? 'bind';
  if (!MOUNTS.has(type)) throw new Doubt(`the Dockerfile has RUN ${flag}, whose type is not known`);
  return fields.flatMap(([key, value]) =>
    key?.toLowerCase() === 'from' && value !== undefined ? [value] : [],
  );
}
