import type { Annotations, ImageChange } from '../model/change.ts';
import type { Workload } from '../model/kube.ts';
import type { JsonPatchOperation } from '../model/patch.ts';

/**
 * The JSON patch that sets the images and our annotations, and nothing else.
 *
 * Its `test` operations make the API server refuse it as a whole when the object was made anew (uid), the
 * containers were rearranged (name), or somebody else set another image in between. Replicas are never sent:
 * they belong to an autoscaler.
 */
export function renderPatch(
  workload: Workload,
  changes: readonly ImageChange[],
  annotations: Annotations,
): readonly JsonPatchOperation[] {
  return [
    { op: 'test', path: '/metadata/uid', value: workload.metadata?.uid },
    ...changes.flatMap(imageOperations),
    ...annotationOperations(workload, annotations),
  ];
}

function imageOperations(change: ImageChange): readonly JsonPatchOperation[] {
  const path = `/spec/template/spec/${change.list}/${change.index}`;
  return [
    { op: 'test', path: `${path}/name`, value: change.name },
    { op: 'test', path: `${path}/image`, value: change.image },
    { op: 'replace', path: `${path}/image`, value: change.to },
  ];
}

function annotationOperations(workload: Workload, annotations: Annotations): readonly JsonPatchOperation[] {
  const present = workload.metadata?.annotations;
  const entries = Object.entries(annotations);
  if (entries.length === 0) return [];
  if (present === undefined) {
    // A map must be there before a key can be added; the test keeps us from wiping one that came meanwhile.
    const set = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    if (Object.keys(set).length === 0) return [];
    return [
      { op: 'test', path: '/metadata/resourceVersion', value: workload.metadata?.resourceVersion },
      { op: 'add', path: '/metadata/annotations', value: set },
    ];
  }
  return entries.flatMap(([key, value]): readonly JsonPatchOperation[] => {
    const path = `/metadata/annotations/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (value !== undefined) return [{ op: 'add', path, value }];
    return key in present ? [{ op: 'remove', path }] : [];
  });
}
