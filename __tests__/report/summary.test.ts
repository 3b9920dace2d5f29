import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { outsideCode, toHtml } from './github.ts';
import {
  building,
  crashed,
  HOSTILE,
  image,
  NEW,
  OLD,
  report,
  rollbackFailed,
  rolledBack,
  SAMPLES,
  size,
  skipped,
  succeeded,
  unknown,
  workload,
} from './samples.ts';

/** What GitHub's sanitiser lets through, of what we use (html-pipeline sanitization_filter.rb at 28c8372). */
const ALLOWED = new Set([
  'h2',
  'h3',
  'p',
  'strong',
  'em',
  'code',
  'pre',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
  'ul',
  'li',
  'details',
  'summary',
  'sub',
]);

const elements = (html: string): string[] => [...html.matchAll(/<(\w+)/g)].map((match) => match[1] ?? '');
const bytes = (text: string): number => new TextEncoder().encode(text).length;
const before = (marker: string, text: string): string => text.slice(0, text.indexOf(marker));

describe('a bake file', () => {
  const web = { ...image, target: 'web' };
  const api = { target: 'api', reference: NEW.replace('shop', 'api'), built: true };

  test('has its images listed, by target', () => {
    const summary = renderSummary(report({ images: [web, api] }));
    expect(summary.slice(summary.indexOf('### Images'), summary.indexOf('<sub>'))).toBe(`### Images

| Target | Image | Tag |
| --- | --- | --- |
| <code>web</code> | <code title="${NEW.replace('@', '&#64;')}">ghcr.io/acme/shop&#64;sha256:9f8e7d6c…</code> | <code>4f2a91c</code> |
| <code>api</code> | <code title="${api.reference.replace('@', '&#64;')}">ghcr.io/acme/api&#64;sha256:9f8e7d6c…</code> |  |

`);
  });

  test('with one target reads like a run of one image', () => {
    const { images: _, ...one } = report({ image });
    expect(renderSummary({ ...one, images: [web] })).toBe(renderSummary(one));
  });
});

describe('a run that was rolled back', () => {
  const summary = renderSummary(rolledBack);

  test('begins with the answer', () => {
    expect(before('### Timeline', summary)).toBe(`## ❌ Rolled back: deployment/web

deployment/web: container web exits 1 on every new pod (3 crashes): "cannot connect to database at db:5432". Rolled back to sha256:1a2b3c4d… in 4 s.

**What to do next:** Look at what the container needs when it starts: its database, its configuration, its secrets.

| Workload | Container | Image before | Image deployed | Outcome |
| --- | --- | --- | --- | --- |
| <code>deployment/web</code> | <code>web</code> | <code title="${OLD.replace('@', '&#64;')}">sha256:1a2b3c4d…</code> | <code title="${NEW.replace('@', '&#64;')}">sha256:9f8e7d6c…</code> | failed, rolled back in 4 s |

`);
  });

  test('goes on with the timeline and the strength of the evidence, and folds the evidence', () => {
    const rest = summary.slice(summary.indexOf('### How strong'));
    expect(rest).toBe(`### How strong the evidence is

- <code>deployment/web</code>: Container web has no readiness probe: ready only means that it started.

<details>
<summary>Evidence: <code>deployment/web</code></summary>

**Containers**

| Pod | Container | State |
| --- | --- | --- |
| <code>web-7f9c8d-x2k4p</code> | <code>web</code> | waiting: CrashLoopBackOff, last exit 1 (Error), 2 restarts |
| <code>web-7f9c8d-q8l2m</code> | <code>web</code> | waiting: CrashLoopBackOff, last exit 1 (Error), 2 restarts |

**Events**

| Object | Reason | Message | Seen |
| --- | --- | --- | --- |
| <code>Pod/web-7f9c8d-x2k4p</code> | <code>BackOff</code> | Back-off restarting failed container web | 3 times |
| <code>Pod/web-7f9c8d-x2k4p</code> | <code>Pulled</code> | Container image "\`ghcr.io/acme/shop@sha256:9f8e7d6c…\`" already present on machine |  |

**Last 10 lines of container** <code>web</code> **in pod** <code>web-7f9c8d-x2k4p</code> (the instance that died)

\`\`\`text
2026-11-20T14:03:31.120Z starting shop 2.4.0
/app/server.js:12
    throw new Error('cannot connect to database at db:5432');
    ^

Error: cannot connect to database at db:5432
    at Object.<anonymous> (/app/server.js:12:9)
    at node:internal/main/run_main_module:33:47

Node.js v24.1.0
\`\`\`

</details>

<sub>commit <code title="4f2a91c0d3b5e6f708192a3b4c5d6e7f80912a3b">4f2a91c0d3b5</code> · image <code title="${NEW.replace('@', '&#64;')}">ghcr.io/acme/shop&#64;sha256:9f8e7d6c…</code> · tag <code>4f2a91c</code> · took 40 s · 14 requests to the Kubernetes API and 3 watches</sub>
`);
  });

  test('has its folded part rendered as markdown', () => {
    const html = toHtml(summary);
    const folded = html.slice(html.indexOf('<details>'), html.indexOf('</details>'));
    expect(elements(folded)).toEqual(expect.arrayContaining(['summary', 'table', 'td', 'pre', 'strong']));
  });
});

