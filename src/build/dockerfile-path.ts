import { existsSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isLocalContext } from './context.ts';
import type { BuildInputs } from './inputs.ts';

/**
 * The Dockerfile of a build, from the workspace on; undefined: it is not in there, and no annotation can stand at
 * it. Found as buildx finds it: `file` starts from the workspace, and the context's own is the default.
 */
export function dockerfilePath(
  { context, file }: Pick<BuildInputs, 'context' | 'file'>,
  workspace: string,
): string | undefined {
  // The Dockerfile of a repository elsewhere lies in that repository, whatever `file` says.
  if (!isLocalContext(context) || !isLocalContext(file)) return undefined;
  const folder = resolve(workspace, context);
  const path = file === '' ? defaultOf(folder) : resolve(workspace, file);
  const inside = relative(workspace, path);
  if (inside === '' || isAbsolute(inside) || inside.split(sep)[0] === '..') return undefined;
  return inside.split(sep).join('/');
}

/** BuildKit falls back to the lower-case name: frontend/dockerui/config.go. */
function defaultOf(folder: string): string {
  const upper = join(folder, 'Dockerfile');
  const lower = join(folder, 'dockerfile');
  return !existsSync(upper) && existsSync(lower) ? lower : upper;
}

/** Whether BuildKit, which knows a Dockerfile by its name without the folder, speaks of this one. */
export function isNamed(path: string, name: string | undefined): boolean {
  return name === undefined || basename(path).toLowerCase() === basename(name).toLowerCase();
}
