/** A step of the build that failed, in BuildKit's words. */
export interface FailedStep {
  /** `[2/5] RUN npm ci`. */
  readonly name: string;
  readonly error: string;
  /** The last lines that it wrote itself, oldest first. */
  readonly output: readonly string[];
}

/** Where in the Dockerfile it went wrong, from line to `endLine`; `text` is the instruction's first line. */
export interface DockerfilePlace {
  readonly file: string;
  readonly line: number;
  readonly endLine: number;
  readonly text: string;
}

/** A cache that could not be written, which by itself fails no build. */
export interface FailedCache {
  /** `exporting cache to registry`, in BuildKit's words. */
  readonly name: string;
  readonly error: string;
}

/** What a build told, as far as its end can be explained by it. */
export interface BuildStory {
  readonly failed: FailedStep | undefined;
  readonly place: DockerfilePlace | undefined;
  /** The error that buildx ended with. */
  readonly error: string | undefined;
  readonly failedCaches: readonly FailedCache[];
  /** The last lines of all. */
  readonly tail: readonly string[];
  /** The names of all steps, in the order in which they began. */
  readonly steps: readonly string[];
}

interface Step {
  readonly name: string;
  output: string[];
  error: string | undefined;
}

const OUTPUT = 20;

/** A cache that is not there yet, or can not be read: BuildKit goes on without it. */
const IMPORT = /^(?:\[[\w-]+\] )?importing cache manifest from /;
/** BuildKit's names of its exporters (cache/remotecache): all but GitHub's say "cache to". */
const EXPORT = /^(?:\[[\w-]+\] )?exporting (?:cache to |to GitHub Actions Cache)/;

/** Six hyphens begin what BuildKit repeats at its end; Azure's client rules lines in its errors with many more. */
const GOES_ON = /^(?:(?!ERROR:|error:)[^\s-]|-{7})/;

/**
 * Listens to `--progress=plain`. That form is read rather than rawjson because every buildx has it and the
 * same lines are what people know from their own machine: `#5 [2/2] RUN …`, `#5 0.21 its output`,
 * `#5 ERROR: …`, then the source with `>>>` at the line, then `ERROR: …`.
 */
export class ProgressReader {
  readonly #steps = new Map<string, Step>();
  readonly #tail: string[] = [];
  #failed: Step | undefined;
  readonly #failedCaches: Step[] = [];
  /** Whose error the next line may go on with. */
  #erring: Step | undefined;
  #file: { readonly name: string; readonly line: number } | undefined;
  #place: { readonly of: object; readonly found: DockerfilePlace } | undefined;
  #error: string[] | undefined;

  push(line: string): void {
    keep(this.#tail, line);
    const erring = this.#erring;
    this.#erring = undefined;
    const [, number, rest] = /^#(\d+) (.*)$/.exec(line) ?? [];
    if (number !== undefined && rest !== undefined) this.#step(number, rest);
    else if (erring !== undefined && GOES_ON.test(line)) {
      erring.error += `\n${line}`;
      this.#erring = erring;
    } else this.#ending(line);
  }

  story(): BuildStory {
    const failed = this.#failed;
    return {
      failed: failed && { name: failed.name, error: failed.error ?? '', output: failed.output },
      place: this.#place?.found,
      error: this.#error?.join('\n').trim(),
      failedCaches: this.#failedCaches.map(({ name, error = '' }) => ({ name, error })),
      tail: this.#tail,
      steps: [...this.#steps.values()].map(({ name }) => name),
    };
  }

  #step(number: string, rest: string): void {
    const step = this.#steps.get(number);
    if (step === undefined) {
      this.#steps.set(number, { name: rest, output: [], error: undefined });
      return;
    }
    const output = /^\d+\.\d+ (.*)$/.exec(rest)?.[1];
    if (output !== undefined) {
      keep(step.output, output);
      return;
    }
    const error = /^ERROR: (.*)$/.exec(rest)?.[1];
    if (error === undefined) return;
    step.error = error;
    if (IMPORT.test(step.name)) return;
    if (EXPORT.test(step.name)) {
      this.#erring = step;
      this.#failedCaches.push(step);
      return;
    }
    // Steps that ran beside it are ended and bear errors too: theirs is that they were canceled.
    if (this.#failed === undefined && !/context canceled|^CANCELED/.test(error)) this.#failed = step;
  }

  #ending(line: string): void {
    const error = /^(?:ERROR|error): (.*)$/.exec(line)?.[1];
    if (error !== undefined) {
      this.#error = [error];
      return;
    }
    if (this.#error !== undefined) {
      this.#error.push(line);
      return;
    }
    const [, name, number] = /^(\S.*):(\d+)$/.exec(line) ?? [];
    if (name !== undefined) this.#file = { name, line: Number(number) };
    const [, marked, text = ''] = /^ *(\d+) \| >>> (.*)$/.exec(line) ?? [];
    if (marked !== undefined && this.#file !== undefined) {
      const { name: file, line } = this.#file;
      const begun = this.#place?.of === this.#file ? this.#place.found : undefined;
      const found = begun ?? { file, line, text: text.trim() };
      this.#place = { of: this.#file, found: { ...found, endLine: Number(marked) } };
    }
  }
}

function keep(lines: string[], line: string): void {
  if (line.trim() === '') return;
  lines.push(line);
  if (lines.length > OUTPUT) lines.shift();
}
