import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ResultKind, WorkloadReport } from '../../src/model/report.ts';
import type { FailureCode } from '../../src/model/verdict.ts';
import { type ReasonParts, reasonFor } from '../../src/report/reason.ts';
import { crashed, HOSTILE, image, NEW, OLD, workload } from './samples.ts';

const CAUSE =
  'deployment/web: container web exits 1 on every new pod (3 crashes): "cannot connect to database at db:5432".';
const RESTARTS = 'the cluster goes on restarting the container, with up to 5 minutes between two attempts';
const LOOK = 'Look at what the container needs when it starts: its database, its configuration, its secrets.';
const BY_HAND = `Put deployment/web back by hand: kubectl -n production set image deployment/web web=${OLD}`;

const restored = { outcome: 'restored', message: '', seconds: 4 } as const;
const declined = { outcome: 'declined', message: '`rollback` is never' } as const;
const api = (override: Partial<WorkloadReport> = {}): WorkloadReport =>
  workload({ name: 'api', ...override });
const jobs = (override: Partial<WorkloadReport> = {}): WorkloadReport =>
  workload({ name: 'jobs', ...override });
const same = [{ name: 'web', before: NEW, after: NEW }];
const failure = (code: FailureCode, message: string): NonNullable<WorkloadReport['failure']> => ({
  code,
  message,
  advice: 'Mend it.',
});

type Row = [
  name: string,
  parts: Omit<ReasonParts, 'command'> & Partial<ReasonParts>,
  reason: string,
  advice?: string,
];

