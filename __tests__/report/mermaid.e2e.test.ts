import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { renderTimeline } from '../../src/report/timeline.ts';
import { SAMPLES } from './samples.ts';

/**
 * Draws the timelines as GitHub does: Mermaid, its own browser bundle, in a browser of the Chromium family.
 * Whether a chart can be read is asked of what was drawn: are the labels there, and inside the picture?
 */
const browser = [process.env['CHROME_BIN'] ?? '', 'chromium', 'chromium-browser', 'google-chrome'].find(
  works,
);

function works(command: string): boolean {
  if (command === '') return false;
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Drawing {
  readonly error?: string;
  readonly labels: readonly string[];
  readonly sections: readonly string[];
  readonly ticks: readonly string[];
  readonly bars: number;
  /** Texts that stick out of the picture. */
  readonly outside: readonly string[];
  /** Ticks whose labels touch. */
  readonly crowded: number;
  readonly active: number;
}

/** Runs in the page: draws every chart at the width of GitHub's summary, and writes down what came of it. */
const PAGE = `
  mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' });
  const drawings = {};
  for (const [name, chart] of Object.entries(charts)) {
    const box = document.body.appendChild(document.createElement('div'));
    box.style.width = '830px';
    try {
      const { svg } = await mermaid.render('chart' + Object.keys(drawings).length, chart, box);
      box.innerHTML = svg;
      const all = (selector) => [...box.querySelectorAll(selector)];
      const texts = (selector) => all(selector).map((node) => node.textContent.trim());
      const frame = box.querySelector('svg').getBoundingClientRect();
      const ticks = all('.tick text').map((node) => node.getBoundingClientRect());
      drawings[name] = {
        labels: texts('text.taskText, text.taskTextOutsideRight, text.taskTextOutsideLeft').sort(),
        sections: texts('text.sectionTitle'),
        ticks: texts('.tick text'),
        bars: all('rect.task').length,
        outside: all('text').filter((node) => {
          const at = node.getBoundingClientRect();
          return at.left < frame.left || at.right > frame.right || at.bottom > frame.bottom;
        }).map((node) => node.textContent),
        crowded: ticks.filter((at, i) => i > 0 && at.left < ticks[i - 1].right + 4).length,
        active: all('script, a, foreignObject, image').length,
      };
    } catch (error) {
      drawings[name] = { error: String(error) };
    }
  }
  document.body.replaceChildren();
  document.body.append(JSON.stringify(drawings));
`;

const timelines = Object.fromEntries(
  Object.entries(SAMPLES)
    .filter(([, report]) => report.timeline.length > 0)
    .map(([name, report]) => [name, renderTimeline(report).split('\n').slice(1, -1).join('\n')]),
);

function draw(command: string): Map<string, Drawing> {
  const folder = mkdtempSync(join(tmpdir(), 'steadyship-mermaid-'));
  try {
    const bundle = createRequire(import.meta.url).resolve('mermaid/dist/mermaid.min.js');
    const charts = JSON.stringify(timelines).replaceAll('<', '\\u003c');
    const page = join(folder, 'page.html');
    writeFileSync(
      page,
      `<!doctype html><meta charset="utf-8"><body><script src="${pathToFileURL(bundle).href}"></script>
      <script type="module">const charts = ${charts};\n${PAGE}</script>`,
    );
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--allow-file-access-from-files',
      `--user-data-dir=${folder}/profile`,
    ];
    const wait = ['--virtual-time-budget=30000', '--dump-dom'];
    const dom = execFileSync(command, [...flags, ...wait, pathToFileURL(page).href], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 60_000,
    });
    const json = /<body>(.*)<\/body>/s.exec(dom)?.[1] ?? '{}';
    const text = json
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&nbsp;', '\u00a0')
      .replaceAll('&amp;', '&');
    return new Map(Object.entries<Drawing>(JSON.parse(text)));
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What the lines of the chart promise. */
function promised(chart: string): { labels: string[]; sections: string[] } {
  const lines = chart.split('\n');
  const labels = lines.flatMap((line) => /^ {2}(.*) :(?:done|crit|active), /.exec(line)?.[1] ?? []);
  const sections = lines.flatMap((line) => /^ {2}section (.*)$/.exec(line)?.[1] ?? []);
  return { labels: labels.toSorted(), sections };
}

describe.skipIf(browser === undefined)(
  'drawn by Mermaid in a browser (skipped without Chromium or Chrome)',
  () => {
    let drawings = new Map<string, Drawing>();
    beforeAll(() => {
      drawings = draw(browser ?? '');
    }, 90_000);

    test.each(Object.entries(timelines))('the timeline of a run that is "%s"', (name, chart) => {
      const drawing = drawings.get(name);
      const { labels, sections } = promised(chart);
      expect(drawing?.error).toBeUndefined();
      expect(drawing).toMatchObject({
        labels,
        sections,
        bars: labels.length,
        outside: [],
        crowded: 0,
        active: 0,
      });
      expect(drawing?.ticks.length).toBeGreaterThanOrEqual(2);
      expect(drawing?.ticks[0]).toMatch(/^(0 s|0\.000 s|0:00|0 m|0:00 h)$/);
    });
  },
);
