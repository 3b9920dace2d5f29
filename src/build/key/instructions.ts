import { Doubt } from './doubt.ts';

/** One instruction of a Dockerfile, its continued lines joined, the bodies of its heredocs left out. */
export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** `--from=base` and the like, in front of the arguments. */
  readonly flags: readonly string[];
  readonly args: string;
}

const KNOWN = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);
const HEREDOCS = new Set(['ADD', 'COPY', 'RUN', 'ONBUILD']);
/** A backslash that no other one precedes, at the end or alone: the parser's own expression. */
const CONTINUED = /([^\\])\\[ \t]*$|^\\[ \t]*$/;
const HEREDOC = /^\d*<<(-?)(["']?)([A-Za-z_][\w.-]*)\2$/;

/**
 * Splits a Dockerfile into its instructions.
 *
 * @throws Doubt for an instruction that is not known, and wherever the text could be split in another way
 * @see https://github.com/moby/buildkit/blob/v0.25.0/frontend/dockerfile/parser/parser.go
 */
export function parseInstructions(text: string): readonly Instruction[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''));
  const instructions: Instruction[] = [];
  for (let index = 0; index < lines.length; ) {
    let line = (lines[index++] ?? '').trimStart();
    if (line === '' || line.startsWith('#')) continue;
    let joined = line.replace(CONTINUED, '$1');
    while (CONTINUED.test(line) && index < lines.length) {
      const next = lines[index++] ?? '';
      if (/^\s*(?:#|$)/.test(next)) continue;
      line = next;
      joined += line.replace(CONTINUED, '$1');
    }
    if (joined.trim() === '') continue;
    const instruction = split(joined);
    instructions.push(instruction);
    if (!HEREDOCS.has(instruction.name)) continue;
    for (const { name, tabs } of heredocs(joined)) {
      const isEnd = (body: string): boolean => (tabs ? body.replace(/^\t+/, '') : body) === name;
      while (index < lines.length && !isEnd(lines[index] ?? '')) index++;
      if (index === lines.length) throw new Doubt(`the Dockerfile's heredoc ${name} does not end`);
      index++;
    }
  }
  return instructions;
}

/** The heredocs that a line opens. What only looks like one (a shift, a here-string) could be misread. */
function heredocs(line: string): readonly { readonly name: string; readonly tabs: boolean }[] {
  if (!line.includes('<<')) return [];
  return line
    .split(/\s+/)
    .filter((word) => word.includes('<<'))
    .map((word) => {
      const [, tabs, , name] = HEREDOC.exec(word) ?? [];
      const before = line.slice(0, line.indexOf(word));
      const quoted = (before.match(/["'`\\]/g) ?? []).length > 0;
      if (name === undefined || quoted) {
        throw new Doubt(`in the Dockerfile, ${JSON.stringify(word)} may or may not begin a heredoc`);
      }
      return { name, tabs: tabs === '-' };
    });
}

/** @throws Doubt for an instruction or a flag that could mean something else than it seems */
export function split(line: string): Instruction {
  const [, word = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(line.trim()) ?? [];
  const name = word.toUpperCase();
  if (!KNOWN.has(name)) throw new Doubt(`the Dockerfile has the instruction ${word}, which is not known`);
  const flags: string[] = [];
  let args = rest;
  while (args.startsWith('--')) {
    const [flag = ''] = args.split(/\s/, 1);
    // `HEALTHCHECK --interval=…`, `CMD --help`: flags of what needs nothing from outside are not looked at.
    if (/["'\\]/.test(flag))
      throw new Doubt(`the Dockerfile has the flag ${flag}, whose quotes hide its meaning`);
    args = args.slice(flag.length).trimStart();
    if (flag === '--') break;
    flags.push(flag);
  }
  return { name, flags, args };
}
