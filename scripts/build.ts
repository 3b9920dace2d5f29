/**
 * Bundles the two entries into dist/: tsc first, because ncc can not compile with TypeScript 7, then ncc on
 * its output. `--check` builds beside it and compares, so that what is committed is what the source says.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as bundle, transformSync } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

/** Tells the plugin's own question from esbuild's. */
const RESOLVING = 'resolving';

/** Builds both entries below a folder. */
export async function build(target: string): Promise<void> {
  rmSync(join(root, 'build'), { recursive: true, force: true });
  execFileSync(bin('tsc'), ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  await keepOnlyWhatIsNamed(join(root, 'build', 'github', 'core.js'));
  // Without a type it is taken for CommonJS, which Node loads sooner: the first request leaves 6 to 15 ms earlier.
  writeFileSync(join(root, 'build', 'package.json'), '{}\n');
  for (const entry of ['main', 'post']) {
    const out = join(target, entry);
    rmSync(out, { recursive: true, force: true });
    execFileSync(bin('ncc'), ['build', join('build', `${entry}.js`), '-o', out, '--minify', '--no-cache'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    writeFileSync(join(out, 'package.json'), '{"type":"commonjs"}\n');
    minifyChunks(out);
  }
  writeFileSync(join(target, 'licenses.txt'), licenses());
}

/**
 * What the packages that may be in the bundles ask to be handed on: those of the lockfile that are needed at run
 * time. (ncc's own list leaves out the modules that it has merged with others.)
 */
function licenses(): string {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: true; readonly license?: string }>>;
  };
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true && existsSync(join(root, path)))
    .map(([path, { license = 'no license named' }]) => {
      const name = path.replace(/^.*node_modules\//, '');
      const file = readdirSync(join(root, path)).find((each) => /^licen[cs]e/i.test(each));
      const text = file === undefined ? '' : `\n${readFileSync(join(root, path, file), 'utf8').trim()}\n`;
      return `${name}\n${license}\n${text}`;
    })
    .join('\n');
}

/**
 * Bundles a file that re-exports a part of a package. ncc keeps all of a package that does not say that its
 * modules have no effects when they are loaded, and @actions/core does not say so, though it is true.
 */
async function keepOnlyWhatIsNamed(file: string): Promise<void> {
  await bundle({
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    plugins: [
      {
        name: 'no effects',
        setup: ({ onResolve, resolve }) =>
          onResolve({ filter: /.*/ }, async ({ path, kind, resolveDir, pluginData }) => {
            if (kind === 'entry-point' || pluginData === RESOLVING) return undefined;
            const found = await resolve(path, { kind, resolveDir, pluginData: RESOLVING });
            return { ...found, sideEffects: false };
          }),
      },
    ],
  });
}

/** ncc minifies the entry alone; what is loaded lazily would be parsed at its full length. */
function minifyChunks(folder: string): void {
  for (const name of readTree(folder).keys()) {
    if (!name.endsWith('.index.js')) continue;
    const path = join(folder, name);
    const { code } = transformSync(readFileSync(path, 'utf8'), {
      minify: true,
      target: 'node24',
      legalComments: 'none',
    });
    writeFileSync(path, code);
  }
}

/** Every file below a folder, by its relative path. */
export function readTree(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path), readFileSync(path, 'latin1')] as const;
    }),
  );
}

/** The files in which dist differs from a fresh build. */
export async function differences(): Promise<readonly string[]> {
  const fresh = mkdtempSync(join(tmpdir(), 'steadyship-dist-'));
  try {
    await build(fresh);
    const [want, have] = [readTree(fresh), readTree(join(root, 'dist'))];
    const names = new Set([...want.keys(), ...have.keys()]);
    return [...names].filter((name) => want.get(name) !== have.get(name)).sort();
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const different = await differences();
    if (different.length > 0) {
      console.error(`dist differs from a fresh build (run npm run build): ${different.join(', ')}`);
      process.exit(1);
    }
  } else {
    await build(join(root, 'dist'));
    for (const [name] of readTree(join(root, 'dist'))) {
      console.log(`${String(statSync(join(root, 'dist', name)).size).padStart(9)} dist/${name}`);
    }
  }
}
