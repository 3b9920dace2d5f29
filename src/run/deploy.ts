import { keyOf } from '../deploy/lease.ts';
import type { Observer } from '../gate/observe.ts';
import { messageOf } from '../model/error.ts';
import { isSameWorkload, shortName } from '../model/workload.ts';
import type { AfterPatch } from './after-patch.ts';
import { checkStable } from './checks.ts';
import { explained } from './cluster.ts';
import type { DeployArguments } from './deploy-arguments.ts';
import type { Deployed } from './ending.ts';
import { Overtaken } from './guard.ts';
import { commitOf } from './image.ts';
import type { Lane, Ship } from './lane.ts';
import { observe } from './observe.ts';
import { checkOrder } from './order.ts';
import { patchAll } from './patching.ts';
import { saveBegun, saveOpen } from './save.ts';
import { survey } from './survey.ts';

/** Patches, gates, and puts back what did not become healthy. */
export async function deploy(args: DeployArguments): Promise<Deployed> {
  const { guard, story } = args;
  try {
    return await attempt(args);
  } catch (error) {
    if (!(error instanceof Overtaken)) throw error;
    await story
      .part('preflight', 'lock', () => guard.wait())
      .catch((error: unknown) => Promise.reject(explained(error, args.cluster)));
    saveBegun(args, []);
    // What was read before is of the past.
    return await attempt({ ...args, observer: undefined });
  }
}

/** @throws Overtaken before anything was changed: the lock is to be waited for, and everything read again */
async function attempt(args: DeployArguments): Promise<Deployed> {
  const { inputs, world, cluster, images, story, guard, found } = args;
  const { clock, log, signal } = world;
  const ship: Ship = { cluster, limits: inputs.limits, clock, log, signal };
  if (guard.lock !== undefined) {
    const [{ resolveLeftovers }, { isUnresolved, putBack, tellFate }] = await Promise.all([
      import('./leftovers.ts'),
      import('./put-back.ts'),
    ]);
    await resolveLeftovers(ship, guard.lock, found, inputs.rollback, (changes) =>
      putBack(cluster, changes, {
        ...{ inputs, clock, log, signal },
        // Kept as soon as it may be so: however this ends, it is told what was changed.
        sent: (change) => story.tidy(change, false),
        tell: (finished) => {
          if (finished.fate.kind === 'healthy') story.tidy(finished.change, true);
          // What is not resolved ends the run, in the same words.
          if (!isUnresolved(finished)) tellFate(log, finished);
        },
      }),
    );
  }
  const observer = args.observer ?? observe(cluster, found);
  const lanes = await story.part('preflight', 'snapshot', () => survey(ship, observer, found, guard, images));
  try {
    if (inputs.rollback === 'auto') await checkStable(args.registry, images, lanes, log);
    const order = await checkOrder(inputs, world, guard, lanes, commitOf(images));
    if (order.kind === 'skip') {
      const { skipped } = await import('./outcome.ts');
      return skipped(lanes, order.message);
    }
    if (order.kind === 'wished') log.notice(order.message);
    return await patch(args, ship, observer, lanes);
  } finally {
    observer.stop();
  }
}

/** The annotations that say on the object where its image came from. */
function annotationsOf({ world, images }: DeployArguments): Readonly<Record<string, string>> {
  const commit = commitOf(images);
  return {
    ...(world.facts.runUrl === undefined ? {} : { 'steadyship.dev/run': world.facts.runUrl }),
    ...(commit === undefined ? {} : { 'steadyship.dev/revision': commit }),
  };
}

/** Sends the patches. What follows them is loaded while the controllers begin. */
async function patch(
  args: DeployArguments,
  ship: Ship,
  observer: Observer,
  lanes: readonly Lane[],
): Promise<Deployed> {
  const { world, story, guard } = args;
  const start = world.clock.wall();
  const touched = new Set<string>();
  let sent: Lane | undefined;
  let told: ReadonlySet<string> | undefined;
  const after = async (): Promise<AfterPatch> => {
    const { AfterPatch } = await import('./after-patch.ts');
    return new AfterPatch(args, { ship, observer, lanes, told: () => told });
  };
  const unlost = { ...ship, signal: AbortSignal.any([ship.signal, guard.lost]) };
  const patched = await patchAll(unlost, lanes, annotationsOf(args), {
    // The markers on the Leases are for a run that is killed with its post step; the state is for the post step.
    prepare: async (open) => {
      const marked = guard.mark(open, commitOf(args.images));
      // On its way before the patch is: what it brings is of before.
      observer.told().then(
        (seen) => {
          told = seen;
        },
        // Nothing is decided by it.
        () => undefined,
      );
      try {
        await marked;
      } finally {
        // Asked since the image was known; what it says against the patch is heard before the patch, and comes first.
        await args.checked;
      }
      saveBegun(args, open);
    },
    touch: (lane) => {
      sent = lane;
      touched.add(keyOf(lane));
    },
    correct: (open) => saveOpen(args, open),
    // The next run knows ours by its image: a marker in other words than the server's would be of somebody else's.
    answered: async (lane, open) => {
      saveOpen(args, open);
      const ours = open.filter((each) => isSameWorkload(each, lane));
      await guard.mark(ours, commitOf(args.images)).catch((error: unknown) => {
        world.log.debug(
          `the marker of ${shortName(lane)} could not be brought up to date: ${messageOf(error)}`,
        );
      });
    },
  }).catch(async (error: unknown) => {
    if (error instanceof Overtaken) throw error;
    return (await after()).breakOff((lane) => touched.has(keyOf(lane)), error, sent);
  });
  const section = { section: 'patch', label: 'patch', start, end: world.clock.wall() };
  story.add({ ...section, outcome: patched.kind === 'patched' ? 'done' : 'failed' });
  return await (await after()).end(patched);
}
