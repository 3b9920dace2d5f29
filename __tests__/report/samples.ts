import type {
  BuildReport,
  ImageReport,
  Report,
  SizeReport,
  Span,
  WorkloadReport,
} from '../../src/model/report.ts';
import { reasonFor } from '../../src/report/reason.ts';

/** Reports as runs write them, one for each ending; tests override what they are about. */

const REPOSITORY = 'ghcr.io/acme/shop';
export const OLD = `${REPOSITORY}@sha256:${'1a2b3c4d'.repeat(8)}`;
export const NEW = `${REPOSITORY}@sha256:${'9f8e7d6c'.repeat(8)}`;

const START = Date.parse('2026-11-20T14:03:10.000Z');

/** A time so many seconds after the run began. */
export function time(seconds: number): string {
  return new Date(START + seconds * 1_000).toISOString();
}

export function span(
  section: string,
  label: string,
  from: number,
  to: number,
  outcome: Span['outcome'] = 'done',
): Span {
  return { section, label, start: time(from), end: time(to), outcome };
}

export const build: BuildReport = {
  seconds: 31.2,
  steps: [
    { name: '[internal] load build context', seconds: 1.5 },
    { name: '[build 1/4] FROM docker.io/library/node:24@sha256:9f8e', seconds: 6.1 },
    { name: '[build 2/4] COPY package.json .', cached: true },
    { name: '[build 3/4] RUN npm ci', cached: true },
    { name: '[build 4/4] RUN npm run build | tee log', seconds: 14.2, cached: false },
    { name: 'exporting to image', seconds: 4.4 },
  ],
  warnings: [
    {
      rule: 'JSONArgsRecommended',
      message: 'JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
      url: 'https://docs.docker.com/go/dockerfile/rule/json-args-recommended/',
      place: { file: 'Dockerfile', line: 9, endLine: 9 },
    },
  ],
};

export const size: SizeReport = {
  bytes: 48_210_333,
  layers: 9,
  platform: 'linux/amd64',
  change: { from: OLD, bytes: 1_302_044, newLayers: 2, newBytes: 3_101_220 },
};

export const image: ImageReport = {
  reference: NEW,
  digest: NEW.slice(NEW.indexOf('@') + 1),
  tag: '4f2a91c',
  built: true,
};

export function workload(override: Partial<WorkloadReport> = {}): WorkloadReport {
  return {
    kind: 'Deployment',
    namespace: 'production',
    name: 'web',
    outcome: 'healthy',
    containers: [{ name: 'web', before: OLD, after: NEW }],
    notes: [],
    ...override,
  };
}

/** The failed workload of product.md. */
export function crashed(override: Partial<WorkloadReport> = {}): WorkloadReport {
  return workload({
    outcome: 'failed',
    rollback: { outcome: 'restored', message: 'put back', seconds: 4.2 },
    failure: {
      code: 'crash',
      message: 'container web exits 1 on every new pod (3 crashes)',
      advice:
        'Look at what the container needs when it starts: its database, its configuration, its secrets.',
    },
    notes: ['Container web has no readiness probe: ready only means that it started.'],
    evidence: {
      containers: [
        {
          pod: 'web-7f9c8d-x2k4p',
          container: 'web',
          state: 'waiting: CrashLoopBackOff, last exit 1 (Error), 2 restarts',
        },
        {
          pod: 'web-7f9c8d-q8l2m',
          container: 'web',
          state: 'waiting: CrashLoopBackOff, last exit 1 (Error), 2 restarts',
        },
      ],
      events: [
        {
          object: 'Pod/web-7f9c8d-x2k4p',
          reason: 'BackOff',
          message: 'Back-off restarting failed container web',
          count: 3,
        },
        {
          object: 'Pod/web-7f9c8d-x2k4p',
          reason: 'Pulled',
          message: `Container image "${NEW}" already present on machine`,
          count: 1,
        },
      ],
      logs: {
        pod: 'web-7f9c8d-x2k4p',
        container: 'web',
        previous: true,
        lines: [
          '2026-11-20T14:03:31.120Z starting shop 2.4.0',
          '/app/server.js:12',
          "    throw new Error('cannot connect to database at db:5432');",
          '    ^',
          '',
          'Error: cannot connect to database at db:5432',
          '    at Object.<anonymous> (/app/server.js:12:9)',
          '    at node:internal/main/run_main_module:33:47',
          '',
          'Node.js v24.1.0',
        ],
      },
      missing: [],
    },
    ...override,
  });
}

