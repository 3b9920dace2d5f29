import type { Place } from './place.ts';
import type { FailureCode } from './verdict.ts';

/** How a run ended. */
export type ResultKind =
  | 'succeeded'
  | 'unchanged'
  | 'superseded'
  | 'rolled-back'
  | 'rollback-failed'
  | 'failed'
  | 'unknown'
  | 'skipped';

/** The results on which a step stays green: nothing that failed is among them. */
export const GREEN: ReadonlySet<ResultKind> = new Set(['succeeded', 'unchanged', 'skipped']);

/** The version of the report's form: raised when a field changes its meaning or goes away. */
export const REPORT_VERSION = 1;

/** The whole story of a run, as written to the file behind the output `report` (docs/report.schema.json). */
export interface Report {
  readonly version: typeof REPORT_VERSION;
  readonly result: ResultKind;
  readonly command: 'deploy' | 'build';
  /** One line: what failed, where, why, what became of it; on success what was reached. */
  readonly reason: string;
  /** What to do next; absent when there is nothing to do. */
  readonly advice?: string;
  /** Lines that belong to the reason: what a failed build step wrote, the Role that grants missing rights. */
  readonly details?: readonly string[];
  /** Where in the repository the cause of a failure stands. */
  readonly place?: Place;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly source?: SourceReport;
  /** The image of the run, where there is one. */
  readonly image?: ImageReport;
  /** With a bake file: the image of each target, in bake's order. */
  readonly images?: readonly ImageReport[];
  readonly workloads: readonly WorkloadReport[];
  readonly timeline: readonly Span[];
  /** Requests sent to the Kubernetes API, and watches opened. */
  readonly api: { readonly requests: number; readonly watches: number };
}

export interface SourceReport {
  readonly revision: string;
  readonly dirty: boolean;
  readonly url?: string;
}

export interface ImageReport {
  /** Of the bake file. */
  readonly target?: string;
  /** repository@digest, or what was given where the digest stayed unknown. */
  readonly reference: string;
  readonly digest?: string;
  readonly tag?: string;
  /** Built in this run, as opposed to taken from the registry. */
  readonly built: boolean;
  /** Not built, because an earlier run built the same content: when (ISO 8601), and from which commit. */
  readonly reused?: { readonly built: string; readonly commit?: string };
  /** How this run built it. */
  readonly build?: BuildReport;
  /** Absent: nobody could be asked, or nothing was deployed. */
  readonly size?: SizeReport;
}

/** How the image was built. Names of steps and warnings quote the Dockerfile: hostile text, unescaped here. */
export interface BuildReport {
  /** Seconds from the call of the builder to its end: build, push, and what had to be begun again. */
  readonly seconds: number;
  /** What the builder did, in the order in which it began; absent: the builder does not tell. */
  readonly steps?: readonly BuildStep[];
  /** Of the Dockerfile's checks, for the most part. */
  readonly warnings: readonly {
    /** `JSONArgsRecommended`; absent: no check's. */
    readonly rule?: string;
    readonly message: string;
    readonly url?: string;
    readonly place?: Place;
  }[];
}

export interface BuildStep {
  /** In the builder's words: `[build 4/6] RUN npm ci`, `exporting to image`. */
  readonly name: string;
  /** Absent: it took none, being in the cache. */
  readonly seconds?: number;
  /** Of an instruction that makes a layer; absent: no cache has an answer to it. */
  readonly cached?: boolean;
}

/** How large the image is that a node of this platform pulls: its config and layers, compressed as they are sent. */
export interface SizeReport {
  readonly bytes: number;
  readonly layers: number;
  /** `linux/amd64`; absent: the image names none. */
  readonly platform?: string;
  /** Held against the image that it replaces; absent: there is none, or it is not known. */
  readonly change?: {
    /** The image that it is held against, as the workload named it. */
    readonly from: string;
    /** More than that one; negative: less. */
    readonly bytes: number;
    /** Layers that the other has not, and what they weigh: what a node that ran the other has to pull. */
    readonly newLayers: number;
    readonly newBytes: number;
  };
}

/** The images of a run: one, or those of a bake file; none: it ended before they were known. */
export function imagesOf({ image, images }: Pick<Report, 'image' | 'images'>): readonly ImageReport[] {
  return images ?? (image === undefined ? [] : [image]);
}

/**
 * How the image that runs is related to the digest that was deployed: the same, the manifest of one platform in that
 * index, the config of such a manifest; otherwise unknown.
 */
export type Runs = 'same' | 'child' | 'config' | 'unknown';

export interface WorkloadReport {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly outcome: 'healthy' | 'unchanged' | 'failed' | 'superseded' | 'unknown' | 'untouched';
  /** `unknown`: the answer to the patch was lost, and nobody could be asked. Absent where it is known. */
  readonly patched?: 'unknown';
  /** What became of our change when it was taken back. */
  readonly rollback?: {
    readonly outcome:
      | 'restored'
      | 'unnecessary'
      | 'declined'
      | 'impossible'
      | 'superseded'
      | 'failed'
      | 'unknown';
    readonly message: string;
    /** Seconds from the verdict to the workload healthy again. */
    readonly seconds?: number;
    /** What a person has to do for it to work after all; absent: set the image by hand. */
    readonly advice?: string;
  };
  readonly containers: readonly {
    readonly name: string;
    readonly before: string;
    readonly after: string;
    /** What it was to go back to, where that is not `before`: the last healthy state on record. */
    readonly back?: string;
    /** What the nodes say that it runs; absent: nobody looked, or they did not say. */
    readonly runs?: Runs;
  }[];
  readonly failure?: {
    readonly code: FailureCode;
    readonly message: string;
    readonly quote?: string;
    readonly advice: string;
  };
  /** How strong the evidence of health is, and what else a person should know. */
  readonly notes: readonly string[];
  readonly evidence?: Evidence;
}

/** What the cluster said of a failure. Hostile text, unescaped here: escape where it is shown. */
export interface Evidence {
  readonly containers: readonly {
    readonly pod: string;
    readonly container: string;
    /** In a few words: `waiting: CrashLoopBackOff, last exit 1 (Error), 3 restarts`. */
    readonly state: string;
  }[];
  readonly events: readonly {
    readonly object: string;
    readonly reason: string;
    readonly message: string;
    readonly count: number;
  }[];
  readonly logs?: {
    readonly pod: string;
    readonly container: string;
    readonly previous: boolean;
    readonly lines: readonly string[];
  };
  /** Why a part is missing: `logs: never`, permission, the pod is gone. */
  readonly missing: readonly string[];
}

/** One bar of the timeline. */
export interface Span {
  /** `preflight`, `image`, `patch`, `gate`, `rollback`, or the workload whose pods it shows. */
  readonly section: string;
  readonly label: string;
  /** ISO 8601. */
  readonly start: string;
  readonly end: string;
  readonly outcome: 'done' | 'failed' | 'active';
}
