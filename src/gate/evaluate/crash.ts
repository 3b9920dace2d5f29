import type { Failure } from '../../model/verdict.ts';
import { isNotExecutable, type Manner, mannerOf } from './death.ts';
import type { ContainerMemory, Memory } from './memory.ts';
import { isReady, isRuled, type Place, placesOf, type Scene, uidOf } from './scene.ts';
import { NEVER_ALONE, onPods, type Sign, subjectOf } from './sign.ts';

/** The container of a pod that died most often. */
interface Sufferer {
  readonly place: Place;
  readonly memory: ContainerMemory;
}

/**
 * Deaths of any kind (gate-rules.md, "Deaths of any kind"): the third in every new pod that is not well by now,
 * or the fifth in one. CrashLoopBackOff is never waited for: `terminated` may stand for the whole back-off.
 */
export function crashSigns(scene: Scene, memory: Memory): readonly Sign[] {
  const stuck = exitedForGood(scene, memory);
  if (stuck !== undefined) return [stuck];
  const sufferers = scene.pods.map((pod) => worst(placesOf(pod), memory)).filter((one) => one !== undefined);
  // Both: the rule on every pod may still wait for one to be forgiven when the rule on one pod is due.
  const counted = [everyPod(scene, memory, sufferers), onePod(scene, memory, sufferers)];
  if (counted.some((sign) => sign !== undefined)) return counted.filter((sign) => sign !== undefined);
  const ill = sufferers.filter((one) => isIll(one, memory));
  return ill.length === 0 ? [] : [blame(scene, ill, { patience: NEVER_ALONE })];
}

/**
 * In every new pod that is not Ready 10 s without a death. A pod that is Ready for less stands undecided: when
 * it is the only one that keeps the rule from firing, the verdict may fall at the moment it is forgiven.
 *
 * The span since the first death is waited out, for a node may back off 1 s instead of 10 (KubeletCrashLoopBackOffMax).
 * Where the rollout cannot pass one lost pod (StatefulSet), the others are not waited for.
 *
 * After it, a pod that meanwhile became Ready is not failed for deaths of before: it may have waited for something.
 */
function everyPod(scene: Scene, memory: Memory, sufferers: readonly Sufferer[]): Sign | undefined {
  const { limits, now } = scene;
  const forgivenAt = (uid: string): number => (memory.readySince[uid] ?? NEVER_ALONE) + limits.readyForgives;
  const suspects = scene.pods.filter((pod) => forgivenAt(uidOf(pod)) > now);
  const enough = sufferers
    .filter((one) => isEnough(scene, one) && suspects.includes(one.place.pod))
    .filter((one) => !scene.oneDecides || isIll(one, memory));
  const ill = enough.filter((one) => isIll(one, memory));
  if (ill.length === 0) return undefined;
  const undecided = scene.oneDecides
    ? []
    : suspects.filter((pod) => !enough.some((one) => one.place.pod === pod));
  const decidedAt = Math.max(now, ...undecided.map((pod) => forgivenAt(uidOf(pod))));
  if (decidedAt === NEVER_ALONE) return undefined;
  // One that is Ready may be forgiven in a moment: its early death must not hasten what the others are judged by.
  const spans = ill.map(
    ({ place, memory: own }) =>
      (own.firstDeath ?? now) + (isNotExecutable(scene, place, own) ? 0 : limits.crashSpan),
  );
  return blame(scene, enough, { since: Math.max(decidedAt, Math.min(...spans)), patience: 0 });
}

/**
 * Not Ready, or Ready without having been seen otherwise since it died: where no readiness probe is, a container
 * that its liveness probe kills goes from running to running, and its pod never stops being Ready.
 */
function isIll({ place, memory: own }: Sufferer, memory: Memory): boolean {
  const since = memory.readySince[uidOf(place.pod)];
  return !isReady(place.pod) || (since !== undefined && since <= (own.lastDeath ?? 0));
}

function isEnough(scene: Scene, { place, memory }: Sufferer): boolean {
  const { maxRestarts, maxDeathsNotExecutable } = scene.limits;
  const deaths = maxRestarts + 1;
  const hopeless = isNotExecutable(scene, place, memory);
  return memory.deaths >= (hopeless ? Math.min(deaths, maxDeathsNotExecutable) : deaths);
}

