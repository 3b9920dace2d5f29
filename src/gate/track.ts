/** What the timeline shows of one new pod: from its appearance until it was ready, or until the end. */
export interface PodSpan {
  readonly pod: string;
  readonly start: Date;
  readonly end: Date;
  readonly ready: boolean;
  /** The last phase that was seen, in few words. */
  readonly phase: string;
}

interface PodState {
  readonly pod: string;
  readonly uid: string;
  readonly phase: string;
  readonly ready: boolean;
}

/** Remembers, for the timeline, when each new pod came and when it first was ready. */
export class PodTrack {
  readonly #pods = new Map<string, PodState & { readonly start: Date; readonly readyAt: Date | undefined }>();
  #allReady: Date | undefined;

  /** Takes in what the pods are now; `at` is wall time. */
  record(pods: readonly PodState[], at: Date): void {
    for (const pod of pods) {
      const known = this.#pods.get(pod.uid);
      const readyAt = known?.readyAt ?? (pod.ready ? at : undefined);
      this.#pods.set(pod.uid, { ...pod, start: known?.start ?? at, readyAt });
    }
    const ready = pods.length > 0 && pods.every((pod) => pod.ready);
    this.#allReady = ready ? (this.#allReady ?? at) : undefined;
  }

  /** Since when all new pods have been ready without a break. */
  allReadySince(): Date | undefined {
    return this.#allReady;
  }

  spans(end: Date): readonly PodSpan[] {
    return [...this.#pods.values()].map((pod) => ({
      pod: pod.pod,
      start: pod.start,
      end: pod.readyAt ?? end,
      ready: pod.readyAt !== undefined,
      phase: pod.phase,
    }));
  }
}
