import type { Log } from '../model/log.ts';
import type { Evidence } from '../model/report.ts';
import { shortName } from '../model/workload.ts';
import { shortImage } from '../report/live.ts';
import type { Shipped } from './lane.ts';

/** What was patched, a line for each container. */
export function tellPatch(log: Log, each: Shipped): void {
  const name = shortName(each);
  for (const change of each.changes) {
    log.info(
      each.unchanged
        ? `${name}: container ${change.name} runs ${shortImage(change.to)} already; nothing to patch`
        : `${name}: container ${change.name} from ${shortImage(change.image)} to ${shortImage(change.to)}`,
    );
  }
}

/** The words of the container that failed, folded: the summary has them too, but people look here first. */
export async function tellLogs(log: Log, evidence: Evidence | undefined): Promise<void> {
  if (evidence?.logs === undefined) return;
  const { pod, container, lines } = evidence.logs;
  const title = `The last ${lines.length === 1 ? 'line' : `${lines.length} lines`} of container ${container} in pod ${pod}`;
  await log.group(title, async () => {
    for (const line of lines) log.info(line);
  });
}
