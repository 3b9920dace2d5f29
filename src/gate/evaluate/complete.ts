import type { Memory } from './memory.ts';
import { isLeaving, placesOf, type Scene } from './scene.ts';

/** Whether the rollout is complete; `behind`: it may be, but a controller or a cache has not caught up. */
export type Completion =
  | { readonly kind: 'complete' }
  | { readonly kind: 'behind'; readonly lacks: string }
  | { readonly kind: 'incomplete'; readonly lacks: string };

export function incomplete(lacks: string): Completion {
  return { kind: 'incomplete', lacks };
}

/** How strong the evidence for "healthy" is, and what else a person should know, whatever the kind. */
export function notesOf(scene: Scene, memory: Memory): readonly string[] {
  const notes: string[] = [];
  const unprobed = (scene.pin.template.spec?.containers ?? [])
    .filter((one) => scene.pin.images.some((image) => image.container === one.name))
    .filter((one) => one.readinessProbe === undefined);
  for (const one of unprobed) {
    notes.push(`container ${one.name} has no readiness probe: ready only means that it was started`);
  }
  for (const place of scene.pods.flatMap(placesOf)) {
    const deaths = memory.containers[place.key]?.deaths ?? 0;
    if (deaths === 0) continue;
    const times = deaths === 1 ? 'once' : `${deaths} times`;
    notes.push(
      `${place.role} ${place.name} of pod ${place.pod.metadata?.name} ended ${times} before it was well`,
    );
  }
  const leaving = scene.oldPods.filter(isLeaving).length;
  if (leaving > 0) notes.push(`${leaving} old ${leaving === 1 ? 'pod is' : 'pods are'} still ending`);
  return notes;
}
