import type { Cluster } from '../cluster/client.ts';
import type { Found } from '../deploy/preflight.ts';
import { type Observer, openObserver } from '../gate/observe.ts';

/** Opens the caches for the workloads. */
export function observe(cluster: Cluster, found: readonly Found[]): Observer {
  const observer = openObserver(
    cluster,
    found.map(({ kind, namespace, name, workload }) => ({
      kind,
      namespace,
      name,
      selector: workload.spec?.selector,
    })),
  );
  // Who waits for it hears of it; it may also be stopped before anybody does.
  observer.ready.catch(() => undefined);
  return observer;
}
