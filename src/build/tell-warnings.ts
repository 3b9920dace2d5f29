import type { Log } from '../model/log.ts';
import type { BuildWarning } from './checks.ts';
import { placeOf } from './told.ts';

/** GitHub shows ten warnings of a step: two are left for our own, which may matter more. */
const MOST = 8;

/**
 * Tells each warning as an annotation at its line of the Dockerfile. What is too much for GitHub to show stands in
 * the build's own output, where buildx lists them all.
 *
 * @param path of the Dockerfile in the workspace; undefined: it is elsewhere, and the line is only told
 */
export function tellWarnings(warnings: readonly BuildWarning[], path: string | undefined, log: Log): void {
  for (const warning of warnings.slice(0, MOST)) {
    const { rule, message, detail, url, line } = warning;
    const place = placeOf(warning, path);
    const where = place === undefined && line !== undefined ? ` (line ${line} of the Dockerfile)` : '';
    const sentences = [`${message}${where}`, detail].filter((text) => text !== '').map(sentence);
    const title = rule === undefined ? 'Warning of the build' : `Dockerfile check: ${rule}`;
    log.warning([...sentences, ...(url === undefined ? [] : [url])].join(' '), { title, place });
  }
  const rest = warnings.length - MOST;
  if (rest > 0) {
    log.info(
      `${rest === 1 ? '1 more warning' : `${rest} more warnings`} of the build: see the list at the end of its output`,
    );
  }
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