test.each<Row>([
  [
    'one workload became healthy',
    { result: 'succeeded', workloads: [workload()] },
    'deployment/web runs ghcr.io/acme/shop@sha256:9f8e7d6c… and is healthy.',
  ],
  [
    'three became healthy',
    { result: 'succeeded', workloads: [workload(), api(), jobs()] },
    '3 workloads run ghcr.io/acme/shop@sha256:9f8e7d6c… and are healthy: deployment/web, deployment/api and deployment/jobs.',
  ],
  [
    'one became healthy, one had the image already',
    { result: 'succeeded', workloads: [workload(), api({ outcome: 'unchanged' })] },
    'deployment/web runs ghcr.io/acme/shop@sha256:9f8e7d6c… and is healthy. deployment/api already ran it.',
  ],
  [
    'one became healthy, one had an image of its own already',
    {
      result: 'succeeded',
      workloads: [
        workload(),
        api({ outcome: 'unchanged', containers: [{ name: 'api', before: OLD, after: OLD }] }),
      ],
    },
    'deployment/web runs ghcr.io/acme/shop@sha256:9f8e7d6c… and is healthy. deployment/api already ran its own.',
  ],
  [
    'no replicas: health is not claimed',
    { result: 'succeeded', workloads: [workload({ notes: ['0 replicas: nothing verified.'] })] },
    'deployment/web is set to ghcr.io/acme/shop@sha256:9f8e7d6c… and its health was not seen (0 replicas: nothing verified).',
  ],
  [
    'the image ran already',
    { result: 'unchanged', workloads: [workload({ outcome: 'unchanged', containers: same })] },
    'deployment/web already runs ghcr.io/acme/shop@sha256:9f8e7d6c… and is healthy, so nothing was patched.',
  ],
  [
    'only built',
    { result: 'succeeded', command: 'build', image, workloads: [] },
    'Built and pushed ghcr.io/acme/shop@sha256:9f8e7d6c… (tag 4f2a91c).',
  ],
  [
    'several were built',
    {
      result: 'succeeded',
      command: 'build',
      images: [
        { ...image, target: 'web' },
        { ...image, target: 'api', reference: NEW.replace('shop', 'api') },
      ],
      workloads: [],
    },
    'Built and pushed 2 images: ghcr.io/acme/shop@sha256:9f8e7d6c… and ghcr.io/acme/api@sha256:9f8e7d6c….',
  ],
  [
    'one target was built',
    { result: 'succeeded', command: 'build', image, images: [{ ...image, target: 'web' }], workloads: [] },
    'Built and pushed ghcr.io/acme/shop@sha256:9f8e7d6c… (tag 4f2a91c).',
  ],
  [
    'the registry had it',
    { result: 'succeeded', command: 'build', image: { ...image, built: false }, workloads: [] },
    'ghcr.io/acme/shop@sha256:9f8e7d6c… (tag 4f2a91c) was in the registry already: nothing was built.',
  ],
  [
    'it crashed and was rolled back',
    { result: 'rolled-back', workloads: [crashed()] },
    `${CAUSE} Rolled back to sha256:1a2b3c4d… in 4 s.`,
    LOOK,
  ],
  [
    'it was rolled back to an image by tag',
    {
      result: 'rolled-back',
      workloads: [crashed({ containers: [{ name: 'web', before: 'acme/shop:1.4', after: NEW }] })],
    },
    `${CAUSE} Rolled back to shop:1.4 in 4 s.`,
    LOOK,
  ],
  [
    'two containers were put back',
    {
      result: 'rolled-back',
      workloads: [
        crashed({
          containers: [
            { name: 'web', before: OLD, after: NEW },
            { name: 'migrate', before: 'acme/m:1', after: NEW },
          ],
        }),
      ],
    },
    `${CAUSE} Rolled back to the images from before in 4 s.`,
    LOOK,
  ],
  [
    'the other one was put back too',
    { result: 'rolled-back', workloads: [api({ rollback: restored }), crashed()] },
    `${CAUSE} Rolled back to sha256:1a2b3c4d… in 4 s. deployment/api was put back too.`,
    LOOK,
  ],
  [
    'the other two were put back too',
    {
      result: 'rolled-back',
      workloads: [crashed(), api({ rollback: restored }), jobs({ rollback: restored })],
    },
    `${CAUSE} Rolled back to sha256:1a2b3c4d… in 4 s. The other 2 were put back too.`,
    LOOK,
  ],
  [
    'one was put back, one was never touched',
    {
      result: 'rolled-back',
      workloads: [crashed(), api({ rollback: restored }), jobs({ outcome: 'untouched' })],
    },
    `${CAUSE} Rolled back to sha256:1a2b3c4d… in 4 s. deployment/api was put back too. deployment/jobs was not touched.`,
    LOOK,
  ],
  [
    'two failed: the one that failed first is named, not the one named first',
    {
      result: 'rolled-back',
      culprit: 1,
      workloads: [crashed({ name: 'api', failure: failure('crash', 'container api exits 1') }), crashed()],
    },
    `${CAUSE} Rolled back to sha256:1a2b3c4d… in 4 s. deployment/api was put back too.`,
    LOOK,
  ],
  [
    'the rollback failed',
    {
      result: 'rollback-failed',
      workloads: [crashed({ rollback: { outcome: 'failed', message: 'the API server answers 403.' } })],
    },
    `${CAUSE} The rollback to sha256:1a2b3c4d… failed: the API server answers 403.`,
    BY_HAND,
  ],
  [
    'the rollback of another one failed',
    {
      result: 'rollback-failed',
      workloads: [crashed(), api({ rollback: { outcome: 'failed', message: 'it does not become healthy' } })],
    },
    `${CAUSE} Rolled back to sha256:1a2b3c4d… in 4 s. deployment/api: the rollback to sha256:1a2b3c4d… failed: it does not become healthy.`,
    BY_HAND.replaceAll('deployment/web', 'deployment/api'),
  ],
  [
    'nobody can tell whether the rollback worked',
    {
      result: 'rollback-failed',
      workloads: [crashed({ rollback: { outcome: 'unknown', message: 'the API server went away' } })],
    },
    `${CAUSE} Whether the rollback to sha256:1a2b3c4d… worked is unknown: the API server went away.`,
    BY_HAND,
  ],
  [
    'rollback is never: what the cluster goes on doing is said',
    { result: 'failed', workloads: [crashed({ rollback: declined })] },
    `${CAUSE} Left as it is, since rollback is never: ${RESTARTS}.`,
    LOOK,
  ],
  [
    'it was cancelled with `on-cancel: leave`: that is the reason, and no other',
    {
      result: 'failed',
      workloads: [crashed({ rollback: { outcome: 'declined', message: '`on-cancel` is leave' } })],
    },
    `${CAUSE} Left as it is, since on-cancel is leave: ${RESTARTS}.`,
    LOOK,
  ],
  [
    'rollback is never, and the other one is healthy',
    { result: 'failed', workloads: [crashed({ rollback: declined }), api()] },
    `${CAUSE} Left as it is, since rollback is never: ${RESTARTS}. deployment/api is healthy on the new image.`,
    LOOK,
  ],
  [
    'there is no target',
    {
      result: 'failed',
      workloads: [
        crashed({
          rollback: { outcome: 'impossible', message: 'the image from before is no longer in the registry' },
        }),
      ],
    },
    `${CAUSE} Not rolled back: the image from before is no longer in the registry. Meanwhile ${RESTARTS}.`,
    LOOK,
  ],
  [
    'the same image failed: never rolled back',
    {
      result: 'failed',
      workloads: [crashed({ containers: same, rollback: { outcome: 'unnecessary', message: '' } })],
    },
    `${CAUSE} Nothing was rolled back, since it ran the same image before: ${RESTARTS}.`,
    LOOK,
  ],
  [
    'somebody else changed it before it could be put back',
    {
      result: 'failed',
      workloads: [crashed({ rollback: { outcome: 'superseded', message: 'it now runs shop:hotfix' } })],
    },
    `${CAUSE} Not rolled back, since somebody else changed it meanwhile: it now runs shop:hotfix.`,
    LOOK,
  ],
  [
    'no node has room',
    {
      result: 'failed',
      workloads: [
        crashed({
          rollback: declined,
          failure: {
            ...failure('unschedulable', 'no node takes pod web-1'),
            quote: '0/3 nodes are available',
          },
        }),
      ],
    },
    'deployment/web: no node takes pod web-1: "0/3 nodes are available". Left as it is, since rollback is never: the cluster goes on looking for a node with room.',
    'Mend it.',
  ],
  [
    'somebody else changed it while it rolled out',
    {
      result: 'superseded',
      workloads: [workload({ outcome: 'superseded', notes: ['the image was changed to shop:hotfix'] })],
    },
    'deployment/web: the image was changed to shop:hotfix. That is left as it is, since a change of somebody else is never rolled back.',
    'See who changed it (kubectl -n production get deployment/web --show-managed-fields -o yaml), and run this again if this version is to win.',
  ],
  [
    'the API server went away',
    {
      result: 'unknown',
      workloads: [workload({ outcome: 'unknown' })],
      stopped: { message: 'The API server did not answer for 2 m', advice: 'Look after it.' },
    },
    'The API server did not answer for 2 m. deployment/web has the new image and is left as it is: whether it is healthy is unknown.',
    'Look after it.',
  ],
  [
    'the answer to the patch was lost: which image stands there nobody knows',
    {
      result: 'unknown',
      workloads: [workload({ outcome: 'unknown', patched: 'unknown' })],
      stopped: { message: 'The answer to the patch was lost' },
    },
    'The answer to the patch was lost. deployment/web is left as it is: whether it has the new image is unknown.',
  ],
  [
    'stopped after what a killed run had left was put back: something was changed',
    {
      result: 'failed',
      workloads: [workload({ outcome: 'untouched' })],
      tidied: [
        { kind: 'Deployment', namespace: 'production', name: 'web', whole: true },
        { kind: 'StatefulSet', namespace: 'production', name: 'db', whole: false },
      ],
      stopped: { message: 'The lock was lost' },
    },
    'The lock was lost. deployment/web was put back to what it ran before an earlier, unfinished run. Putting statefulset/db back to what it ran before an earlier, unfinished run did not come to a good end. Nothing else was changed in the cluster.',
  ],
  [
    'a verdict could not be had',
    { result: 'unknown', workloads: [workload({ outcome: 'unknown' })] },
    'deployment/web has the new image and is left as it is: whether it is healthy is unknown.',
    'See how it is (kubectl -n production rollout status deployment/web), then run this again.',
  ],
  [
    'skipped',
    { result: 'skipped', workloads: [], stopped: { message: "A fork's code is not deployed." } },
    "A fork's code is not deployed.",
  ],
  ['skipped without a word', { result: 'skipped', workloads: [] }, 'Nothing was done.'],
  [
    'the build failed before the cluster was touched',
    {
      result: 'failed',
      workloads: [workload({ outcome: 'untouched' })],
      stopped: { message: 'RUN npm ci exits 1', advice: 'Mend the Dockerfile.' },
    },
    'RUN npm ci exits 1. Nothing was changed in the cluster.',
    'Mend the Dockerfile.',
  ],
  [
    'several mistakes in the inputs',
    { result: 'failed', workloads: [], stopped: { message: 'image is missing.\nworkloads is missing.' } },
    'image is missing. workloads is missing. Nothing was changed in the cluster.',
  ],
  [
    'cancelled, and put back',
    {
      result: 'rolled-back',
      workloads: [workload({ rollback: restored, outcome: 'unknown' })],
      stopped: { message: 'The run was cancelled' },
    },
    'The run was cancelled. deployment/web was put back.',
  ],
  [
    'another namespace than the one of the input is named',
    {
      result: 'rolled-back',
      namespace: 'production',
      workloads: [crashed({ namespace: 'shop' }), api({ rollback: restored })],
    },
    `shop/${CAUSE} Rolled back to sha256:1a2b3c4d… in 4 s. deployment/api was put back too.`,
    LOOK,
  ],
  [
    'without a namespace in the input, different ones are all named',
    { result: 'rolled-back', workloads: [crashed({ namespace: 'shop' }), api({ rollback: restored })] },
    `shop/${CAUSE} Rolled back to sha256:1a2b3c4d… in 4 s. production/deployment/api was put back too.`,
    LOOK,
  ],
])('%s', (_, parts, reason, advice) => {
  const expected = advice === undefined ? { reason } : { reason, advice };
  expect(reasonFor({ command: 'deploy', ...parts })).toEqual(expected);
});

