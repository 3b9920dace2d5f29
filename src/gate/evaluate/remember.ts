import { firstSight, rememberContainer } from './container.ts';
import { excusedKills } from './events.ts';
import { rememberLate } from './hold.ts';
import type { ContainerMemory, Memory } from './memory.ts';
import { rememberEnded } from './pod.ts';
import { bestOf, tallyOf } from './progress.ts';
import { isReady, type Place, placesOf, type Scene, uidOf } from './scene.ts';

/** Takes in what is seen now. Seeing the same again changes nothing, however late. Pods that are gone are forgotten. */
export function remember(memory: Memory, scene: Scene): Memory {
  const places = scene.pods.flatMap(placesOf);
  const containers = Object.fromEntries(places.map((place) => [place.key, look(memory, scene, place)]));
  const { best, rose } = bestOf(memory.best, tallyOf(scene));
  const known: Memory = {
    ...memory,
    containers,
    best,
    progressAt: rose ? scene.now : memory.progressAt,
    readySince: readySince(memory, containers, scene),
    ended: rememberEnded(memory.ended, scene, memory.best === undefined),
    replicas: scene.size,
  };
  return { ...known, late: rememberLate(known, scene) };
}

function look(memory: Memory, scene: Scene, place: Place): ContainerMemory {
  const { status, role, key } = place;
  const kills = excusedKills(scene.events, place.pod, place.name);
  const before = memory.containers[key] ?? firstSight(scene.pin.restarts.get(key), status, kills);
  const seen = rememberContainer(before, { status, role, kills, now: scene.now });
  // It was Ready until now, whatever it is now. An event that comes late may take a death back.
  const forgiven =
    (memory.readySince[uidOf(place.pod)] ?? scene.now) + scene.limits.readyForgives <= scene.now;
  return { ...seen, well: Math.min(seen.deaths, forgiven ? before.deaths : before.well) };
}

function readySince(
  memory: Memory,
  containers: Readonly<Record<string, ContainerMemory>>,
  scene: Scene,
): Memory['readySince'] {
  const ready = scene.pods.filter(isReady).map((pod): readonly [string, number] => {
    const died = placesOf(pod).some(
      ({ key }) => (containers[key]?.deaths ?? 0) > (memory.containers[key]?.deaths ?? 0),
    );
    return [uidOf(pod), (died ? undefined : memory.readySince[uidOf(pod)]) ?? scene.now];
  });
  return Object.fromEntries(ready);
}
