import type { BuildReport, BuildStep, ImageReport, SizeReport } from '../model/report.ts';
import { cut, oneLine } from './clean.ts';
import { code, escapeMarkdown } from './escape.ts';
import { formatBytes, formatDuration, plural, shortImage } from './live.ts';
import { table } from './table.ts';

/** Those that a person would look at to make the build faster. */
const SLOWEST = 5;
const SLOWEST_IN_LOG = 3;
/** Below this nothing is to be won: seconds. */
const WORTH = 1;
const MOST_WARNINGS = 20;
const NAME_LENGTH = 120;

/** `14 of 18 steps from the cache, 31 s; the slowest: [build 4/6] RUN npm ci (12 s)`: plain text, not escaped. */
export function describeBuild(build: BuildReport): string {
  const slow = slowest(build, SLOWEST_IN_LOG).map(
    (step) => `${oneLine(cut(step.name, NAME_LENGTH))} (${took(step)})`,
  );
  const rest = slow.length === 0 ? '' : `; the slowest: ${slow.join(', ')}`;
  return `${inShort(build)}${rest}`;
}

/**
 * `48.2 MB in 9 layers for linux/amd64, 1.3 MB more than …; 2 of 9 are new (3.1 MB), the others are reused`.
 *
 * @param name makes names from a registry or a cluster harmless where it is shown; not given: nothing is done
 */
export function describeSize(size: SizeReport, name = (text: string): string => text): string {
  const { bytes, layers, platform, change } = size;
  const kind = platform === undefined ? '' : ` for ${name(platform)}`;
  const whole = `${formatBytes(bytes)} in ${plural(layers, 'layer')}${kind}`;
  if (change === undefined) return whole;
  const other = change.from.includes('@') ? 'the one that it replaces' : name(shortImage(change.from));
  return `${whole}, ${difference(change)} ${other}; ${added(change, layers)}`;
}

function difference({ bytes }: NonNullable<SizeReport['change']>): string {
  if (bytes === 0) return 'as much as';
  return `${formatBytes(Math.abs(bytes))} ${bytes > 0 ? 'more' : 'less'} than`;
}

function added({ newLayers, newBytes }: NonNullable<SizeReport['change']>, layers: number): string {
  if (newLayers === 0) return 'no layer is new';
  if (newLayers === layers) return 'all layers are new';
  return `${newLayers} of ${layers} ${newLayers === 1 ? 'is' : 'are'} new (${formatBytes(newBytes)}), the others are reused`;
}

/**
 * What there is to say of the image, folded; empty: nothing.
 *
 * @param target tells it from the other images of a bake file
 */
export function renderBuild({ build, size }: ImageReport, target?: string): string {
  const heads = [
    ...(size === undefined ? [] : [describeSize(size, code)]),
    ...(build === undefined ? [] : [inShort(build)]),
    ...(build === undefined || build.warnings.length === 0 ? [] : [plural(build.warnings.length, 'warning')]),
  ];
  if (heads.length === 0) return '';
  const parts = build === undefined ? [] : [steps(build), warnings(build)].filter((part) => part !== '');
  const head = `Image${target === undefined ? '' : ` ${code(target)}`}: ${heads.join(' · ')}`;
  if (parts.length === 0) return head;
  // A blank line after <summary> ends the HTML block: without it GitHub shows the markdown below as it stands.
  return ['<details>', `<summary>${head}</summary>`, '', parts.join('\n\n'), '', '</details>'].join('\n');
}

function inShort(build: BuildReport): string {
  const whole = formatDuration(build.seconds * 1_000);
  const layers = (build.steps ?? []).filter(({ cached }) => cached !== undefined);
  if (layers.length === 0) return `built and pushed in ${whole}`;
  const cached = layers.filter((step) => step.cached).length;
  const which =
    cached === layers.length
      ? `all ${layers.length}`
      : `${cached === 0 ? 'none' : cached} of ${layers.length}`;
  return `built and pushed in ${whole}, ${which} ${layers.length === 1 ? 'step' : 'steps'} from the cache`;
}

function steps(build: BuildReport): string {
  const rows = slowest(build, SLOWEST).map((step) => [code(cut(step.name, NAME_LENGTH)), took(step)]);
  return rows.length === 0 ? '' : table(['The slowest steps', 'Took'], rows);
}

function slowest({ steps: all = [] }: BuildReport, most: number): readonly BuildStep[] {
  return all
    .filter(({ seconds = 0 }) => seconds >= WORTH)
    .toSorted((one, other) => (other.seconds ?? 0) - (one.seconds ?? 0))
    .slice(0, most);
}

/** BuildKit tells tenths, which matter where a step took few seconds. */
function took({ seconds = 0 }: BuildStep): string {
  return seconds < 10 ? `${seconds} s` : formatDuration(seconds * 1_000);
}

function warnings({ warnings: all }: BuildReport): string {
  const lines = all.slice(0, MOST_WARNINGS).map(({ rule, message, place }) => {
    const where = place === undefined ? '' : `${code(`${place.file}:${place.line}`)} `;
    const which = rule === undefined ? '' : `${code(rule)}: `;
    return `- ${where}${which}${escapeMarkdown(cut(message, 500))}`;
  });
  const more = all.length > MOST_WARNINGS ? [`- …and ${all.length - MOST_WARNINGS} more`] : [];
  return [...lines, ...more].join('\n');
}
