import { makePrivateFolder } from '../process/folder.ts';
import { checkContext } from './context.ts';
import { findProgram } from './program.ts';
import type { BuildArguments, BuiltImage } from './request.ts';
import { placeSecrets } from './secrets.ts';

/** Builds and pushes. Every mistake that is recognised is a UserError; `BuildError` knows its line. */
export async function buildAndPush(args: BuildArguments): Promise<BuiltImage> {
  const { inputs, directory, environment, log } = args;
  await checkContext(inputs, directory);
  const program = findProgram(environment);
  const folder = await makePrivateFolder(environment, 'build');
  try {
    const secrets = await placeSecrets({ inputs, folder: folder.path, directory, environment, log });
    const prepared = { ...args, secrets, folder: folder.path };
    if (program.kind === 'buildx') {
      const { buildWithBuildx } = await import('./buildx.ts');
      return await buildWithBuildx(prepared, program);
    }
    const { buildWithBuildah } = await import('./buildah.ts');
    return await buildWithBuildah(prepared);
  } finally {
    await folder.remove();
  }
}
