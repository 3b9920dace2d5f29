import type { Workload } from './kube.ts';

/** Where a container's image stands in a pod template. */
export interface ContainerSlot {
  readonly list: 'containers' | 'initContainers';
  readonly index: number;
  readonly name: string;
  /** The image that stands there now. */
  readonly image: string;
}

/** One image to set: where it stands, what stood there when it was read, what is to stand there. */
export interface ImageChange extends ContainerSlot {
  readonly to: string;
}

/** Annotations to set; undefined removes one. */
export type Annotations = Readonly<Record<string, string | undefined>>;

/** What became of a patch. */
export type Applied =
  | { readonly kind: 'applied'; readonly reply: Workload }
  /** Somebody else's change stands where ours was to go; nothing was changed by us. */
  | { readonly kind: 'conflict'; readonly message: string }
  /** The server would not take it: an admission webhook, a quota, a policy. In its own words. */
  | { readonly kind: 'refused'; readonly message: string }
  /**
   * The server could not take it: away, overloaded, failing, or without the right that it wants. Nothing was
   * changed; sentences of ours. `final`: trying again in a moment will not help.
   */
  | { readonly kind: 'prevented'; readonly message: string; readonly final?: true };
