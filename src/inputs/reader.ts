import { messageOf, UserError } from '../model/error.ts';
import { parseDuration } from '../plan/duration.ts';
import { listParser, type ParseList } from '../plan/list.ts';
import { type InputName, mistakeInName } from './names.ts';

/** The inputs as the runner hands them on: `INPUT_` and the name in capitals, blanks as underscores. */
export function rawInputs(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([key, value]) =>
      key.startsWith('INPUT_') && value !== undefined
        ? [[key.slice('INPUT_'.length).toLowerCase(), value]]
        : [],
    ),
  );
}

/** Reads one input at a time and collects what is wrong, so that all mistakes are told together. */
export class Reader {
  readonly #raw: Readonly<Record<string, string>>;
  readonly #parseList: ParseList;
  readonly #mistakes: string[] = [];

  static async open(raw: Readonly<Record<string, string>>): Promise<Reader> {
    // No list, and full of quotes where it is JSON.
    const { kubeconfig: _, ...rest } = raw;
    return new Reader(raw, await listParser(Object.values(rest)));
  }

  private constructor(raw: Readonly<Record<string, string>>, parseList: ParseList) {
    this.#raw = raw;
    this.#parseList = parseList;
    for (const name of Object.keys(raw).sort()) {
      const mistake = mistakeInName(name);
      if (mistake !== undefined) this.mistake(mistake);
    }
  }

  mistake(sentence: string): void {
    this.#mistakes.push(sentence);
  }

  finish(): void {
    if (this.#mistakes.length > 0) throw new UserError(this.#mistakes);
  }

  text(name: InputName): string | undefined {
    const value = this.#raw[name]?.trim();
    return value === '' ? undefined : value;
  }

  /** YAML 1.2's core schema, as @actions/core's getBooleanInput takes it. */
  boolean(name: InputName, fallback: boolean): boolean {
    const value = this.text(name);
    if (value === undefined) return fallback;
    if (/^(true|True|TRUE)$/.test(value)) return true;
    if (/^(false|False|FALSE)$/.test(value)) return false;
    this.mistake(`${name}: ${JSON.stringify(value)} is neither true nor false (default: ${fallback}).`);
    return fallback;
  }

  choice<T extends string>(name: InputName, allowed: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const found = allowed.find((each) => each === value);
    if (found === undefined) {
      this.mistake(
        `${name}: ${JSON.stringify(value)} is not one of ${allowed.join(', ')} (default: ${fallback}).`,
      );
    }
    return found ?? fallback;
  }

  list(name: InputName, options: { readonly whole?: boolean } = {}): readonly string[] {
    try {
      return this.#parseList(this.#raw[name] ?? '', options);
    } catch (error) {
      this.mistake(`${name}: the list can not be read: ${messageOf(error)}. Mind the quotes.`);
      return [];
    }
  }

  duration(name: InputName, fallback: number, shown: string): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const parsed = parseDuration(value);
    if (parsed === undefined) {
      this.mistake(
        `${name}: ${JSON.stringify(value)} is no duration. Write a number with a unit, such as 90s, 10m or 1h30m (default: ${shown}).`,
      );
    }
    return parsed ?? fallback;
  }
}