export function report(override: Partial<Report> = {}): Report {
  const base: Report = {
    version: 1,
    result: 'succeeded',
    command: 'deploy',
    reason: '',
    startedAt: time(0),
    endedAt: time(40),
    source: {
      revision: '4f2a91c0d3b5e6f708192a3b4c5d6e7f80912a3b',
      dirty: false,
      url: 'https://github.com/acme/shop/commit/4f2a91c',
    },
    image,
    workloads: [workload()],
    timeline: [],
    api: { requests: 14, watches: 3 },
    ...override,
  };
  if (override.reason !== undefined) return base;
  return { ...base, ...reasonFor({ ...base, namespace: 'production' }) };
}

export const rolledBackTimeline: readonly Span[] = [
  span('preflight', 'permissions, workload, way back', 0, 0.4),
  span('build', 'docker buildx build and push', 0, 14),
  span('patch', 'deployment/web', 14.1, 14.2),
  span('deployment/web', 'web-7f9c8d-x2k4p crashes', 14.6, 28.2, 'failed'),
  span('deployment/web', 'web-7f9c8d-q8l2m crashes', 15, 28.2, 'failed'),
  span('gate', 'failed: exits 1 on every new pod', 14.2, 28.3, 'failed'),
  span('rollback', 'deployment/web', 28.3, 32.5),
];

export const succeeded: Report = report({
  timeline: [
    span('preflight', 'permissions, workload, way back', 0, 0.4),
    span('build', 'docker buildx build', 0, 21),
    span('build', 'push', 21, 24.5),
    span('patch', 'deployment/web', 24.6, 24.7),
    span('deployment/web', 'web-5d9f7c-aaaaa', 25, 27.5),
    span('deployment/web', 'web-5d9f7c-bbbbb', 27.6, 29.8),
    span('gate', 'rollout', 24.7, 29.9),
    span('gate', 'held healthy', 29.9, 39.9),
  ],
});

export const rolledBack: Report = report({
  result: 'rolled-back',
  workloads: [crashed()],
  timeline: rolledBackTimeline,
});

/** 3 s, nothing to build, nothing to hold. */
export const quick: Report = report({
  endedAt: time(3),
  image: { reference: NEW, built: false },
  timeline: [
    span('preflight', 'permissions, workload, way back', 0, 0.16),
    span('patch', 'deployment/web', 0.2, 0.22),
    span('deployment/web', 'web-5d9f7c-aaaaa', 0.4, 2.7),
    span('gate', 'rollout', 0.22, 2.8),
  ],
});

/** 40 min, 60 pods: most of them have to be summarised. */
export const long: Report = report({
  endedAt: time(2_400),
  workloads: [workload({ name: 'fleet' })],
  timeline: [
    span('preflight', 'permissions, workload, way back', 0, 0.4),
    span('build', 'docker buildx build', 0, 600),
    span('patch', 'deployment/fleet', 600, 600.1),
    ...Array.from({ length: 60 }, (_, i) =>
      span('deployment/fleet', `fleet-6c5b-${i.toString(36).padStart(5, 'x')}`, 600 + i * 25, 650 + i * 28),
    ),
    span('gate', 'rollout', 600, 2_340),
    span('gate', 'held healthy', 2_340, 2_400, 'active'),
  ],
});

