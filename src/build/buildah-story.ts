import type { BuildStory } from './progress.ts';

const OUTPUT = 20;

/** buildah's errors in BuildKit's words, which are then explained in one place. */
const IN_BUILDKITS_WORDS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /building at STEP "[\s\S]*?": while running runtime: exit status (\d+)/,
    ([, code]) => `process "" did not complete successfully: exit code: ${code}`,
  ],
  [
    /copier: (?:stat|get): (?:globs? )?\[?"([^"]+)"\]?[\s\S]*no such file or directory/,
    ([, path]) => `failed to compute cache key: "${path}": not found`,
  ],
  [/Unknown instruction: "([^"]*)"/, ([, word]) => `the Dockerfile has an unknown instruction: ${word}`],
  [
    /initializing source docker:\/\/(\S+): ([\s\S]*)/,
    ([, name, words]) => `failed to resolve source metadata for ${name}: ${words}`,
  ],
  [/The target "([^"]+)" was not found/, ([, name]) => `target stage "${name}" could not be found`],
];

/** Listens to `buildah build`: `[1/2] STEP 2/4: RUN …`, its output as it is, and `Error: …` at the end. */
export class BuildahReader {
  #step = '';
  #output: string[] = [];
  #error: string | undefined;
  readonly #tail: string[] = [];

  push(line: string): void {
    if (line.trim() === '') return;
    this.#tail.push(line);
    if (this.#tail.length > OUTPUT) this.#tail.shift();
    const step = /^(?:\[[^\]]*\] )?STEP \d+\/\d+: (.*)$/.exec(line)?.[1];
    if (step !== undefined) {
      this.#step = step;
      this.#output = [];
      return;
    }
    const error = /^Error: (.*)$/.exec(line)?.[1];
    if (error !== undefined) {
      this.#error = error;
      return;
    }
    if (/^-->|^error running container|^time="/.test(line)) return;
    this.#output.push(line);
    if (this.#output.length > OUTPUT) this.#output.shift();
  }

  story(): BuildStory {
    const error = this.#error === undefined ? undefined : inBuildKitsWords(this.#error);
    return {
      failed:
        error === undefined || this.#step === ''
          ? undefined
          : { name: this.#step, error, output: this.#output },
      place: undefined,
      error,
      failedCaches: [],
      tail: this.#tail,
      steps: [],
    };
  }
}

function inBuildKitsWords(error: string): string {
  for (const [pattern, words] of IN_BUILDKITS_WORDS) {
    const match = pattern.exec(error);
    if (match) return words(match);
  }
  return error;
}
