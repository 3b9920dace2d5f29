import type { WorkloadReport } from '../model/report.ts';
import { cut, oneLine } from './clean.ts';
import { shortDigests } from './live.ts';

/** A quote in the one line that names a failure: enough for a message, too little for a stack trace. */
const QUOTE_LENGTH = 200;

/** The failures whose cause the app itself told: elsewhere its last lines explain nothing. */
const APP_SPOKE: ReadonlySet<string> = new Set([
  'crash',
  'exits',
  'probe-killed',
  'pod-failed',
  'late-crash',
]);

/** ` "…"` of what proves the failure: the cluster's words, else the app's own; undefined when nobody spoke. */
export function quoteOf(workload: WorkloadReport): string | undefined {
  const { failure, evidence } = workload;
  if (failure?.quote !== undefined && !isSaid(failure.message, failure.quote))
    return quoteOfText(failure.quote.replace(PULL_PATH, ''));
  return APP_SPOKE.has(failure?.code ?? '') ? quoteOfLines(evidence?.logs?.lines ?? []) : undefined;
}

/** ` "…"` of the line that tells most; undefined when there is none. */
export function quoteOfLines(lines: readonly string[]): string | undefined {
  return quoteOfText(telling(lines) ?? '');
}

function quoteOfText(said: string): string | undefined {
  const text = cut(shortDigests(oneLine(said)), QUOTE_LENGTH);
  return text === '' ? undefined : quoted(text);
}

/**
 * Whether a message ends with what the quote says: `… cannot start: exec: "/x": no such file` need not be
 * followed by the same words with the runtime's own path to them in front. A timer's name in brackets, which
 * the quote can not know, is left out of account.
 */
function isSaid(message: string, quote: string): boolean {
  const whole = oneLine(quote);
  const end = oneLine(message).replace(/ \([^()]*\)$/, '');
  const clauses = [...end.matchAll(/: /g)].map(({ index }) => end.slice(index + 2));
  return clauses.some((clause) => clause.length >= SHORTEST_CAUSE && whole.includes(clause));
}

/** What containerd puts in front of a pull's cause: the image, twice, which the message has named already. */
const PULL_PATH =
  /^(?:rpc error: code = \w+ desc = |failed to pull and unpack image "[^"]*": |failed to resolve (?:reference|image) "[^"]*": )+/;

/** Fewer letters than `not found` may stand in a text by chance. */
const SHORTEST_CAUSE = 9;

/** In the kind of quotes that the text does not hold itself. */
function quoted(text: string): string {
  const mark = text.includes('"') && !text.includes("'") ? "'" : '"';
  return `${mark}${text}${mark}`;
}

const TIME = /^\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(Z|[+-]\d\d:?\d\d)?\]?:?\s+/;
const FRAME =
  /^(at .*(:\d+\)?|\)|<anonymous>)$|\^|File "|\.{3} \d+ more|goroutine \d|note: |Node\.js v|exit status|npm (ERR!|error))/;
const ERROR =
  /\b(fatal|panic(ked)?|cannot|can't|could not|failed|failure|refused|denied|not found|no such|unable|invalid|missing|required|unreachable|timed? ?out|exec format)\b|(error|exception)\b/i;

/**
 * The line that tells most: the last one that speaks of an error and is no part of a stack trace (Node and
 * Go print the trace below the message, Python above it, Java the root cause last), else simply the last.
 * Exported for its table of real endings.
 */
export function telling(lines: readonly string[]): string | undefined {
  const spoken = lines
    .map(oneLine)
    .filter((line) => line !== '' && !FRAME.test(line) && !/^throw\b/.test(line))
    .map(read);
  const index = spoken.findLastIndex((line) => line.isError);
  if (index < 0) return spoken.at(-1)?.text;
  const text = spoken[index]?.text ?? '';
  // Rust puts the message below `thread 'main' panicked at src/main.rs:2:5:`.
  const below = spoken[index + 1]?.text;
  return text.endsWith(':') && below !== undefined ? `${text} ${below}` : text;
}

interface Line {
  readonly text: string;
  readonly isError: boolean;
}

/** Structured logs by their message; a time and a bare `Error:` in front only take room. */
function read(line: string): Line {
  const entry = structured(line);
  if (entry !== undefined) return entry;
  const text = line.replace(TIME, '');
  return { text: text.replace(/^(Uncaught )?(Error|ERROR|error): /, ''), isError: ERROR.test(text) };
}

/** pino, zap, slog, logrus, bunyan: a message under one of few names, a level in words or pino's numbers. */
function structured(line: string): Line | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== 'object' || entry === null) return undefined;
    const fields = new Map<string, unknown>(Object.entries(entry));
    const said = ['msg', 'message', 'error', 'err'].map((key) => fields.get(key));
    const text = said.find((value): value is string => typeof value === 'string' && value !== '');
    if (text === undefined) return undefined;
    const level = fields.get('level') ?? fields.get('severity');
    const isError =
      typeof level === 'number' ? level >= 50 : /^(error|fatal|panic|critical)$/i.test(String(level));
    return { text: oneLine(text), isError: isError || ERROR.test(text) };
  } catch {
    // Not JSON: the line speaks for itself.
    return undefined;
  }
}
