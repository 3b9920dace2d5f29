import type { ManagedField, Workload } from './kube.ts';

/** Who wrote the image last, as the API server's field ownership has it (Argo CD, Flux, kubectl-edit, …). */
export function imageManager(workload: Workload, container: string): string | undefined {
  const key = `k:${JSON.stringify({ name: container })}`;
  const template = ['f:spec', 'f:template', 'f:spec'];
  return lastManager(workload, (entry) =>
    ['f:containers', 'f:initContainers'].some((list) => owns(entry, [...template, list, key, 'f:image'])),
  );
}

/** Who wrote anything of the pod template last. */
export function templateManager(workload: Workload): string | undefined {
  return lastManager(workload, (entry) => owns(entry, ['f:spec', 'f:template']));
}

function lastManager(workload: Workload, isMeant: (entry: ManagedField) => boolean): string | undefined {
  const entries = (workload.metadata?.managedFields ?? [])
    .filter((entry) => !entry.subresource)
    .filter(isMeant);
  // Times are whole seconds; of two in the same second the later in the list was added later.
  const latest = entries.reduce<ManagedField | undefined>(
    (best, next) => (best === undefined || timeOf(next) >= timeOf(best) ? next : best),
    undefined,
  );
  return latest?.manager;
}

function timeOf(entry: ManagedField): number {
  return Date.parse(entry.time ?? '') || 0;
}

function owns(entry: ManagedField, path: readonly string[]): boolean {
  let fields: unknown = entry.fieldsV1;
  for (const step of path) {
    if (typeof fields !== 'object' || fields === null) return false;
    fields = (fields as Readonly<Record<string, unknown>>)[step];
  }
  return fields !== undefined;
}