function onePod(scene: Scene, memory: Memory, sufferers: readonly Sufferer[]): Sign | undefined {
  const { limits, now } = scene;
  const most = Math.max(limits.maxDeathsOnePod, limits.maxRestarts + 1);
  const lost = sufferers.filter((one) => one.memory.deaths >= most).filter((one) => isIll(one, memory));
  const first = Math.min(...lost.map((one) => one.memory.firstDeath ?? now));
  return lost.length === 0 ? undefined : blame(scene, lost, { since: first, patience: limits.crashSpan });
}

/**
 * A container whose own restartPolicy keeps it from coming back (Never, or OnFailure after exit 0), in a pod that
 * goes on without it: the pod can never be Ready, and no controller replaces it. Where all containers of
 * the pod have ended, the pod has, which is another rule. Rules of restart (restartPolicyRules) may bring it back.
 */
function exitedForGood(scene: Scene, memory: Memory): Sign | undefined {
  const place = scene.pods.filter(goesOn).flatMap(placesOf).find(isOutForGood);
  const own = place === undefined ? undefined : memory.containers[place.key];
  if (place === undefined || own === undefined || own.deaths === 0) return undefined;
  const manner = mannerOf(scene, place, own);
  const failure: Failure = {
    ...withoutWords(manner),
    message: `${manner.phrase} and is not started again (restartPolicy ${place.container.restartPolicy})`,
    subject: subjectOf(place),
  };
  return {
    key: `stuck/${place.key}`,
    failure,
    since: own.firstDeath ?? scene.now,
    patience: scene.limits.crashSpan,
  };
}

/** A kubelet under load tells that the last container has ended long before it tells that the pod has. */
function goesOn(pod: Scene['pods'][number]): boolean {
  return placesOf(pod).some(({ role, status }) => role === 'container' && !status.state?.terminated);
}

function isOutForGood({ role, container, status, pod }: Place): boolean {
  const ended = status.state?.terminated;
  if (role !== 'container' || ended === undefined || isRuled(pod)) return false;
  return (
    container.restartPolicy === 'Never' || (container.restartPolicy === 'OnFailure' && ended.exitCode === 0)
  );
}

/**
 * Deaths that were forgiven are no reason against a pod that is not Ready once more: a readiness probe may fail at any
 * time. With the next real death they count again, or a slow loop would never be one.
 */
function worst(places: readonly Place[], memory: Memory): Sufferer | undefined {
  let found: Sufferer | undefined;
  for (const place of places) {
    const own = memory.containers[place.key];
    if (own === undefined || own.deaths === own.well) continue;
    if (own.deaths > (found?.memory.deaths ?? 0)) found = { place, memory: own };
  }
  return found;
}

/** One sign for the container that suffers in most pods; its count is that of the pod that suffered least. */
function blame(scene: Scene, sufferers: readonly Sufferer[], when: Pick<Sign, 'since' | 'patience'>): Sign {
  const names = sufferers.map(({ place }) => place.name);
  const often = (name: string): number => names.filter((other) => other === name).length;
  const name = names.reduce((best, next) => (often(next) > often(best) ? next : best));
  const meant = sufferers.filter(({ place }) => place.name === name);
  const [chief] = [...meant].sort((one, other) => other.memory.deaths - one.memory.deaths);
  // The callers pass at least one, and `name` is one of theirs.
  const { place, memory } = chief as Sufferer;
  const deaths = Math.min(...meant.map((one) => one.memory.deaths));
  const manner = mannerOf(scene, place, memory);
  const failure: Failure = {
    ...withoutWords(manner),
    message: sentence(manner, onPods(scene, meant.length), deaths, meant.length > 1),
    // The instance of now is in its back-off or newly begun: what it died of stands in the one before, unless it lies dead.
    subject: subjectOf(place, place.status.state?.terminated === undefined),
  };
  return { key: `crash/${name}`, failure, ...when };
}

function sentence(manner: Manner, where: string, deaths: number, each: boolean): string {
  const unit = deaths === 1 ? manner.unit : manner.unit === 'crash' ? 'crashes' : 'times';
  const count = `${deaths} ${unit}${each ? ' each' : ''}`;
  const tag = manner.tag === undefined ? '' : `${manner.tag}, `;
  const tail = manner.tail === undefined ? '' : `: ${manner.tail}`;
  return `${manner.phrase}${where} (${tag}${count})${tail}`;
}

export function withoutWords(manner: Manner): Pick<Failure, 'code' | 'quote' | 'advice'> {
  const { code, advice, quote } = manner;
  return { code, advice, ...(quote === undefined ? {} : { quote }) };
}
