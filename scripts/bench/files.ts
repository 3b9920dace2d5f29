import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const FILES = 2_000;

/** A folder of 2,000 small files, for a context of the usual size. */
export async function layFiles(folder: string): Promise<void> {
  await mkdir(folder);
  for (let file = 0; file < FILES; file += 1) {
    await writeFile(join(folder, `${file}.txt`), `${file} `.repeat(500));
  }
}
