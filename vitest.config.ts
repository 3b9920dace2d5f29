import { defineConfig } from 'vitest/config';

const e2e = '__tests__/**/*.e2e.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['__tests__/**/*.test.ts'],
          exclude: [e2e],
        },
      },
      {
        test: {
          name: 'e2e',
          include: [e2e],
          globalSetup: '__tests__/harness/cluster-setup.ts',
          testTimeout: 240_000,
          hookTimeout: 120_000,
          maxConcurrency: 12,
          // Its tests wait more than they compute: more files at once than there are processors.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
