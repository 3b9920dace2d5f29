import { randomBytes } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { run } from '../process/run.ts';
import { cacheTypes, wantsAttestation } from './args.ts';
import type { BuildInputs } from './inputs.ts';

/** The builder of one build; `name` is undefined for the one that docker would take by itself. */
export interface Builder {
  readonly name: string | undefined;
  remove(): Promise<void>;
}

export interface BuilderArguments {
  readonly inputs: BuildInputs;
  /** The registry is on this machine: a builder in a container must share its network to reach it. */
  readonly loopback: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const AS_FOUND: Builder = { name: undefined, remove: async () => {} };
const REMOVE_TIMEOUT = 60_000;

/**
 * Docker's own builder with its old image store can neither build for several platforms nor attest nor export
 * a cache. Only a wish for one of these is a reason to ask what builder there is, and only that builder a
 * reason to make another: an ordinary build begins at once.
 */
export async function chooseBuilder(args: BuilderArguments): Promise<Builder> {
  const { inputs, environment, log } = args;
  const wish = specialWish(inputs);
  if (wish === undefined || inputs.builder !== '' || environment['BUILDX_BUILDER']) return AS_FOUND;
  const [builder, store] = await Promise.all([
    ask(args, ['buildx', 'inspect']),
    ask(args, ['info', '--format', '{{json .DriverStatus}}']),
  ]);
  // What can not be asked is left to the build: it fails with a cause of its own.
  if (builder === undefined || store === undefined) return AS_FOUND;
  if (!/^Driver:\s+docker\s*$/m.test(builder) || store.includes('io.containerd.snapshotter')) return AS_FOUND;
  const name = `steadyship-${randomBytes(6).toString('hex')}`;
  log.info(`Docker's own builder can not do ${wish}: making the builder ${name} for this build.`);
  const network = args.loopback ? ['--driver-opt', 'network=host'] : [];
  const created = await ask(args, [
    'buildx',
    'create',
    '--name',
    name,
    '--driver',
    'docker-container',
    ...network,
  ]);
  if (created === undefined) return AS_FOUND;
  return {
    name,
    remove: async () => {
      // Not ended by the signal that ended the build: its container would stay.
      const removed = await run(
        {
          file: 'docker',
          args: ['buildx', 'rm', '--force', name],
          environment,
          directory: args.directory,
          timeout: REMOVE_TIMEOUT,
        },
        args.clock,
      );
      if (removed.exitCode !== 0)
        log.warning(`The builder ${name} was not removed: ${removed.stderr.trim()}`);
    },
  };
}

function specialWish(inputs: BuildInputs): string | undefined {
  if (inputs.platforms.length > 1) return 'several platforms';
  if (wantsAttestation(inputs)) return 'attestations';
  return cacheTypes(inputs.cacheTo).some((type) => type !== 'inline') ? 'cache-to' : undefined;
}

async function ask(args: BuilderArguments, command: readonly string[]): Promise<string | undefined> {
  const { environment, directory, signal, clock } = args;
  const ended = await run({ file: 'docker', args: command, environment, directory, signal }, clock);
  if (ended.exitCode === 0) return ended.stdout;
  args.log.debug(`docker ${command.join(' ')}: ${ended.stderr.trim()}`);
  return undefined;
}
