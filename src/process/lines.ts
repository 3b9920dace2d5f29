import { stripVTControlCharacters } from 'node:util';

/** A line that never ends is cut here: a program must not fill our memory by printing none. */
const LONGEST = 64 * 1024;

/** Cuts a stream of text into lines. */
export class Lines {
  readonly #onLine: (line: string) => void;
  readonly #label: RegExp | undefined;
  #rest = '';
  /** Of the line that was cut because it is too long. */
  #cut = '';

  /**
   * @param label what a program puts before each line of another's output: it stays where that output rewrites its
   * line, or never ends it, so that nobody else can begin a line as this program does
   */
  constructor(onLine: (line: string) => void, label?: RegExp) {
    this.#onLine = onLine;
    this.#label = label;
  }

  push(text: string): void {
    const pieces = (this.#rest + text).split('\n');
    this.#rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      this.#tell(piece);
      this.#cut = '';
    }
    while (this.#rest.length > LONGEST) {
      const part = this.#rest.slice(0, LONGEST);
      this.#rest = this.#rest.slice(LONGEST);
      this.#tell(part);
      this.#cut ||= this.#labelOf(part);
    }
  }

  /** The last line, when it lacks its end. */
  end(): void {
    if (this.#rest !== '') this.#tell(this.#rest);
    this.#rest = '';
  }

  #tell(piece: string): void {
    const whole = this.#cut + piece;
    const line = clean(whole);
    const label = this.#labelOf(whole);
    this.#onLine(line.startsWith(label) ? line : label + line);
  }

  #labelOf(piece: string): string {
    const first = piece.split('\r', 1)[0] ?? '';
    return this.#label?.exec(first)?.[0] ?? '';
  }
}

/** The end of a text that may be long. */
export class Tail {
  readonly #keep: number;
  #pieces: string[] = [];
  #length = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  push(text: string): void {
    this.#pieces.push(text);
    this.#length += text.length;
    // Joining at twice the size keeps the cost of a long output linear.
    if (this.#length > 2 * this.#keep) this.#shorten();
  }

  text(): string {
    if (this.#length > this.#keep) this.#shorten();
    return this.#pieces.join('');
  }

  #shorten(): void {
    const kept = this.#pieces.join('').slice(-this.#keep);
    this.#pieces = [kept];
    this.#length = kept.length;
  }
}

/**
 * What a terminal would show of this line: a progress bar rewrites its line by carriage returns, so only
 * what stands behind the last one (that is followed by something) is left; colours and other control
 * characters go.
 */
export function clean(line: string): string {
  const states = line.split('\r').filter((state) => state !== '');
  return stripVTControlCharacters(states.at(-1) ?? '').replace(/[^\P{Cc}\t]/gu, '');
}