test.each<[string, Report, string]>([
  ['healthy', succeeded, '## ✅ Deployed: deployment/web'],
  ['built', building, '## ✅ Built: image'],
  ['the rollback failed', rollbackFailed, '## 🚨 Rollback failed: deployment/web'],
  ['nobody knows', unknown, '## ❔ Unknown: deployment/web'],
  ['skipped', skipped, '## ⏭️ Skipped'],
])('the heading of a run: %s', (_, sample, heading) => {
  expect(renderSummary(sample).split('\n')[0]).toBe(heading);
});

test('a run without a cluster has neither a table nor evidence', () => {
  expect(before('### Timeline', renderSummary(building))).toBe(
    '## ✅ Built: image\n\nBuilt and pushed `ghcr.io/acme/shop@sha256:9f8e7d6c…` (tag 4f2a91c).\n\n',
  );
});

test.each<[string, Report, string]>([
  [
    'left as it is',
    report({ workloads: [crashed({ rollback: { outcome: 'declined', message: '' } })] }),
    'failed, left as it is',
  ],
  [
    'no way back',
    report({ workloads: [crashed({ rollback: { outcome: 'impossible', message: '' } })] }),
    'failed, no way back',
  ],
  [
    'put back with others',
    report({ workloads: [workload({ rollback: { outcome: 'restored', message: '', seconds: 70 } })] }),
    'put back in 1 m 10 s',
  ],
  ['never touched', report({ workloads: [workload({ outcome: 'untouched' })] }), 'not touched'],
  [
    'the same image',
    report({ workloads: [crashed({ rollback: { outcome: 'unnecessary', message: '' } })] }),
    'failed, nothing to roll back',
  ],
])('the outcome in the table: %s', (_, sample, words) => {
  expect(renderSummary(sample)).toContain(`| ${words} |\n`);
});

test('workloads of several namespaces are told apart', () => {
  const sample = report({ workloads: [workload(), workload({ namespace: 'shop' })] });
  expect(renderSummary(sample)).toContain('| <code>shop/deployment/web</code> |');
});

test('local changes and a digest that is not in the reference are told', () => {
  const sample = report({
    source: { revision: 'abc', dirty: true },
    image: { reference: 'acme/shop:1', digest: `sha256:${'a'.repeat(64)}`, built: false },
  });
  expect(renderSummary(sample)).toMatch(
    /commit <code title="abc">abc<\/code> \(with local changes\) · image <code title="acme\/shop:1">acme\/shop:1<\/code> · digest <code title="sha256:a{64}">sha256:aaaaaaaa…<\/code>/,
  );
});

