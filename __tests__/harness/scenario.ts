/** The test function of the end-to-end tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, inject } from 'vitest';
import { type ClosedRegistry, startClosedRegistry } from './closed-registry.ts';
import type { Setup } from './namespace.ts';
import { Policies, type Policy } from './policies.ts';
import { Stage } from './stage.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** undefined: no cluster can run here; the end-to-end tests are then skipped, having said why. */
    readonly setup: Setup | undefined;
  }
}

const test = base.extend<{
  stage: Stage;
  workspace: string;
  outside: string;
  closed: ClosedRegistry;
  policy: Policy;
}>({
  stage: async ({ onTestFailed }, use) => {
    const setup = inject('setup');
    if (setup === undefined) throw new Error('This test must be skipped: there is no cluster.');
    const stage = new Stage(setup);
    onTestFailed(() => {
      const lines = stage.logs.join('\n--- next step ---\n').split('\n');
      console.log(lines.filter((line) => !line.startsWith('::add-mask::')).join('\n'));
    });
    try {
      await stage.open();
      await use(stage);
    } finally {
      await stage.close();
    }
  },
  workspace: async ({ stage }, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'steadyship-workspace-'));
    stage.know('workspace', folder);
    await use(folder);
    await rm(folder, { recursive: true });
  },
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures this one needs, and it needs none.
  outside: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'steadyship-outside-'));
    await use(folder);
    await rm(folder, { recursive: true });
  },
  policy: async ({ stage }, use) => {
    const policies = new Policies(stage);
    await use((resource, expression) => policies.add(resource, expression));
    await policies.remove();
  },
  closed: async ({ stage }, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'steadyship-registry-'));
    const closed = await startClosedRegistry(folder);
    stage.know('closed', closed.image);
    await use(closed);
    await closed.stop();
    await rm(folder, { recursive: true });
  },
});

/**
 * Runs at the same time as the others of its file, for most of its time is waiting. Where no cluster can run, the
 * setup has said why in one line and nothing can be shown; with CI=true it fails there, and nothing is skipped.
 */
export const scenario = inject('setup') === undefined ? test.skip : test.concurrent;
