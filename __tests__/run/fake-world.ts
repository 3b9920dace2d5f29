import type { RunFacts } from '../../src/github/event.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { Log } from '../../src/model/log.ts';
import { redactor } from '../../src/report/redact.ts';
import type { World } from '../../src/run/world.ts';
import type { OpenRun } from '../../src/state.ts';

/** Time that runs as fast as somebody waits for it: whenever a timer is set, it is the next thing to happen. */
export function hurriedClock(): Clock {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  let scheduled = false;
  const pump = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      const [next] = [...timers].sort((a, b) => a.at - b.at);
      if (next === undefined) return;
      timers.delete(next);
      now = Math.max(now, next.at);
      next.callback();
      if (timers.size > 0) pump();
    });
  };
  return {
    now: () => now,
    wall: () => new Date(Date.UTC(2026, 0, 1) + now),
    timer: (milliseconds, callback) => {
      const timer = { at: now + milliseconds, callback };
      timers.add(timer);
      pump();
      return () => timers.delete(timer);
    },
  };
}

export const PRIVATE_RUN: RunFacts = {
  event: 'push',
  repository: 'acme/shop',
  defaultBranch: 'main',
  isPublic: false,
  saidPublic: false,
  about: { name: 'shop', description: undefined, url: undefined, license: undefined },
  pullRequest: undefined,
  privilegedForFork: false,
  actor: 'octocat',
  runId: '1',
  runAttempt: '1',
  runNumber: 1,
  ref: 'refs/heads/main',
  workflow: 'acme/shop/.github/workflows/ship.yml',
  apiUrl: 'https://api.github.com',
  runUrl: 'https://github.com/acme/shop/actions/runs/1',
};

/** A world that remembers what it was told. */
export function fakeWorld(changes: Partial<World> = {}): {
  readonly world: World;
  readonly lines: string[];
  readonly saved: OpenRun[];
} {
  const lines: string[] = [];
  const secrets = new Set<string>();
  const saved: OpenRun[] = [];
  const tell = (line: string): void => {
    lines.push(line);
  };
  const log: Log = {
    info: tell,
    debug: () => undefined,
    notice: tell,
    warning: tell,
    group: (_, body) => body(),
    secret: (value) => secrets.add(value),
  };
  return {
    lines,
    saved,
    world: {
      clock: hurriedClock(),
      log,
      redact: redactor(secrets),
      environment: {},
      workspace: '/nowhere',
      facts: PRIVATE_RUN,
      signal: new AbortController().signal,
      save: (state) => saved.push(state),
      random: 'abcd',
      ...changes,
    },
  };
}
