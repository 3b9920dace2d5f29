import { type Before, restartsOf } from '../deploy/snapshot.ts';
import { readyNodes } from '../gate/evaluate/node.ts';
import type { Observation } from '../model/observation.ts';

/** What is there now, for a patch that comes next: what the gate will have to tell from what comes after it. */
export function beforeOf(seen: Observation): Before {
  const nodes = seen.kind === 'DaemonSet' && seen.nodes !== undefined ? readyNodes(seen.nodes) : undefined;
  return { kind: seen.kind, restarts: restartsOf(seen.pods), nodes };
}
