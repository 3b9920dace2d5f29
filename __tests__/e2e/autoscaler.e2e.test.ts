import { afterAll, beforeAll, expect, inject } from 'vitest';
import type { Deployment } from '../../src/model/kube.ts';
import { deploying } from '../faults/deploying.ts';
import { green, red, restored, shipped } from '../harness/expected.ts';
import { Metrics } from '../harness/metrics.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { READY } from '../harness/workload.ts';

/** The cluster's own HPA controller scales in the middle of a rollout: replicas are its business, images are ours. */

const setup = inject('setup');
let metrics: Metrics;

beforeAll(async () => {
  if (setup !== undefined) metrics = await Metrics.serve(setup);
});
afterAll(async () => {
  if (setup !== undefined) await metrics.stop();
});

/** The controller looks every 15 s: a pod takes longer than that, so what it does comes in the middle. */
const SLOW = { readinessProbe: { ...READY, initialDelaySeconds: 20 } };
const AT_ONCE = { strategy: { rollingUpdate: { maxSurge: '100%', maxUnavailable: 0 } } };
const BUSY = 400;
const IDLE = 10;

async function start(stage: Stage, replicas: 2 | 4): Promise<void> {
  await stage.start({ image: stage.images.v1, replicas, container: SLOW, spec: AT_ONCE });
  metrics.use(stage, replicas === 2 ? IDLE : BUSY);
  await stage.apply('horizontalpodautoscalers', {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: {
      minReplicas: 2,
      maxReplicas: 4,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '100Mi' } },
        },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 }, scaleUp: { stabilizationWindowSeconds: 0 } },
    },
  });
}

/** Waits until the controller has scaled, and answers how many new pods were available then. */
async function scaled(stage: Stage, replicas: number): Promise<Deployment> {
  return await stage.until('web', ({ spec }) => spec?.replicas === replicas);
}

const isRollingOut = ({ spec, status }: Deployment): boolean =>
  (status?.availableReplicas ?? 0) !== (spec?.replicas ?? 0) || status?.updatedReplicas !== status?.replicas;

for (const [from, to, load, word] of [
  [2, 4, BUSY, 'up'],
  [4, 2, IDLE, 'down'],
] as const) {
  scenario(
    `17: an HPA scales ${word} from ${from} to ${to} while a good version comes`,
    async ({ stage }) => {
      await start(stage, from);
      const deploy = await deploying(stage, 'v2');
      await deploy.patched();
      metrics.use(stage, load);
      expect(isRollingOut(await scaled(stage, to))).toBe(true);
      expect(stage.ending(await deploy.step)).toEqual(
        green('succeeded', 'deployment/web runs <v2> and is healthy.'),
      );
      expect((await stage.until('web', () => true)).spec?.replicas).toBe(to);
      expect(await stage.state()).toEqual(shipped('v2', { available: to, pods: { v2: to } }));
    },
  );
}

scenario(
  '17: an HPA scales up while a bad version fails: put back, and its replicas stay',
  async ({ stage }) => {
    await start(stage, 2);
    const deploy = await deploying(stage, 'not-ready', { inputs: { timeout: '40s' } });
    await deploy.patched();
    metrics.use(stage, BUSY);
    expect(isRollingOut(await scaled(stage, 4))).toBe(true);
    expect(stage.ending(await deploy.step)).toEqual(
      red('rolled-back', expect.stringMatching(/ Rolled back to <v1> in <time>\.$/)),
    );
    expect((await stage.until('web', () => true)).spec?.replicas).toBe(4);
    expect(await stage.state()).toEqual(restored('not-ready', { available: 4, pods: { v1: 4 } }));
  },
);
