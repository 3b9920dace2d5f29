import { imageManager, templateManager } from '../../model/field-manager.ts';
import type { Container, PodTemplate, Workload } from '../../model/kube.ts';
import type { Observation, Pin } from '../../model/observation.ts';
import { isLeaving } from './scene.ts';
import { changedAnnotations, sameTemplate } from './template.ts';

/** Whose rollout it is that we look at. */
export type Stance =
  /** Somebody else's wish stands now; theirs is neither judged nor rolled back. */
  | { readonly kind: 'superseded'; readonly message: string }
  /** The cache has not yet seen our own patch. */
  | { readonly kind: 'behind' }
  /** Nobody can tell: its controller leaves the pods alone. */
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'ours'; readonly pin: Pin }
  /** The template changed, and our image is still in it: a new rollout, gated from its start. */
  | { readonly kind: 'anew'; readonly pin: Pin; readonly note: string };

/**
 * The generation moves with scaling and with *any* annotation, the controller's and our own too, so it says
 * nothing alone. What counts is the template, and in it our images.
 *
 * Source: deploymentStrategy.PrepareForUpdate, kubernetes pkg/registry/apps/deployment/strategy.go.
 */
export function takeStance(pin: Pin, seen: Observation): Stance {
  const { workload } = seen;
  if (workload === undefined || isLeaving(workload))
    return superseded('it was deleted while it was rolled out');
  if (workload.metadata?.uid !== pin.uid)
    return superseded('it was deleted and created anew while it was rolled out');
  const generation = workload.metadata.generation ?? 0;
  if (generation < pin.generation) return { kind: 'behind' };
  const template = workload.spec?.template ?? {};
  const same = generation === pin.generation || sameTemplate(template, pin.template);
  const lost = same ? undefined : lostImage(pin, workload);
  if (lost !== undefined) return superseded(lost);
  if (isPaused(seen)) return superseded('it was paused while it was rolled out');
  if (isOnDelete(seen)) return { kind: 'unknown', message: NOT_GATED };
  if (same) return { kind: 'ours', pin: generation === pin.generation ? pin : { ...pin, generation } };
  const note = `pinned anew: the pod template was changed${byWhom(templateManager(workload))}${what(pin.template, template)}, our image is still in it`;
  const conditions = workload.status?.conditions ?? [];
  // What the controller called the template before says nothing about the new one.
  const anew = { ...pin, generation, template, conditions, revision: undefined };
  return { kind: 'anew', pin: anew, note };
}

/**
 * OnDelete: the controller changes no pod until somebody deletes it, so there is no rollout to wait for, and pods of
 * the older image prove nothing about ours. Neither healthy nor failed: preflight refuses it, and when it is set
 * mid-gate, nobody can tell.
 */
const NOT_GATED =
  'its update strategy is OnDelete: no pod gets the new image until somebody deletes it, so it cannot be gated';

function isOnDelete(seen: Observation): boolean {
  return seen.kind !== 'Deployment' && seen.workload?.spec?.updateStrategy?.type === 'OnDelete';
}

function isPaused(seen: Observation): boolean {
  return seen.kind === 'Deployment' && seen.workload?.spec?.paused === true;
}

function superseded(message: string): Stance {
  return { kind: 'superseded', message };
}

/** Which of our images is no longer in the template, in words; undefined while all are. */
function lostImage(pin: Pin, workload: Workload): string | undefined {
  const containers = containersOf(workload.spec?.template);
  for (const { container, image } of pin.images) {
    const now = containers.find((one) => one.name === container);
    if (now === undefined)
      return `container ${container} was taken out of it${byWhom(templateManager(workload))}`;
    if (now.image !== image) {
      return `the image of container ${container} was changed to ${now.image}${byWhom(imageManager(workload, container))}`;
    }
  }
  return undefined;
}

function containersOf(template: PodTemplate | undefined): readonly Container[] {
  return [...(template?.spec?.initContainers ?? []), ...(template?.spec?.containers ?? [])];
}

function byWhom(manager: string | undefined): string {
  return manager === undefined ? '' : ` by ${manager}`;
}

function what(before: PodTemplate, after: PodTemplate): string {
  const keys = changedAnnotations(before, after);
  return keys.length === 0 ? '' : ` (annotation ${keys.join(', ')})`;
}
