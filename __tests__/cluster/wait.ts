/** Waiting for the cluster: no longer than it lives, and told why when it does not come. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './place.ts';
import { lastLines, runs } from './process.ts';

export interface Expectation {
  /** "etcd to answer", as the failure words it. */
  readonly what: string;
  /** The components it takes: one that dies ends the wait at once, in its own words. */
  readonly of: readonly string[];
  readonly seconds: number;
  /** True when it came; a string says how far it is. A thrown error counts as "not yet". */
  check(): Promise<true | string>;
}

export async function until(place: Place, { what, of, seconds, check }: Expectation): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await check().catch((error: unknown) => String(error));
    if (found === true) return;
    const dead = of.find((name) => !runs(place, name));
    if (dead) throw new Error(`${dead} ended while waiting for ${what}:\n${lastLines(place, dead)}`);
    if (Date.now() > end) {
      throw new Error(`Waited ${seconds} s for ${what}; last seen: ${found}. Its logs are in ${place.logs}.`);
    }
    await sleep(50);
  }
}
