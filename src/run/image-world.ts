import type { RunFacts } from '../github/event.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { Registry } from '../registry/registry.ts';
import type { Story } from './story.ts';

/** The world of the image, opened lazily: a run that fails before needs none of it. */
export interface ImageWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workspace: string;
  readonly facts: RunFacts;
  readonly story: Story;
  readonly signal: AbortSignal;
  readonly registry: Registry;
}
