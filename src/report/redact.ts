import type { Evidence, ImageReport, WorkloadReport } from '../model/report.ts';
import { cleanLines } from './clean.ts';

/** Makes the secrets in a text unreadable. */
export type Hide = (text: string) => string;

/** What is shorter is no secret, and would black out what a person has to read. */
const SHORTEST = 4;

const MASK = '***';

/**
 * Puts `***` in the place of each secret, as the runner would. The runner looks letter by letter for what it was told,
 * and does so at the end: in a text that was escaped or cut before, it does not find a secret. So this comes first.
 *
 * @param secrets all that the runner was told; more may come at any time, none ever goes
 */
export function redactor(secrets: ReadonlySet<string>): Hide {
  let known = 0;
  let forms: readonly string[] = [];
  return (text) => {
    if (known !== secrets.size) {
      forms = [...new Set([...secrets].flatMap(formsOf))].sort((one, other) => other.length - one.length);
      known = secrets.size;
    }
    const masked = replaceAll(text, forms);
    // A colour in the middle of a secret is taken away later, and the secret would be whole again.
    const clean = cleanLines(masked).join('\n');
    const seen = replaceAll(clean, forms);
    return seen === clean ? masked : seen;
  };
}

function replaceAll(text: string, forms: readonly string[]): string {
  return forms.reduce((rest, form) => (rest.includes(form) ? rest.replaceAll(form, MASK) : rest), text);
}

/** Each line of it, as the runner has it, and as JSON and addresses write it. */
function formsOf(secret: string): readonly string[] {
  return [secret, ...secret.split(/[\r\n]+/)]
    .map((each) => each.trim())
    .filter((each) => each.length >= SHORTEST)
    .flatMap((each) => [each, JSON.stringify(each).slice(1, -1), encodeURIComponent(each.toWellFormed())]);
}

/** What the cluster and the app said of a workload; names and images are for programs too, and stay. */
export function hideInWorkload(workload: WorkloadReport, hide: Hide): WorkloadReport {
  const { failure, rollback, evidence } = workload;
  return {
    ...workload,
    notes: workload.notes.map(hide),
    ...(failure && {
      failure: {
        ...failure,
        message: hide(failure.message),
        ...(failure.quote === undefined ? {} : { quote: hide(failure.quote) }),
        advice: hide(failure.advice),
      },
    }),
    ...(rollback && {
      rollback: {
        ...rollback,
        message: hide(rollback.message),
        ...(rollback.advice === undefined ? {} : { advice: hide(rollback.advice) }),
      },
    }),
    ...(evidence && { evidence: hideInEvidence(evidence, hide) }),
  };
}

function hideInEvidence(evidence: Evidence, hide: Hide): Evidence {
  const { containers, events, logs, missing } = evidence;
  return {
    containers: containers.map((each) => ({ ...each, state: hide(each.state) })),
    events: events.map((each) => ({ ...each, message: hide(each.message) })),
    ...(logs && { logs: { ...logs, lines: logs.lines.map(hide) } }),
    missing: missing.map(hide),
  };
}

/** What the builder quoted of the Dockerfile. */
export function hideInImage(image: ImageReport, hide: Hide): ImageReport {
  const { build } = image;
  if (build === undefined) return image;
  return {
    ...image,
    build: {
      ...build,
      ...(build.steps && { steps: build.steps.map((step) => ({ ...step, name: hide(step.name) })) }),
      warnings: build.warnings.map((warning) => ({ ...warning, message: hide(warning.message) })),
    },
  };
}
