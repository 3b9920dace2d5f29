import type { Completion } from './complete.ts';
import type { Refusal } from './create.ts';
import type { PassedDeadline } from './overdue.ts';
import type { Scene } from './scene.ts';
import type { Sign } from './sign.ts';

/**
 * What one kind says about a rollout. Every kind is asked the same questions (in a file of its own), and what is
 * made of the answers is the same for all. To add a kind: its observation in the model, its file, its line in
 * workload.ts, its rows.
 */
export interface Answers {
  /** With the pin, to which a kind may add what it came to know. */
  readonly scene: Scene;
  readonly completion: Completion;
  /** What the API server refuses to create for it. */
  readonly refusal: Refusal | undefined;
  /** The controller's own deadline, if it has one and it has passed for this rollout. */
  readonly deadline: PassedDeadline | undefined;
  /** The rollout reaches no pod: complete as soon as it is observed, and how that is said. */
  readonly nothing: { readonly message: string; readonly note: string } | undefined;
  /** Trouble that only this kind knows. None proves anything alone. */
  readonly signs: readonly Sign[];
  /** What a person should know of a healthy one. */
  readonly notes: readonly string[];
}
