import { expect } from 'vitest';
import { red, restored } from '../harness/expected.ts';
import type { ImageName } from '../harness/images.ts';
import { scenario } from '../harness/scenario.ts';
import type { State } from '../harness/stage.ts';
import type { Wish } from '../harness/workload.ts';

interface Row {
  readonly name: string;
  readonly wish?: Partial<Wish>;
  readonly image: ImageName;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly reason: string | RegExp;
  readonly state?: Partial<State>;
}

const rows: readonly Row[] = [
  {
    name: 'crashes at its start',
    image: 'crash',
    reason:
      'deployment/web: container web exits 1 on every new pod (3 crashes): "cannot connect to database at db:5432". Rolled back to <v1> in <time>.',
  },
  {
    name: 'crashes at its start, while maxUnavailable is 100 %: the old pods are gone and come back',
    wish: { spec: { strategy: { rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 } } } },
    image: 'crash',
    reason:
      'deployment/web: container web exits 1 on every new pod (3 crashes each): "cannot connect to database at db:5432". Rolled back to <v1> in <time>.',
    state: { kept: 0 },
  },
  {
    name: 'crashes after 3 s without a readiness probe: complete already, and caught by the hold',
    wish: { probe: false, replicas: 1 },
    image: 'crash-soon',
    // Longer than a kubelet on a busy machine takes to notice.
    inputs: { 'stable-for': '20s', 'max-restarts': '1' },
    reason:
      'deployment/web: container web exits 1 (2 crashes): "lost the connection to db:5432". Rolled back to <v1> in <time>.',
    state: { available: 1, pods: { v1: 1 }, kept: 0 },
  },
  {
    name: 'crashes after 15 s of health: caught by the hold',
    image: 'crash-late',
    inputs: { 'stable-for': '30s' },
    reason:
      'deployment/web: container web exits 1 after it had become ready (on 1 of 2 pods): "lost the connection to db:5432". Rolled back to <v1> in <time>.',
    state: { kept: 0 },
  },
  {
    name: 'is killed by its liveness probe',
    wish: {
      container: {
        // Late enough for all to be ready on a busy machine, too.
        livenessProbe: {
          httpGet: { path: '/live', port: 8080 },
          initialDelaySeconds: 10,
          periodSeconds: 1,
          failureThreshold: 2,
        },
      },
    },
    image: 'not-live',
    inputs: { 'stable-for': '40s' },
    reason:
      'deployment/web: container web is killed by its liveness probe after it had become ready (on 1 of 2 pods): "Liveness probe failed: HTTP probe failed with statuscode: 503". Rolled back to <v1> in <time>.',
    state: { kept: 0 },
  },
  {
    name: 'takes more memory than it may',
    wish: { container: { resources: { limits: { memory: '64Mi' } } } },
    image: 'memory',
    reason:
      'deployment/web: container web is killed for want of memory on every new pod (OOMKilled, 3 times). Rolled back to <v1> in <time>.',
  },
  {
    name: 'has an entrypoint that is not there',
    image: 'no-entrypoint',
    reason:
      'deployment/web: container web cannot start: exec: "/app/start": stat /app/start: no such file or directory. Rolled back to <v1> in <time>.',
  },
  {
    name: 'is built for another processor than it says',
    image: 'liar',
    reason:
      'deployment/web: container web exits 1 on every new pod (3 crashes): "exec /program: exec format error". Rolled back to <v1> in <time>.',
  },
  {
    name: 'crashes in a container that is never started again',
    wish: { container: { restartPolicy: 'Never' } },
    image: 'crash',
    reason:
      // The ReplicaSet makes new pods without a pause; how many until the verdict, nobody knows.
      /^deployment\/web: container web exits 1 and ends its pod \(\d+ pods\): "cannot connect to database at db:5432"\. Rolled back to <v1> in <time>\.$/,
  },
];

function asReason(reason: string | RegExp): string {
  return typeof reason === 'string' ? reason : expect.stringMatching(reason);
}

for (const { name, wish, image, inputs, reason, state } of rows) {
  scenario(`a version that ${name}`, async ({ stage }) => {
    await stage.start({ image: stage.images.v1, ...wish });
    const step = await stage.deploy(image, { inputs: inputs ?? {} });
    expect(stage.ending(step)).toEqual(red('rolled-back', asReason(reason)));
    expect(await stage.state()).toEqual(restored(image, state));
  });
}

scenario(
  'a crash loop, which looks whole between two crashes, is no way back where a healthy state is on record',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1, probe: false, replicas: 1 });
    const good = await stage.deploy('v2');
    const left = await stage.deploy('crash-soon', {
      inputs: { rollback: 'never', 'stable-for': '20s', 'max-restarts': '1' },
    });
    expect([good.outputs['result'], left.outputs['result']]).toEqual(['succeeded', 'failed']);
    const next = await stage.deploy('no-entrypoint');
    expect(stage.ending(next)).toEqual(
      red(
        'rolled-back',
        'deployment/web: container web cannot start: exec: "/app/start": stat /app/start: no such file or directory. Rolled back to <v2>, the last healthy state on record, in <time>.',
      ),
    );
    expect(await stage.state()).toMatchObject({
      image: 'v2',
      history: ['v1', 'v2', 'crash-soon', 'no-entrypoint', 'v2'],
      available: 1,
      pods: { v2: 1 },
    });
  },
);
