import type { Cluster } from '../cluster/client.ts';
import type { Found } from '../deploy/preflight.ts';
import type { Observer } from '../gate/observe.ts';
import type { Inputs } from '../inputs.ts';
import type { Registry } from '../registry/registry.ts';
import type { Guard } from './guard.ts';
import type { Obtained } from './image.ts';
import type { Shipped } from './lane.ts';
import type { Story } from './story.ts';
import type { World } from './world.ts';

/** All that a deploy works with. */
export interface DeployArguments {
  readonly inputs: Inputs;
  readonly world: World;
  readonly story: Story;
  readonly cluster: Cluster;
  readonly found: readonly Found[];
  readonly guard: Guard;
  readonly observer: Observer | undefined;
  /** Those that a run ships, of one commit. */
  readonly images: readonly Obtained[];
  readonly registry: Registry;
  /** What the registry was asked before the patch. */
  readonly checked: Promise<void>;
  /** Told what was patched, as soon as it is. */
  readonly patched: (shipped: readonly Shipped[]) => void;
}