test('what a program wrote stands in the line by its most telling one, and whole below it', () => {
  const message = 'RUN npm ci exits 1. Its last lines:\n  npm error code\n    Error: no package.json\n  bye';
  const stopped = { message, details: ['kind: Role'] };
  expect(reasonFor({ result: 'failed', command: 'build', workloads: [], stopped })).toEqual({
    reason: 'RUN npm ci exits 1. Its last lines: "no package.json".',
    details: ['npm error code', '  Error: no package.json', 'bye', 'kind: Role'],
  });
});

test('the way back to the last healthy state on record names that, and not what ran before', () => {
  const good = OLD.replaceAll('1a2b3c4d', '5e5e5e5e');
  const containers = [{ name: 'web', before: OLD, after: NEW, back: good }];
  const back = (outcome: 'restored' | 'failed') =>
    reasonFor({
      result: 'rollback-failed',
      command: 'deploy',
      workloads: [crashed({ containers, rollback: { outcome, message: '', seconds: 3 } })],
    });
  expect(back('restored').reason).toBe(
    `${CAUSE} Rolled back to sha256:5e5e5e5e…, the last healthy state on record, in 3 s.`,
  );
  expect(back('failed')).toEqual({
    reason: `${CAUSE} The rollback to sha256:5e5e5e5e…, the last healthy state on record, failed.`,
    advice: `Put deployment/web back by hand: kubectl -n production set image deployment/web web=${good}`,
  });
});

