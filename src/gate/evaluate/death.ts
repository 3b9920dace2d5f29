import type { FailureCode } from '../../model/verdict.ts';
import { NEVER_RAN } from './container.ts';
import { lastProbeMessage, probeKills } from './events.ts';
import type { ContainerMemory } from './memory.ts';
import { type Place, type Scene, uidOf } from './scene.ts';
import { isOurs, titleOf } from './sign.ts';
import { decisiveCause, startAdvice } from './start.ts';

/** What the deaths of a container were, in words that a message is put together from. */
export interface Manner {
  readonly code: FailureCode;
  /** Up to the count: `container web exits 1`. */
  readonly phrase: string;
  /** What is counted: `crash` or `time`. */
  readonly unit: 'crash' | 'time';
  /** In front of the count: `OOMKilled`. */
  readonly tag?: string;
  /** After the count, following a colon. */
  readonly tail?: string;
  readonly quote?: string;
  readonly advice: string;
}

/**
 * Command not found, or not executable: the shell's and the runtimes' codes. No restart mends it in an image that was
 * deployed; another program may mean by them what it likes (Istio's istio-validation ends with 126 until its CNI is up).
 */
export function isNotExecutable(scene: Scene, place: Place, memory: ContainerMemory): boolean {
  const code = memory.exits.at(-1)?.exitCode;
  return (code === 126 || code === 127) && isOurs(scene, place);
}

/** Names the cause of a container's deaths, the surest evidence first. */
export function mannerOf(scene: Scene, place: Place, memory: ContainerMemory): Manner {
  const title = titleOf(place);
  const last = memory.exits.at(-1);
  const never = memory.exits.findLast((exit) => NEVER_RAN.includes(exit.reason));
  if (isMostly('OOMKilled', memory)) return outOfMemory(place);
  if (never !== undefined && never === last) {
    return {
      code: 'cannot-start',
      phrase: `${title} cannot start`,
      unit: 'time',
      tail: decisiveCause(never.message),
      quote: never.message,
      advice: startAdvice(never.message),
    };
  }
  if (memory.hookFailed) {
    return {
      code: 'crash',
      phrase: `${title} is killed because its postStart hook fails`,
      unit: 'time',
      advice: 'Mend the postStart hook of the container, or move what it does into the program.',
    };
  }
  return probeKilled(scene, place, memory) ?? exits(scene, place, memory);
}

/** At least half of the ends that were seen: a program that is killed once and then crashes needs no more memory. */
function isMostly(reason: string, { exits }: ContainerMemory): boolean {
  const times = exits.filter((exit) => exit.reason === reason).length;
  return times > 0 && times * 2 >= exits.length;
}

function outOfMemory(place: Place): Manner {
  const limit = place.container.resources?.limits?.['memory'];
  return {
    code: 'out-of-memory',
    phrase: `${titleOf(place)} is killed for want of memory`,
    unit: 'time',
    tag: 'OOMKilled',
    advice:
      limit === undefined
        ? 'Set a memory limit that fits the program, or find out what uses so much: the node itself ran out.'
        : `Raise the container's memory limit (it is ${limit}), or make the program use less.`,
  };
}

/**
 * A probe's kill leaves Error/137 or, if the program ends well on SIGTERM, Completed/0. Only the Killing event
 * tells, so it must explain at least half of the deaths: a program may crash and be killed by turns.
 */
function probeKilled(scene: Scene, place: Place, memory: ContainerMemory): Manner | undefined {
  const uid = uidOf(place.pod);
  const { times, probe } = probeKills(scene.events, uid, place.name);
  if (probe === '' || times * 2 < memory.deaths) return undefined;
  const quote = lastProbeMessage(scene.events, uid, place.name, probe);
  return {
    code: 'probe-killed',
    phrase: `${titleOf(place)} is killed by its ${probe} probe`,
    unit: 'time',
    ...(quote === undefined ? {} : { quote }),
    advice:
      probe === 'startup'
        ? 'Give the startup probe more time (failureThreshold × periodSeconds), or mend what it asks.'
        : 'Check what the liveness probe asks and how long the program needs to answer; a slow start wants a startup probe.',
  };
}

function exits(scene: Scene, place: Place, memory: ContainerMemory): Manner {
  const codes = [...new Set(memory.exits.map((exit) => exit.exitCode))];
  const title = titleOf(place);
  if (codes.length === 0) {
    return {
      code: 'crash',
      phrase: `${title} ends`,
      unit: 'time',
      advice: "Look at the container's previous log for the reason.",
    };
  }
  if (codes.every((code) => code === 0)) {
    return {
      code: 'exits',
      phrase: `${title} exits 0`,
      unit: 'time',
      advice:
        'Keep the program in the foreground: a workload of this kind restarts whatever ends, even if it ended well.',
    };
  }
  return {
    code: 'crash',
    phrase: `${title} exits ${list(codes)}`,
    unit: 'crash',
    advice: exitAdvice(codes.at(-1) ?? 0, isNotExecutable(scene, place, memory)),
  };
}

function list(codes: readonly number[]): string {
  const head = codes.slice(0, -1).join(', ');
  return head === '' ? `${codes[0]}` : `${head} and ${codes.at(-1)}`;
}

const SIGNALS: Readonly<Record<number, string>> = {
  132: 'SIGILL: it may be built for another processor',
  134: 'SIGABRT: it aborted itself',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL: something killed it, and not for want of memory',
  139: 'SIGSEGV: it touched memory that is not its own',
  143: 'SIGTERM: something told it to end',
};

function exitAdvice(last: number, notExecutable: boolean): string {
  if (notExecutable && last === 126)
    return 'Make the command executable and built for this platform: exit code 126 says that it is not.';
  if (notExecutable && last === 127)
    return 'Check the command and its path: exit code 127 says that it was not found in the image.';
  const signal = SIGNALS[last];
  if (signal !== undefined) return `Look at the container's last log lines; exit code ${last} is ${signal}.`;
  return "Look at the container's last log lines: the program ended by itself.";
}
