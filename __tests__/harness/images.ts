/** The images of the end-to-end tests: one program, and a digest for each way to be good or bad. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../cluster/command.ts';
import { architecture, type Image, pushImage, pushIndex } from '../cluster/image.ts';
import { cache } from '../cluster/place.ts';

type Recipe = Pick<Image, 'args' | 'entrypoint' | 'architecture'> & { readonly foreign?: true };

const other = architecture() === 'amd64' ? 'arm64' : 'amd64';

/** What the image's program does, see fixtures/app/main.go. */
const RECIPES = {
  v1: { args: ['-version', 'v1'] },
  v2: { args: ['-version', 'v2'] },
  v3: { args: ['-version', 'v3'] },
  slow: { args: ['-version', 'slow', '-slow', '5s'] },
  crash: { args: ['-crash', 'cannot connect to database at db:5432'] },
  'crash-once': { args: ['-crash', 'the database is still starting', '-once', '/data/crashed'] },
  'crash-soon': { args: ['-crash', 'lost the connection to db:5432', '-after', '3s'] },
  'crash-late': { args: ['-crash', 'lost the connection to db:5432', '-after', '15s'] },
  memory: { args: ['-memory'] },
  'not-ready': { args: ['-not-ready', '3 migrations are pending'] },
  'not-live': { args: ['-not-live', 'deadlock'] },
  'no-entrypoint': { entrypoint: ['/app/start'] },
  'other-architecture': { architecture: other },
  /** Says that it is for this machine, and is not. */
  liar: { foreign: true },
  init: { args: ['-done', 'migrated'] },
  'init-crash': { args: ['-crash', 'migration 7 failed: duplicate column'] },
  helper: { args: ['-version', 'helper', '-listen', ':8081'] },
  'helper-v2': { args: ['-version', 'helper 2', '-listen', ':8081'] },
  'helper-crash': { args: ['-crash', 'no certificate for the proxy'] },
} as const satisfies Record<string, Recipe>;

export type ImageName = keyof typeof RECIPES | 'both' | 'missing';

/** `registry/repository@sha256:…` of each. */
export type Images = Readonly<Record<ImageName, string>>;

/** The repository of all but the helpers, which stand for somebody else's image in the same pod. */
export const REPOSITORY = 'e2e/app';

/** Compiles the program, unless an earlier run did, and pushes all images. */
export async function pushFixtures(registry: string): Promise<Images> {
  const programs = await compile();
  const program = (recipe: Recipe): string => (recipe.foreign ? programs.foreign : programs.app);
  // One after the other: the registry mistakes two uploads of one layer at the same time for damage.
  const pushed: [string, string][] = [];
  for (const [name, recipe] of Object.entries<Recipe>(RECIPES)) {
    const repository = `${registry}/${name.startsWith('helper') ? 'e2e/helper' : REPOSITORY}`;
    const { foreign: _, ...rest } = recipe;
    const digest = await pushImage({ ...rest, reference: `${repository}:${name}`, program: program(recipe) });
    pushed.push([name, `${repository}@${digest}`]);
  }
  const both = await pushIndex(`${registry}/${REPOSITORY}:both`, [
    { program: programs.app, args: ['-version', 'both'] },
    { program: programs.foreign, args: ['-version', 'both'], architecture: other },
  ]);
  return {
    ...(Object.fromEntries(pushed) as Record<keyof typeof RECIPES, string>),
    both: `${registry}/${REPOSITORY}@${both}`,
    missing: `${registry}/${REPOSITORY}@sha256:${'0'.repeat(64)}`,
  };
}

interface Programs {
  readonly app: string;
  readonly foreign: string;
}

/** Static, as `FROM scratch` wants it. */
export async function compile(): Promise<Programs> {
  const source = join(import.meta.dirname, '../fixtures/app');
  const hash = createHash('sha256').update(architecture());
  for (const name of ['go.mod', 'main.go']) hash.update(readFileSync(join(source, name)));
  const folder = join(cache(), `app-${hash.digest('hex').slice(0, 12)}`);
  const programs = { app: join(folder, 'app'), foreign: join(folder, 'foreign') };
  if (existsSync(programs.foreign)) return programs;
  mkdirSync(folder, { recursive: true });
  const partial = join(folder, `app.${process.pid}`);
  const flags = ['-buildvcs=false', '-trimpath', '-ldflags', '-s -w'];
  const env = { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
  await run('go', ['build', ...flags, '-o', partial, '.'], { cwd: source, env });
  const content = readFileSync(partial);
  renameSync(partial, programs.app);
  writeFileSync(`${partial}.foreign`, forSparc(content), { mode: 0o755 });
  renameSync(`${partial}.foreign`, programs.foreign);
  return programs;
}

/** Bytes 18 and 19 of an ELF file name the processor; 2 is SPARC, which no kernel here takes for its own. */
function forSparc(program: Buffer): Buffer {
  const changed = Buffer.from(program);
  changed.writeUInt16LE(2, 18);
  return changed;
}
