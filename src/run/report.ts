import type { Cluster } from '../cluster/client.ts';
import { LostLock } from '../deploy/lost-lock.ts';
import type { Found } from '../deploy/preflight.ts';
import type { Inputs } from '../inputs.ts';
import { Cancelled, messageOf, UnknownError, UserError } from '../model/error.ts';
import { REPORT_VERSION, type Report, type ResultKind, type WorkloadReport } from '../model/report.ts';
import type { ReasonParts } from '../report/parts.ts';
import { reasonFor } from '../report/reason.ts';
import { type Hide, hideInImage, hideInWorkload } from '../report/redact.ts';
import { explainCluster } from './cluster.ts';
import { type Deployed, Interrupted } from './ending.ts';
import { type Obtained, reportImage } from './image.ts';
import type { Sizes } from './sizes.ts';
import type { Story } from './story.ts';
import type { World } from './world.ts';

/** What a run knows so far; the report is written from it however the run ends. */
export interface Known {
  cluster?: Cluster;
  images?: readonly Obtained[];
  found?: readonly Found[];
  sizes?: Sizes;
}

/** The report of a run that came to its end. */
export function finish(
  inputs: Inputs,
  world: World,
  story: Story,
  known: Known,
  deployed: Deployed | undefined,
): Report {
  const { redact } = world;
  const result: ResultKind = deployed?.result ?? 'succeeded';
  const workloads = (deployed?.workloads ?? []).map((each) => hideInWorkload(each, redact));
  const words = reasonFor({
    result,
    command: inputs.command,
    workloads,
    ...reportImages(inputs, known, world.redact),
    ...(inputs.namespace === undefined ? {} : { namespace: inputs.namespace }),
    ...(deployed?.culprit === undefined ? {} : { culprit: deployed.culprit }),
    ...(deployed?.stopped === undefined ? {} : { stopped: unread(deployed.stopped, redact) }),
    tidied: story.tidied,
  });
  return report(inputs, world, story, known, { result, workloads, ...words });
}

/** The report of a run that could not come to its end. */
export function stop(inputs: Inputs, world: World, story: Story, known: Known, thrown: unknown): Report {
  const error = thrown instanceof Interrupted ? thrown.cause : thrown;
  const { result, message, advice } = wordFailure(error, known.cluster);
  const details = error instanceof UserError ? error.details : [];
  if (!(error instanceof UserError)) {
    world.log.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const { redact } = world;
  const interrupted = thrown instanceof Interrupted ? thrown.workloads : untouched(known.found ?? []);
  const workloads = interrupted.map((each) => hideInWorkload(each, redact));
  const words = reasonFor({
    result,
    command: inputs.command,
    workloads,
    ...(inputs.namespace === undefined ? {} : { namespace: inputs.namespace }),
    stopped: unread({ message, details, ...(advice === undefined ? {} : { advice }) }, redact),
    tidied: story.tidied,
  });
  const place = error instanceof UserError ? error.place : undefined;
  return report(inputs, world, story, known, {
    ...{ result, workloads, ...words },
    ...(place === undefined ? {} : { place }),
  });
}

type Stopped = NonNullable<ReasonParts['stopped']>;

/** Before it is put into one line, and cut. */
function unread({ message, advice, details }: Stopped, hide: Hide): Stopped {
  return {
    message: hide(message),
    ...(advice === undefined ? {} : { advice: hide(advice) }),
    ...(details === undefined ? {} : { details: details.map(hide) }),
  };
}

function wordFailure(
  error: unknown,
  cluster: Cluster | undefined,
): { readonly result: ResultKind; readonly message: string; readonly advice?: string } {
  if (error instanceof UserError) return { result: 'failed', message: error.message };
  if (error instanceof Cancelled) return { result: 'failed', message: error.message };
  if (error instanceof LostLock) {
    const advice =
      'Look at what that other run deploys. Run this one again when that has ended, if its image is still wanted.';
    return { result: 'failed', message: error.message, advice };
  }
  if (error instanceof UnknownError) return { result: 'unknown', message: error.message };
  const explained = explainCluster(error, cluster);
  if (explained !== undefined) return { result: 'unknown', message: explained };
  return {
    result: 'unknown',
    message: `SteadyShip met something that it does not know: ${messageOf(error)}.`,
    advice: 'Run again with debug logging on (re-run jobs, "Enable debug logging") and report what it shows.',
  };
}

function untouched(found: readonly Found[]): readonly WorkloadReport[] {
  return found.map(({ kind, namespace, name }) => ({
    kind,
    namespace,
    name,
    outcome: 'untouched',
    containers: [],
    notes: [],
  }));
}

/** A bake file's images bear their targets, also where there is only one. */
function reportImages(
  inputs: Inputs,
  { images = [], sizes }: Known,
  hide: Hide,
): Pick<Report, 'image' | 'images'> {
  const reports = images.map((each) => hideInImage(reportImage(each, sizes?.of(each.reference)), hide));
  const [only, another] = reports;
  return {
    ...(only === undefined || another !== undefined ? {} : { image: only }),
    ...(inputs.bake === undefined || only === undefined ? {} : { images: reports }),
  };
}

function report(
  inputs: Inputs,
  world: World,
  story: Story,
  known: Known,
  rest: Pick<Report, 'result' | 'reason' | 'advice' | 'details' | 'place' | 'workloads'>,
): Report {
  const source = known.images?.[0]?.source;
  return {
    version: REPORT_VERSION,
    command: inputs.command,
    startedAt: story.startedAt.toISOString(),
    endedAt: world.clock.wall().toISOString(),
    ...(source === undefined
      ? {}
      : {
          source: {
            revision: source.sha,
            dirty: source.dirty,
            ...(source.url === undefined ? {} : { url: source.url }),
          },
        }),
    ...reportImages(inputs, known, world.redact),
    timeline: story.timeline().map((span) => ({ ...span, label: world.redact(span.label) })),
    api: known.cluster?.requestsSent() ?? { requests: 0, watches: 0 },
    ...rest,
  };
}
