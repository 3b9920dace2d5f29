import type { ContainerSlot, ImageChange } from './change.ts';

/** A run of the action, as what it leaves behind names it. */
export interface RunName {
  /** For people: `acme/shop run 57, attempt 1`. */
  readonly title: string;
  /** Where a person reads it; undefined outside of GitHub. */
  readonly url: string | undefined;
}

/** Where a run stands among those of its workflow; two runs are comparable only where all but the number agree. */
export interface RunOrder {
  readonly repository: string;
  /** The workflow's file, as in `GITHUB_WORKFLOW_REF`, without the ref behind the @. */
  readonly workflow: string;
  /** `refs/heads/main` */
  readonly ref: string;
  /** `GITHUB_RUN_NUMBER`: counts the runs of a workflow; a re-run keeps its number. */
  readonly number: number;
}

/** An image in a container of a template. */
export type PlacedImage = Pick<ContainerSlot, 'list' | 'name' | 'image'>;

/** The last state of a workload that a gate held to be healthy to the end. */
export interface Stable {
  /** The workload's: one that was made anew under the same name has no history. */
  readonly uid: string;
  /** All containers of the template whose image bears a digest. A tag may say something else tomorrow. */
  readonly images: readonly PlacedImage[];
  /** undefined: an image that existed was deployed, and nobody knows of which commit it is. */
  readonly commit: string | undefined;
  readonly run: RunName;
  readonly order: RunOrder | undefined;
  /** ISO 8601, for people. */
  readonly time: string;
}

/** What a run left behind that began to change a workload and did not come to its end. */
export interface OpenMarker {
  readonly uid: string;
  /** `image` is what is to stand there again, `to` what was set. */
  readonly changes: readonly ImageChange[];
  /** Our annotations as they were; null: absent. */
  readonly annotationsBefore: Readonly<Record<string, string | null>>;
  readonly run: RunName;
  /** As of a stable state, should it prove to be one: an older run must not go over it. */
  readonly commit?: string;
  readonly order?: RunOrder;
  /** The step of that run, as it held the Lease: a run may have several that want the same workload. */
  readonly holder?: string;
  /** It was decided that it goes back, with all of its run, however healthy it may be by now. */
  readonly goesBack?: true;
  /** ISO 8601, for people. */
  readonly time: string;
}

/** What is remembered of a workload from run to run. */
export interface WorkloadRecord {
  readonly stable: Stable | undefined;
  readonly open: OpenMarker | undefined;
}
