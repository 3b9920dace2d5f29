import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ClusterAccess } from '../../src/cluster/access.ts';
import type { Cluster } from '../../src/cluster/client.ts';
import { type ConnectOptions, connect } from '../../src/cluster/connect.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { Log } from '../../src/model/log.ts';

/** Real time, only faster: the adapter's own intervals are tested, not smaller ones. */
export function fastClock(speed: number): Clock {
  const start = performance.now();
  return {
    now: () => (performance.now() - start) * speed,
    wall: () => new Date(Date.now()),
    timer: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds / speed);
      return () => clearTimeout(timer);
    },
  };
}

export interface MemoryLog extends Log {
  readonly lines: string[];
  readonly secrets: string[];
}

export function memoryLog(): MemoryLog {
  const lines: string[] = [];
  const secrets: string[] = [];
  const say = (kind: string) => (line: string) => void lines.push(`${kind}: ${line}`);
  return {
    lines,
    secrets,
    info: say('info'),
    debug: say('debug'),
    notice: say('notice'),
    warning: say('warning'),
    group: (_title, body) => body(),
    secret: (value) => void secrets.push(value),
  };
}

export function accessTo(server: string, more: Partial<ClusterAccess> = {}): ClusterAccess {
  return {
    server,
    origin: 'the input kubeconfig',
    context: 'test',
    namespace: undefined,
    user: 'tester',
    ca: undefined,
    tlsServerName: undefined,
    insecure: false,
    proxyUrl: undefined,
    credential: { kind: 'none' },
    headers: {},
    ...more,
  };
}

/** Connected with a clock that is 20 times as fast; closed when the test ends. */
export function connected(access: ClusterAccess, more: Partial<ConnectOptions> = {}): Cluster {
  const cluster = connect(access, {
    clock: fastClock(20),
    log: memoryLog(),
    environment: {},
    userAgent: 'steadyship-test',
    ...more,
  });
  onTestFinished(() => cluster.close());
  return cluster;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'steadyship-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Until it holds, or for so long (real milliseconds). */
export async function until(holds: () => boolean, patience = 5_000): Promise<void> {
  const end = performance.now() + patience;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${patience} ms in vain for: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What was thrown. */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}
