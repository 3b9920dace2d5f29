/** Where the kubeconfig comes from: the input as text, as base64 or as a path, or $KUBECONFIG. */
// Not node:fs/promises, which is 2 ms at the start of a run that mostly reads no file.
import { promises } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { messageOf, UserError } from '../model/error.ts';
import type { KubeconfigOptions } from './kubeconfig-options.ts';
import type { Source } from './kubeconfig-text.ts';
import { mask } from './mask.ts';

const INPUT = 'the input kubeconfig';
const EXPECTED =
  'It must be a kubeconfig, its base64, or the path of its file; make one with: ' +
  'kubectl config view --raw --flatten --minify | base64 -w0';

/** Empty: there is none, so we may be in a pod. */
export async function findKubeconfigs(options: KubeconfigOptions): Promise<Source[]> {
  const { environment, workspace, secret } = options;
  const input = options.input.trim();
  if (input === '') return fromEnvironment(environment['KUBECONFIG'] ?? '', options);

  const compact = input.replace(/\s+/g, '');
  const decoded = fromBase64(compact);
  if (decoded !== undefined && looksLikeKubeconfig(decoded)) {
    mask(secret, input);
    secret(compact);
    secret(Buffer.from(decoded).toString('base64'));
    return [{ origin: INPUT, text: decoded, folder: workspace, inline: true }];
  }
  if (looksLikeKubeconfig(input) || (decoded === undefined && input.includes('\n'))) {
    secret(Buffer.from(options.input).toString('base64'));
    secret(Buffer.from(input).toString('base64'));
    // Of one line, as JSON, the text itself can appear in a log.
    if (!input.includes('\n')) secret(input);
    return [{ origin: INPUT, text: input, folder: workspace, inline: true }];
  }
  return [await fromPath(input, decoded, options)];
}

async function fromPath(
  input: string,
  decoded: string | undefined,
  options: KubeconfigOptions,
): Promise<Source> {
  const path = resolve(options.workspace, withHome(input, options.environment));
  const text = input.includes('\n') ? undefined : await readIfThere(path);
  if (text !== undefined) return fileSource(path, text);
  // Not a word of it is repeated unless it is plainly a path: it may be a credential gone astray.
  if (/^[.~/]|\.(ya?ml|json|conf|config|kubeconfig)$/i.test(input) && input.length < 300) {
    throw new UserError(
      `The input kubeconfig names the file ${input}, which does not exist (${path}). ${EXPECTED}.`,
    );
  }
  if (decoded !== undefined && input.length >= 40) {
    throw new UserError(`The input kubeconfig is base64, but not of a kubeconfig. ${EXPECTED}.`);
  }
  throw new UserError(
    'The input kubeconfig is neither a kubeconfig, nor the base64 of one, nor the path of a file that exists. ' +
      `${EXPECTED}.`,
  );
}

async function fromEnvironment(value: string, options: KubeconfigOptions): Promise<Source[]> {
  const paths = value
    .split(delimiter)
    .filter((path) => path.trim() !== '')
    .map((path) => resolve(options.workspace, withHome(path.trim(), options.environment)));
  const found: Source[] = [];
  for (const path of paths) {
    const text = await readIfThere(path);
    if (text !== undefined) found.push(fileSource(path, text));
  }
  if (paths.length > 0 && found.length === 0) {
    throw new UserError(
      `The input kubeconfig is empty and $KUBECONFIG names ${paths.join(' and ')}, which does not exist. ` +
        'Set the input kubeconfig, or write that file in a step before this one.',
    );
  }
  return found;
}

function fileSource(path: string, text: string): Source {
  if (text.trim() === '') throw new UserError(`The kubeconfig ${path} is empty. ${EXPECTED}.`);
  return { origin: path, text, folder: dirname(path), inline: false };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await promises.readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined;
    const why = code === 'EISDIR' ? 'it is a folder' : messageOf(error);
    throw new UserError(`Cannot read the kubeconfig ${path}: ${why}.`, { cause: error });
  }
}

function withHome(path: string, environment: KubeconfigOptions['environment']): string {
  return path === '~' || path.startsWith('~/') ? join(environment['HOME'] ?? homedir(), path.slice(1)) : path;
}

/** undefined: it can not be base64. */
function fromBase64(compact: string): string | undefined {
  return /^[A-Za-z0-9+/]{4,}={0,2}$/.test(compact)
    ? Buffer.from(compact, 'base64').toString('utf8')
    : undefined;
}

/** In YAML or JSON: one of the keys that a kubeconfig is made of. */
function looksLikeKubeconfig(text: string): boolean {
  return /(^|[\n{,])\s*"?(apiVersion|kind|clusters|contexts|users|current-context)"?\s*:/.test(text);
}
