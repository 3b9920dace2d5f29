/** A kubeconfig's text as named entries. */
import { messageOf, UserError } from '../model/error.ts';

export interface Source {
  /** For messages. */
  readonly origin: string;
  readonly text: string;
  /** What its relative paths are relative to. */
  readonly folder: string;
  /** Given as text: its author may not know this machine, so it may not point into it. */
  readonly inline: boolean;
}

export type Fields = Readonly<Record<string, unknown>>;

export interface Entry {
  readonly name: string;
  readonly fields: Fields;
  readonly source: Source;
}

export interface Entries {
  current: string | undefined;
  readonly clusters: Map<string, Entry>;
  readonly contexts: Map<string, Entry>;
  readonly users: Map<string, Entry>;
}

export async function parseKubeconfig(source: Source): Promise<Entries> {
  const root = await parse(source);
  if (!isFields(root)) {
    throw new UserError(
      `The kubeconfig (${source.origin}) is no kubeconfig: it holds ${describe(root)} instead of the keys ` +
        'clusters, contexts and users.',
    );
  }
  const current = root['current-context'];
  return {
    current: typeof current === 'string' && current !== '' ? current : undefined,
    clusters: named(root['clusters'], 'cluster', source),
    contexts: named(root['contexts'], 'context', source),
    users: named(root['users'], 'user', source),
  };
}

async function parse({ origin, text }: Source): Promise<unknown> {
  // Half of all kubeconfigs that machines write are JSON, and the YAML parser takes its time to load.
  if (text.trimStart().startsWith('{')) {
    try {
      return JSON.parse(text);
    } catch {
      // It may still be YAML's flow style.
    }
  }
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const [mistake] = document.errors;
  if (mistake === undefined) {
    try {
      return document.toJS();
    } catch (error) {
      // Aliases that unfold without end.
      throw new UserError(`The kubeconfig (${origin}) is no kubeconfig: ${messageOf(error)}.`, {
        cause: error,
      });
    }
  }
  // The parser's message quotes the line, which may hold a credential.
  const at = mistake.linePos?.[0];
  const where = at === undefined ? '' : ` in line ${at.line}, column ${at.col}`;
  throw new UserError(
    `The kubeconfig (${origin}) is not YAML: ${mistake.code.toLowerCase().replaceAll('_', ' ')}${where}. ` +
      'If it was pasted into a secret, its indentation may be lost: store its base64 instead (base64 -w0).',
  );
}

/** Entries that are none are passed over, as kubectl does; only the ones in use need to be right. */
function named(list: unknown, key: string, source: Source): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const item of Array.isArray(list) ? list : []) {
    if (!isFields(item) || typeof item['name'] !== 'string' || item['name'] === '') continue;
    const fields = item[key];
    if (!entries.has(item['name'])) {
      entries.set(item['name'], { name: item['name'], fields: isFields(fields) ? fields : {}, source });
    }
  }
  return entries;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** undefined for what is absent or empty; YAML reads some tokens and passwords as numbers. */
export function textOf(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : `a single ${typeof value}`;
}
