/** What a real cluster said, list by list and event by event, while one image was replaced; and how it is kept. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject, Workload } from '../../src/model/kube.ts';
import type { WorkloadKind } from '../../src/model/observation.ts';

export const FOLDER = join(import.meta.dirname, 'recordings');

/** The stories, by the name of their file. */
export const STORIES = [
  'deployment-good',
  'deployment-crash',
  'deployment-never-ready',
  'deployment-superseded',
  'statefulset-good',
  'statefulset-crash',
  'daemonset-good',
  'daemonset-crash',
] as const;

export type Story = (typeof STORIES)[number];

export interface Happening {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** Milliseconds since the patch was answered; negative: before that. */
  readonly at: number;
  readonly object: KubeObject;
}

export interface Stream {
  readonly path: string;
  readonly resourceVersion: string;
  /** What was there when the recording began. */
  readonly items: readonly KubeObject[];
  readonly happenings: readonly Happening[];
}

export interface Recording {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  /** What the PATCH answered. */
  readonly reply: Workload;
  readonly streams: readonly Stream[];
}

/** An object of JSON; a merge patch (RFC 7386) of one is one too. */
type Json = { readonly [key: string]: unknown };

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What makes `after` of `before`. */
export function difference(before: Json, after: Json): Json {
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const old = before[key];
    if (JSON.stringify(old) === JSON.stringify(value)) continue;
    patch[key] = isObject(old) && isObject(value) ? difference(old, value) : value;
  }
  return patch;
}

export function merge(before: unknown, patch: Json): Json {
  const result: Record<string, unknown> = isObject(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = isObject(value) ? merge(result[key], value) : value;
  }
  return result;
}

/** A line of JSON each: the head, every stream's list, every event as the difference to what was told before. */
export function render({ streams, ...head }: Recording): string {
  const lines: unknown[] = [head];
  for (const { happenings, ...stream } of streams) {
    lines.push(stream);
    const known = new Map(stream.items.map((item) => [item.metadata?.uid, item]));
    for (const { type, at, object } of happenings) {
      const uid = object.metadata?.uid;
      const change = difference((known.get(uid) ?? {}) as Json, object as Json);
      lines.push({ type, at, uid, change });
      known.set(uid, object);
    }
  }
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

type Line = Omit<Stream, 'happenings'> &
  Omit<Happening, 'object'> & { readonly uid: string; readonly change: Json };

export function read(story: Story): Recording {
  const [head = '', ...rest] = readFileSync(join(FOLDER, `${story}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  const streams: (Omit<Stream, 'happenings'> & { readonly happenings: Happening[] })[] = [];
  const known = new Map<string | undefined, KubeObject>();
  for (const text of rest) {
    const line = JSON.parse(text) as Line;
    if (line.path !== undefined) {
      for (const item of line.items) known.set(item.metadata?.uid, item);
      streams.push({ ...line, happenings: [] });
      continue;
    }
    const object = merge(known.get(line.uid), line.change) as KubeObject;
    known.set(line.uid, object);
    streams.at(-1)?.happenings.push({ type: line.type, at: line.at, object });
  }
  return { ...(JSON.parse(head) as Omit<Recording, 'streams'>), streams };
}