test('a command to paste is safe whatever the image is called', () => {
  const evil = "x'; rm -rf / #";
  const workloads = [
    crashed({
      containers: [{ name: 'web', before: evil, after: NEW }],
      rollback: { outcome: 'failed', message: '' },
    }),
  ];
  const { advice } = reasonFor({ result: 'rollback-failed', command: 'deploy', workloads });
  expect(advice).toBe(
    String.raw`Put deployment/web back by hand: kubectl -n production set image deployment/web 'web=x'\''; rm -rf / #'`,
  );
});

test('whatever is said, the reason is one line of bounded length', () => {
  const results: ResultKind[] = [
    'succeeded',
    'unchanged',
    'superseded',
    'rolled-back',
    'rollback-failed',
    'failed',
    'unknown',
    'skipped',
  ];
  const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 2_000 }));
  fc.assert(
    fc.property(fc.constantFrom(...results), text, text, fc.boolean(), (result, one, two, stops) => {
      const workloads = [
        crashed({
          failure: { code: 'crash', message: one, quote: two, advice: two },
          rollback: { outcome: 'failed', message: one },
        }),
      ];
      const stopped = stops ? { stopped: { message: one, advice: two } } : {};
      const { reason, advice } = reasonFor({ result, command: 'deploy', workloads, ...stopped });
      expect(reason).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      expect([...reason].length).toBeLessThanOrEqual(1_000);
      expect(advice ?? '').not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }),
  );
});
