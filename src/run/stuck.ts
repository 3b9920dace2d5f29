import { ApiError, type Cluster } from '../cluster/client.ts';
import { explain } from '../cluster/explain.ts';
import { podEviction, pods as podPath } from '../cluster/paths.ts';
import { stuckPods } from '../gate/evaluate/blocked.ts';
import type { GateArguments, Outcome } from '../gate/lane.ts';
import type { Observer } from '../gate/observe.ts';
import { messageOf } from '../model/error.ts';
import type { Pod } from '../model/kube.ts';
import type { Observation, Pin } from '../model/observation.ts';
import type { Failure } from '../model/verdict.ts';
import { isSameWorkload, shortName } from '../model/workload.ts';
import { gate } from './gating.ts';

interface RevertArguments extends Omit<GateArguments, 'all' | 'impasse'> {
  readonly cluster: Cluster;
  /** Input `evict-stuck`. */
  readonly evict: boolean;
  /** Of the rollout that failed: its pods are the ones that may be stuck. */
  readonly failed?: readonly Pin[];
}

/**
 * The gate of what was put back, each workload to its own end. With OrderedReady, a StatefulSet's controller waits for
 * ever for a pod of the bad revision to become Ready before it replaces it (kubernetes#67250): such pods are evicted
 * when that is wished for, and otherwise the wait ends at once by saying what a person has to do.
 */
export async function gateRevert(args: RevertArguments): Promise<readonly Outcome[]> {
  const { failed = [], ...rest } = args;
  const stuck = (pin: Pin, seen: Observation): readonly Pod[] => {
    if (seen.kind !== 'StatefulSet') return [];
    const bad = failed.find((each) => isSameWorkload(each, pin))?.revision;
    return stuckPods({ pin, seen, bad });
  };
  const listeners = new Set<() => void>();
  const evictor = new Evictor(args, () => {
    for (const listener of listeners) listener();
  });
  // What became of an eviction no watch tells.
  const observer: Observer = {
    ...args.observer,
    subscribe: (listener) => {
      listeners.add(listener);
      const off = args.observer.subscribe(listener);
      return () => {
        listeners.delete(listener);
        off();
      };
    },
  };
  const impasse = (pin: Pin, seen: Observation): Failure | undefined => {
    const pods = stuck(pin, seen);
    if (pods.length === 0) return undefined;
    if (!args.evict) return blocked(pin, pods, 'or set `evict-stuck: true`');
    const refused = evictor.evict(pin, pods);
    return refused === undefined ? undefined : blocked(pin, pods, refused);
  };
  return await gate({ ...rest, observer, all: true, impasse });
}

function blocked(pin: Pin, pods: readonly Pod[], more: string): Failure {
  const names = pods.map(nameOf);
  const [first, ...others] = names;
  const who =
    others.length === 0
      ? `pod ${first} of the failed image is`
      : `pods ${names.join(', ')} of the failed image are`;
  const refused = more.startsWith('or ') ? '' : `, and ${more}`;
  const input = more.startsWith('or ') ? ` (${more} to have that done)` : '';
  const [pod] = pods;
  return {
    code: 'blocked',
    message: `the image from before is set again, but ${who} not ready, and the controller replaces no pod while that is so (kubernetes#67250)${refused}`,
    advice: `Delete ${others.length === 0 ? 'it' : 'them'}: kubectl -n ${pin.namespace} delete pod ${names.join(' ')}${input}. The controller then makes ${others.length === 0 ? 'it' : 'them'} anew with the image from before.`,
    ...(pod === undefined ? {} : { subject: { pod: nameOf(pod), podUid: pod.metadata?.uid ?? '' } }),
  };
}

function nameOf(pod: Pod): string {
  return pod.metadata?.name ?? '';
}

/** Sends each pod away once, the highest ordinal first, and one after the other. */
class Evictor {
  readonly #args: RevertArguments;
  readonly #answered: () => void;
  readonly #asked = new Set<string | undefined>();
  readonly #refusals = new Map<string, string>();
  #queue: Promise<void> = Promise.resolve();

  constructor(args: RevertArguments, answered: () => void) {
    this.#args = args;
    this.#answered = answered;
  }

  /** @returns why it can not be done, once that is known */
  evict(pin: Pin, stuck: readonly Pod[]): string | undefined {
    for (const pod of stuck) {
      const uid = pod.metadata?.uid;
      if (this.#asked.has(uid)) continue;
      this.#asked.add(uid);
      this.#queue = this.#queue.then(() => this.#send(pin, pod)).then(this.#answered);
    }
    return stuck.map((pod) => this.#refusals.get(pod.metadata?.uid ?? '')).find((why) => why !== undefined);
  }

  async #send(pin: Pin, pod: Pod): Promise<void> {
    const { cluster, log } = this.#args;
    const name = nameOf(pod);
    const tell = (what: string): void => log.info(`${shortName(pin)}: pod ${name} ${what}`);
    try {
      if (await this.#evictOrAsk(pin.namespace, pod))
        tell('of the failed image evicted: it blocked the way back');
      else {
        await cluster.delete(podPath(pin.namespace, name), preconditions(pod));
        tell(
          'of the failed image deleted: it blocked the way back, and a disruption budget forbids its eviction',
        );
      }
    } catch (error) {
      // Gone, or made anew meanwhile: that is what was wanted.
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
      const why = error instanceof ApiError ? explain(error, cluster) : messageOf(error);
      this.#refusals.set(pod.metadata?.uid ?? '', `it could not be evicted (${why.replace(/\.$/, '')})`);
    }
  }

  /** @returns false when a disruption budget forbids it: a pod that never became ready serves nobody, and goes all the same */
  async #evictOrAsk(namespace: string, pod: Pod): Promise<boolean> {
    try {
      await this.#args.cluster.create(podEviction(namespace, nameOf(pod)), {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: nameOf(pod), namespace },
        deleteOptions: preconditions(pod),
      });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 429) return false;
      throw error;
    }
  }
}

/** Never the pod that took its place under the same name. */
function preconditions(pod: Pod): object {
  return { preconditions: { uid: pod.metadata?.uid } };
}
