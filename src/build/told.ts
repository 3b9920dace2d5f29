import type { BuildReport } from '../model/report.ts';
import type { BuildWarning } from './checks.ts';
import { isNamed } from './dockerfile-path.ts';
import { isInstruction, type Step } from './steps.ts';

/** More than any build that people look at has; the report is only data, and has to end. */
const MOST_STEPS = 500;
const MOST_WARNINGS = 100;
/** A heredoc may be a whole script. */
const LONGEST_NAME = 500;

/**
 * What the report says of a build.
 *
 * @param milliseconds that all of it took
 * @param steps undefined: the builder does not tell
 * @param dockerfile from the workspace on; undefined: it is not in there
 */
export function reportBuild(
  milliseconds: number,
  steps: readonly Step[] | undefined,
  warnings: readonly BuildWarning[],
  dockerfile: string | undefined,
): BuildReport {
  return {
    seconds: Math.round(milliseconds / 100) / 10,
    ...(steps === undefined ? {} : { steps: steps.slice(0, MOST_STEPS).map(reportStep) }),
    warnings: warnings.slice(0, MOST_WARNINGS).map((warning) => {
      const { rule, message, url } = warning;
      const place = placeOf(warning, dockerfile);
      return {
        ...(rule === undefined ? {} : { rule }),
        message,
        ...(url === undefined ? {} : { url }),
        ...(place === undefined ? {} : { place }),
      };
    }),
  };
}

/** The line of a warning in the workspace's Dockerfile; undefined: it stands elsewhere, or nowhere. */
export function placeOf({ file, line, endLine }: BuildWarning, dockerfile: string | undefined) {
  if (dockerfile === undefined || line === undefined || !isNamed(dockerfile, file)) return undefined;
  return { file: dockerfile, line, ...(endLine === undefined ? {} : { endLine }) };
}

function reportStep(step: Step): NonNullable<BuildReport['steps']>[number] {
  const { name, seconds, cached } = step;
  return {
    name: name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name,
    ...(seconds === undefined ? {} : { seconds }),
    ...(isInstruction(step) ? { cached } : {}),
  };
}