describe('hostile text', () => {
  test.each(Object.entries(SAMPLES))(
    'a summary has no other elements than it should, and no links: %s',
    (_, sample) => {
      const html = toHtml(renderSummary(sample));
      expect(elements(html).filter((name) => !ALLOWED.has(name))).toEqual([]);
      expect(outsideCode(html)).not.toMatch(/@\w|#\d|:\/\//);
    },
  );

  test('nothing that a cluster writes changes the frame of the summary', () => {
    const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 20 }));
    const change = size.change as NonNullable<typeof size.change>;
    const frame = (html: string): string[] => elements(html).filter((name) => name !== 'code');
    const write = (a: string, b: string): Report => ({
      ...rolledBack,
      reason: `r ${a}`,
      advice: b,
      timeline: [],
      image: {
        ...image,
        build: {
          seconds: 1,
          steps: [{ name: a, seconds: 2, cached: false }],
          warnings: [{ rule: b, message: a, url: b, place: { file: b, line: 1 } }],
        },
        size: { ...size, platform: a, change: { ...change, from: b } },
      },
      workloads: [
        crashed({
          name: a,
          notes: [a, b],
          containers: [{ name: b, before: a, after: `${b}!` }],
          evidence: {
            containers: [{ pod: a, container: b, state: a }],
            events: [{ object: b, reason: a, message: b, count: 1 }],
            logs: { pod: a, container: b, previous: false, lines: [a, b, a] },
            missing: [b],
          },
        }),
      ],
    });
    const expected = frame(toHtml(renderSummary(write('x', 'y'))));
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(frame(toHtml(renderSummary(write(a, b))))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the size is bounded', () => {
  const base = crashed();
  const big = (lines: number, length: number): Report => {
    const evidence = {
      containers: Array.from({ length: 500 }, (_, i) => ({
        pod: `web-${i}`,
        container: 'web',
        state: 'running',
      })),
      events: Array.from({ length: 500 }, (_, i) => ({
        object: `Pod/web-${i}`,
        reason: 'BackOff',
        message: 'm'.repeat(length),
        count: 1,
      })),
      logs: {
        pod: 'web-1',
        container: 'web',
        previous: true,
        lines: Array.from({ length: lines }, (_, i) => `${i} ${'l'.repeat(length)}`),
      },
      missing: [],
    };
    return {
      ...rolledBack,
      workloads: Array.from({ length: 3 }, (_, i) => ({ ...base, name: `web-${i}`, evidence })),
    };
  };

  test('logs keep their end, and what is left out is said', () => {
    const summary = renderSummary(big(5_000, 100));
    expect(bytes(summary)).toBeLessThanOrEqual(256 * 1_024);
    expect(summary).toContain('**Last 200 lines of container**');
    expect(summary).toContain(`\n4999 ${'l'.repeat(100)}\n`);
    expect(summary).not.toContain('\n4799 ');
    expect(summary).toContain(
      '_4800 more log lines left out here: see the file behind the output_ `report`.',
    );
    expect(summary).toContain('_470 more events left out here: see the file behind the output_ `report`.');
  });

  test.each([200_000, 50_000, 8_000, 4_000, 2_000, 300])('never more than %d bytes', (limit) => {
    const summary = renderSummary(big(5_000, 5_000), { limit });
    expect(bytes(summary)).toBeLessThanOrEqual(limit);
    expect(summary).toMatch(/^## ❌ Rolled back: deployment\/web-0 and 2 more\n/);
    expect(summary).toMatch(/left out/);
  });

  test('a report with thousands of workloads and notes is still short', () => {
    const workloads = Array.from({ length: 3_000 }, (_, i) =>
      workload({ name: `web-${i}`, notes: ['n'.repeat(9_000)] }),
    );
    const summary = renderSummary(report({ workloads }));
    expect(bytes(summary)).toBeLessThanOrEqual(256 * 1_024);
    expect(summary).toContain('…and 2900 more rows.');
    expect(summary).toContain('- …and 2950 more');
  });
});
