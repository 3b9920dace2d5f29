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

/**
 * Waits until the caches are filled.
 *
 * @throws the signal's reason as soon as it is aborted; the caches are stopped then
 */
export async function whenReady(observer: Observer, signal: AbortSignal): Promise<void> {
  const stop = (): void => observer.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await observer.ready;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
