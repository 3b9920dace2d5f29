import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The driver of a builder that a step before made, as buildx noted it: `instances/<name>`, and `current` for the one
 * that is taken where none is named (docker/buildx, store/store.go and nodegroup.go). To ask buildx would take as long
 * as it takes to reach the builder, and wants the very variables that this is asked for.
 *
 * @param folder buildx's, with its notes of builders
 * @param name empty: the current one
 * @returns undefined where there are no such notes
 */
export function notedDriver(folder: string, name: string): string | undefined {
  const named = name || wordOf(join(folder, 'current'), 'Name');
  // buildx's own grammar of names.
  if (named === undefined || !/^[a-z][\w.-]*$/i.test(named)) return undefined;
  return wordOf(join(folder, 'instances', named.toLowerCase()), 'Driver');
}

function wordOf(file: string, field: string): string | undefined {
  try {
    const notes: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const word = notes instanceof Object ? (notes as Readonly<Record<string, unknown>>)[field] : undefined;
    return typeof word === 'string' ? word : undefined;
  } catch {
    // It is asked what more a child may need, which without notes is nothing.
    return undefined;
  }
}
