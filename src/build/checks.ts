/** A warning of the build, most often of a check of the Dockerfile. Hostile text: it quotes the Dockerfile. */
export interface BuildWarning {
  /** `JSONArgsRecommended`; undefined: no check's. */
  readonly rule: string | undefined;
  readonly message: string;
  /** What the rule is about; empty where the builder does not say. */
  readonly detail: string;
  readonly url: string | undefined;
  /** The Dockerfile's name without its folder; undefined: not said. */
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly endLine: number | undefined;
}

/**
 * Reads the warnings from what buildx prints, for versions and endings that leave none in the metadata file: as
 * a line of the step (`#1 WARN: …`), which comes and goes with a race, and below a heading at the end.
 */
export class WarningReader {
  readonly #found = new Set<string>();
  #listing = false;

  push(line: string): void {
    const [, told] = /^#\d+ WARN: (.*)$/.exec(line) ?? [];
    if (told !== undefined) this.#found.add(told);
    const [, listed] = (this.#listing ? /^ - (.*)$/.exec(line) : null) ?? [];
    if (listed !== undefined) this.#found.add(listed);
    else this.#listing = /^ \d+ warnings? found(?: \(use (?:docker )?--debug to expand\))?:$/.test(line);
  }

  warnings(): readonly BuildWarning[] {
    return [...this.#found].map((text) => ({
      ...parseWarning(text),
      detail: '',
      url: undefined,
      file: undefined,
      endLine: undefined,
    }));
  }
}

/**
 * The warnings in buildx's metadata file, where BUILDX_METADATA_WARNINGS asks for them (buildx 0.16). Each once:
 * a build for several platforms may bear one for each.
 */
export function readWarnings(metadata: string): readonly BuildWarning[] {
  const json = JSON.parse(metadata) as { readonly 'buildx.build.warnings'?: unknown };
  const found = json['buildx.build.warnings'];
  if (!Array.isArray(found)) return [];
  const all = found.flatMap((entry: Entry | null) => (entry?.short ? [fromEntry(entry)] : []));
  return [...new Map(all.map((each) => [`${each.file}:${each.line}:${each.message}`, each])).values()];
}

/** BuildKit's VertexWarning (client/graph.go) as Go writes it into JSON: its byte strings in base64. */
interface Entry {
  readonly short?: string;
  readonly detail?: readonly string[] | null;
  readonly url?: string;
  readonly sourceInfo?: { readonly filename?: string } | null;
  readonly range?:
    | readonly { readonly start?: { readonly line?: number }; readonly end?: { readonly line?: number } }[]
    | null;
}

function fromEntry({ short = '', detail, url, sourceInfo, range }: Entry): BuildWarning {
  const parsed = parseWarning(text(short));
  const line = range?.[0]?.start?.line ?? parsed.line;
  return {
    ...parsed,
    detail: (detail ?? []).map(text).join(' '),
    url: url !== undefined && /^https:\/\/\S+$/.test(url) ? url : undefined,
    file: sourceInfo?.filename,
    line,
    endLine: range?.[0]?.end?.line ?? line,
  };
}

function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

/** `JSONArgsRecommended: JSON arguments recommended for CMD … (line 5)`. */
function parseWarning(short: string): Pick<BuildWarning, 'rule' | 'message' | 'line'> {
  const [, rule, message = short, line] =
    /^(?:([A-Z][A-Za-z0-9]+): )?([\s\S]*?)(?: \(line (\d+)\))?$/.exec(short) ?? [];
  return { rule, message, line: line === undefined ? undefined : Number(line) };
}
