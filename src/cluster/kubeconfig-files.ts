/**
 * The files that a kubeconfig points at. One given as text may be anybody's: it may not make us read (and send)
 * files of this machine, except those that the workflow put into the workspace.
 */
import { promises } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { UserError } from '../model/error.ts';
import type { Material } from './access.ts';
import { type Entry, textOf } from './kubeconfig-text.ts';

const ADVICE =
  'Make a kubeconfig that holds its certificates itself: kubectl config view --raw --flatten --minify';

export interface FileRules {
  readonly workspace: string;
  readonly origin: string;
}

/** `<key>-data` or else the file of `<key>`; undefined: neither is there. */
export async function materialOf(entry: Entry, key: string, rules: FileRules): Promise<Material | undefined> {
  const data = textOf(entry.fields, `${key}-data`);
  if (data !== undefined) return { kind: 'data', data: decodePem(data, `${key}-data`, entry, rules) };
  const path = await fileOf(entry, key, rules);
  return path === undefined ? undefined : { kind: 'file', path };
}

/** The absolute path that a field names, which must be there and may be read. */
export async function fileOf(entry: Entry, key: string, rules: FileRules): Promise<string | undefined> {
  const named = textOf(entry.fields, key);
  if (named === undefined) return undefined;
  const { inline, folder } = entry.source;
  const path = resolve(folder, named);
  const where = `The kubeconfig (${rules.origin}) points at the file ${named} (${key} of "${entry.name}")`;
  // Before anything is looked at: whether a file exists is itself nobody's business.
  if (inline && !isInside(path, rules.workspace)) {
    throw new UserError(
      `${where}, which is outside the workspace; a kubeconfig that is given as text may not. ${ADVICE}`,
    );
  }
  let real: string;
  try {
    real = await promises.realpath(path);
  } catch (error) {
    throw new UserError(`${where}, which is not there. ${ADVICE}`, { cause: error });
  }
  if (inline && !isInside(real, await promises.realpath(rules.workspace))) {
    throw new UserError(
      `${where}, a link out of the workspace; a kubeconfig that is given as text may not. ${ADVICE}`,
    );
  }
  return path;
}

export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (!isAbsolute(way) && way !== '..' && !/^\.\.[\\/]/.test(way));
}

function decodePem(data: string, key: string, entry: Entry, { origin }: FileRules): string {
  const text = Buffer.from(data, 'base64').toString('utf8');
  if (text.includes('-----BEGIN ')) return text;
  const plain = data.includes('-----BEGIN ') ? 'PEM itself' : 'something else';
  throw new UserError(
    `The kubeconfig (${origin}) has a ${key} of "${entry.name}" that is not the base64 of PEM but ${plain}. ` +
      'Take a fresh kubeconfig of this cluster.',
  );
}