/** Every text that a cluster or a pod can write, as an attacker would write it. */
export const HOSTILE: readonly string[] = [
  '::error::owned',
  'gantt',
  'section: x; y # z %% {init: 1}',
  '%%{init: {"theme":"dark"}}%%',
  'click a href "javascript:alert(1)"',
  '2026-01-01, 2026-01-02',
  '``` \n</details><script>alert(1)</script>',
  '@acme/everyone fixes #1 <img src=x onerror=alert(1)>',
  '| a | b |\n---',
  '\u001b[31mred\u001b[0m \u202egnp.exe &lt;b&gt; $$x$$',
  'accTitle: x',
  '',
];

export const hostile: Report = report({
  result: 'failed',
  place: { file: HOSTILE.join(' '), line: 1 },
  image: {
    ...image,
    build: {
      seconds: 12,
      steps: HOSTILE.map((name) => ({ name, seconds: 3, cached: false })),
      warnings: HOSTILE.map((text) => ({ rule: text, message: text, place: { file: text, line: 1 } })),
    },
    size: {
      bytes: 1,
      layers: 1,
      platform: HOSTILE.join(' '),
      change: { from: HOSTILE.join(' '), bytes: 1, newLayers: 0, newBytes: 0 },
    },
  },
  workloads: [
    crashed({
      notes: HOSTILE,
      containers: [{ name: 'web', before: HOSTILE.join(' '), after: HOSTILE.toReversed().join(' ') }],
      rollback: { outcome: 'failed', message: HOSTILE.join(' '), seconds: 1 },
      failure: {
        code: 'crash',
        message: HOSTILE.join(' '),
        quote: HOSTILE.join('\n'),
        advice: HOSTILE.join(' '),
      },
      evidence: {
        containers: HOSTILE.map((text) => ({ pod: text, container: text, state: text })),
        events: HOSTILE.map((text) => ({ object: text, reason: text, message: text, count: 2 })),
        logs: { pod: HOSTILE.join(' '), container: HOSTILE.join(' '), previous: true, lines: HOSTILE },
        missing: HOSTILE,
      },
    }),
  ],
  timeline: HOSTILE.map((text, i) =>
    span(i % 3 === 0 ? text : 'gate', text, i, i + 2, i % 2 === 0 ? 'failed' : 'done'),
  ),
});

export const building: Report = report({
  command: 'build',
  workloads: [],
  api: { requests: 0, watches: 0 },
  timeline: [span('build', 'docker buildx build', 0, 30), span('build', 'push', 30, 38)],
});

export const unchanged: Report = report({
  result: 'unchanged',
  workloads: [workload({ outcome: 'unchanged', containers: [{ name: 'web', before: NEW, after: NEW }] })],
});

export const superseded: Report = report({
  result: 'superseded',
  workloads: [
    workload({
      outcome: 'superseded',
      notes: ['the image of container web was changed to ghcr.io/acme/shop:hotfix'],
    }),
  ],
});

export const rollbackFailed: Report = report({
  result: 'rollback-failed',
  workloads: [
    crashed({ rollback: { outcome: 'failed', message: 'the API server answers 403 to the patch.' } }),
  ],
  timeline: rolledBackTimeline,
});

export const unknown: Report = {
  ...report({ result: 'unknown', workloads: [workload({ outcome: 'unknown' })] }),
  ...reasonFor({
    result: 'unknown',
    command: 'deploy',
    workloads: [workload({ outcome: 'unknown' })],
    stopped: { message: 'The API server did not answer for 2 m: connect ECONNREFUSED 10.0.0.1:6443' },
  }),
};

export const skipped: Report = report({ result: 'skipped', workloads: [], timeline: [] });

export const SAMPLES: Readonly<Record<string, Report>> = {
  succeeded,
  'rolled back': rolledBack,
  quick,
  long,
  hostile,
  'build only': building,
  unchanged,
  superseded,
  'rollback failed': rollbackFailed,
  unknown,
  skipped,
};
