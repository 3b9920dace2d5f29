import { randomBytes } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { type Ended, run } from '../process/run.ts';
import { cacheTypes, wantsAttestation } from './args.ts';
import type { CacheExports } from './cache.ts';
import { foreignPlatforms, missingEmulator } from './emulation.ts';
import { BuildError } from './failure.ts';
import type { BuildInputs } from './inputs.ts';
import type { Program } from './program.ts';

/** The builder of one build; `name` is undefined for the one that buildx would take by itself. */
export interface Builder {
  readonly name: string | undefined;
  readonly exports: CacheExports;
  remove(): Promise<void>;
}

export interface BuilderArguments {
  /** How each image of the call is built; their builder is the same. */
  readonly wishes: readonly BuildInputs[];
  readonly program: Extract<Program, { kind: 'buildx' }>;
  /** A cache would be taken by default: what the builder can write has to be known. */
  readonly caching: boolean;
  /** The registry is on this machine: a builder in a container must share its network to reach it. */
  readonly loopback: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const NOTHING = async (): Promise<void> => {};
const AS_FOUND: Builder = { name: undefined, exports: undefined, remove: NOTHING };
const REMOVE_TIMEOUT = 60_000;

/**
 * Docker's own builder with its old image store can neither build for several platforms nor attest nor export
 * a cache. Only a wish for one of these is a reason to make another; a cache that nobody asked for is none. What
 * builder there is, is asked only where something depends on it.
 *
 * A builder that was named (input, BUILDX_BUILDER) is taken as it is, whatever its driver; then the BuildKit that
 * BUILDKIT_HOST names; then buildx's current one.
 */
export async function chooseBuilder(args: BuilderArguments): Promise<Builder> {
  const { wishes, environment, log } = args;
  const given = wishes.find(({ builder }) => builder !== '')?.builder ?? '';
  const named = given || environment['BUILDX_BUILDER'] || '';
  const address = environment['BUILDKIT_HOST'] ?? '';
  if (named === '' && address !== '') {
    log.info(`Building with the BuildKit at ${address} (BUILDKIT_HOST)`);
    const builder = await make(args, ['--driver', 'remote', address]);
    return await settled(builder, () => tellMissingEmulator(args, builder.name));
  }
  const wish = named === '' ? specialWish(wishes) : undefined;
  const foreign = hasForeign(wishes);
  if (wish === undefined && !args.caching && !foreign) return AS_FOUND;
  const found = await inspect(args, named, { start: foreign, store: wish !== undefined || args.caching });
  // What can not be asked is left to the build: it fails with a cause of its own.
  if (found === undefined) return AS_FOUND;
  if (wish === undefined || found.exports !== 'inline') {
    await warnOfEmulator(args, found.platforms);
    return { ...AS_FOUND, exports: found.exports };
  }
  log.info(`Docker's own builder can not do ${wish}: making another for this build`);
  const network = args.loopback ? ['--driver-opt', 'network=host'] : [];
  const builder = await make(args, ['--driver', 'docker-container', ...network]);
  return await settled(builder, () => tellMissingEmulator(args, builder.name));
}

/** Makes a builder under a name that nobody has. */
async function make(args: BuilderArguments, options: readonly string[]): Promise<Builder & { name: string }> {
  const name = `steadyship-${randomBytes(6).toString('hex')}`;
  const created = await buildx(args, ['create', '--name', name, ...options]);
  if (created.exitCode !== 0) {
    throw new BuildError(
      `No builder could be made with \`docker buildx create ${options.join(' ')}\`: ${created.stderr.trim().replace(/^ERROR: /, '')}. Make one in a step before, with docker/setup-buildx-action, and give its name in the input builder.`,
    );
  }
  return {
    name,
    exports: 'all',
    remove: async () => {
      // Not ended by the signal that ended the build: its container would stay.
      const { signal: _, ...rest } = args;
      const removed = await buildx({ ...rest, timeout: REMOVE_TIMEOUT }, ['rm', '--force', name]);
      if (removed.exitCode !== 0) {
        args.log.warning(`The builder ${name} was not removed: ${removed.stderr.trim()}`);
      }
    },
  };
}

/** A builder that was made is removed, too, when what follows at once fails. */
async function settled(builder: Builder, body: () => Promise<void>): Promise<Builder> {
  try {
    await body();
    return builder;
  } catch (error) {
    await builder.remove();
    throw error;
  }
}

interface Found {
  readonly exports: CacheExports;
  readonly platforms: readonly string[];
}

async function inspect(
  args: BuilderArguments,
  name: string,
  { start, store: asked }: { readonly start: boolean; readonly store: boolean },
): Promise<Found | undefined> {
  const [builder, store] = await Promise.all([
    buildx(args, ['inspect', ...(start ? ['--bootstrap'] : []), ...(name === '' ? [] : [name])]),
    asked && name === '' && args.program.file === 'docker'
      ? command(args, ['info', '--format', '{{json .DriverStatus}}'])
      : undefined,
  ]);
  const driver = /^Driver:\s+(\S+)\s*$/m.exec(builder.stdout)?.[1];
  if (builder.exitCode !== 0 || driver === undefined) {
    args.log.debug(`docker buildx inspect: ${builder.stderr.trim()}`);
    return undefined;
  }
  const platforms = [...builder.stdout.matchAll(/^Platforms:\s+(.+)$/gm)].flatMap(([, list = '']) =>
    list.split(',').map((platform) => platform.trim()),
  );
  if (driver !== 'docker') return { exports: 'all', platforms };
  if (store === undefined || store.exitCode !== 0) return { exports: undefined, platforms };
  const isNew = store.stdout.includes('io.containerd.snapshotter');
  return { exports: isNew ? 'all' : 'inline', platforms };
}

/** A builder that was just made is started for the question; the build would start it anyway. */
async function tellMissingEmulator(args: BuilderArguments, name: string | undefined): Promise<void> {
  if (name === undefined || !hasForeign(args.wishes)) return;
  await warnOfEmulator(args, (await inspect(args, name, { start: true, store: false }))?.platforms ?? []);
}

async function warnOfEmulator(args: BuilderArguments, able: readonly string[]): Promise<void> {
  const { wishes, directory } = args;
  const sentences = await Promise.all(wishes.map((inputs) => missingEmulator({ inputs, able, directory })));
  for (const sentence of new Set(sentences)) if (sentence !== undefined) args.log.warning(sentence);
}

function hasForeign(wishes: readonly BuildInputs[]): boolean {
  return wishes.some((inputs) => foreignPlatforms(inputs).length > 0);
}

function specialWish(wishes: readonly BuildInputs[]): string | undefined {
  if (wishes.some(({ platforms }) => platforms.length > 1)) return 'several platforms';
  if (wishes.some(wantsAttestation)) return 'attestations';
  const cached = cacheTypes(wishes.flatMap(({ cacheTo }) => cacheTo));
  return cached.some((type) => type !== 'inline') ? 'cache-to' : undefined;
}

type Asking = Omit<BuilderArguments, 'signal'> & { readonly signal?: AbortSignal; readonly timeout?: number };

function buildx(args: Asking, words: readonly string[]): Promise<Ended> {
  return command(args, [...args.program.before, ...words]);
}

function command(
  { program, environment, directory, clock, signal, timeout }: Asking,
  words: readonly string[],
) {
  return run(
    {
      file: program.file,
      args: words,
      environment,
      directory,
      ...(signal === undefined ? {} : { signal }),
      ...(timeout === undefined ? {} : { timeout }),
    },
    clock,
  );
}
