/** What the gate concluded. A failure is data, never an exception. */
export type Verdict =
  | { readonly kind: 'progressing'; readonly message: string }
  | {
      readonly kind: 'healthy';
      readonly message: string;
      readonly notes: readonly string[];
      /** Not one pod was to run the image (no replicas, no node): nothing speaks against it, and nothing for it. */
      readonly unproven?: true;
    }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'superseded'; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

/**
 * Why a rollout failed, in the product's terms. `patience` may be set for the codes that are timers
 * (see {@link import('./limits.ts').Limits}).
 */
export type FailureCode =
  | 'image-name'
  | 'image-missing'
  | 'image-denied'
  | 'config-error'
  | 'cannot-start'
  | 'crash'
  | 'out-of-memory'
  | 'probe-killed'
  | 'exits'
  | 'pod-failed'
  | 'unschedulable'
  | 'create-denied'
  | 'volume'
  | 'progress-deadline'
  | 'no-progress'
  | 'deadline'
  | 'late-crash'
  /** A pod of the bad revision keeps a StatefulSet from its way back. */
  | 'blocked'
  | 'gone';

export interface Failure {
  readonly code: FailureCode;
  /**
   * What failed, without the object in front and without a full stop, in plain words:
   * `container web exits 1 on every new pod (3 crashes)`.
   */
  readonly message: string;
  /** Words of the cluster that prove it (a pull error, a probe's last message); hostile text, not escaped. */
  readonly quote?: string;
  /** One thing to do next: a whole sentence. */
  readonly advice: string;
  /** Whose logs and events to look at; absent when no pod came to be. */
  readonly subject?: {
    readonly pod: string;
    readonly podUid: string;
    readonly container?: string;
    /** The instance that died, not the one that runs now. */
    readonly previous?: boolean;
  };
}
