import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { UserError } from '../model/error.ts';
import type { BuildInputs } from './inputs.ts';

/** What docker takes for something else than a folder: buildx/util/urlutil and buildkit's named contexts. */
const REMOTE = /^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/|docker-image:\/\/|oci-layout:\/\/)/;

/** A folder of this machine, as opposed to a repository's or an archive's address. */
export function isLocalContext(context: string): boolean {
  return !REMOTE.test(context);
}

/**
 * Looks for the context and its Dockerfile before a builder is started, where the sentence can still say what
 * was looked at and why it may be missing. As in build-push-action, `file` starts from the workspace, and is
 * the context's `Dockerfile` when it is not given.
 *
 * @param target of the bake file that names them; undefined: the inputs do
 */
export async function checkContext(
  { context, file }: Pick<BuildInputs, 'context' | 'file'>,
  directory: string,
  target?: string,
): Promise<void> {
  const inputContext = target === undefined ? 'The input context' : `The context of target ${target}`;
  if (context === '-')
    throw new UserError(
      `${inputContext} is "-": a step has no standard input to read a context from. Name a folder.`,
    );
  if (!isLocalContext(context)) return;
  const folder = resolve(directory, context);
  if (!(await isFolder(folder))) {
    await refuseMissingCheckout(directory);
    throw new UserError(
      `The context ${folder} is no folder. ${inputContext} (${JSON.stringify(context)}) starts from ${directory}.`,
    );
  }
  if (REMOTE.test(file)) return;
  // BuildKit falls back to the lower-case name, and only for the default: frontend/dockerui/config.go.
  const looked =
    file === '' ? [join(folder, 'Dockerfile'), join(folder, 'dockerfile')] : [resolve(directory, file)];
  const found = await Promise.all(looked.map(isFile));
  if (found.includes(true)) return;
  await refuseMissingCheckout(directory);
  const others = await dockerfilesNearby(directory);
  const whose = target === undefined ? 'the input file' : 'its `dockerfile`, from the context on';
  const instead = others.length === 0 ? '' : ` There is ${others.join(', ')}: name it in ${whose}.`;
  const told =
    target !== undefined
      ? ` (target ${target})`
      : file === ''
        ? ' (the input file names another, from the workspace on)'
        : '';
  throw new UserError(`There is no Dockerfile at ${looked[0]}${told}.${instead}`);
}

/** An empty workspace has one cause that is much likelier than all others. */
async function refuseMissingCheckout(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  if (names.length === 0) throw new UserError(missingCheckout(directory));
}

export function missingCheckout(directory: string): string {
  return `The workspace ${directory} is empty: the job has not checked the repository out. Add the step \`- uses: actions/checkout@v4\` before this one.`;
}

async function dockerfilesNearby(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && !/^(?:\.|node_modules$)/.test(entry.name));
  const deeper = await Promise.all(
    folders.slice(0, 50).map((entry) => readdir(join(directory, entry.name), { withFileTypes: true })),
  );
  return [...entries, ...deeper.flat()]
    .filter(
      (entry) => entry.isFile() && /^(?:Dockerfile|Containerfile)(?:\..+)?$|\.Dockerfile$/i.test(entry.name),
    )
    .filter((entry) => !entry.name.endsWith('.dockerignore'))
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort()
    .slice(0, 3);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
