import { expect, test } from 'vitest';
import { takenBy } from '../../src/deploy/lost-lock.ts';
import { readInputs } from '../../src/inputs.ts';
import { UserError } from '../../src/model/error.ts';
import type { Report, WorkloadReport } from '../../src/model/report.ts';
import { renderAnnotation } from '../../src/report/annotation.ts';
import { renderSummary } from '../../src/report/summary.ts';
import { finish, stop } from '../../src/run/report.ts';
import { Story } from '../../src/run/story.ts';
import { fakeWorld } from './fake-world.ts';

const SECRET = 'k3y_*x-0123456789-abcdefghij';
/** So much that every cut of the reports would go through the secret's middle. */
const before = (length: number): string => 'x'.repeat(length - 10);

/** What a person or a later step gets to see of a report. */
function shown(report: Report): string {
  const annotation = renderAnnotation(report);
  return [renderSummary(report), annotation?.message, annotation?.title, JSON.stringify(report)].join('\n');
}

async function endings(said: (length: number) => string) {
  const inputs = await readInputs({ image: 'acme/shop:1', build: 'false', workloads: 'deployment/web' });
  const { world } = fakeWorld();
  world.log.secret(SECRET);
  const workload: WorkloadReport = {
    ...{ kind: 'Deployment', namespace: 'shop', name: 'web', outcome: 'failed', containers: [] },
    notes: [said(500)],
    failure: { code: 'crash', message: 'container web exits 1', quote: said(200), advice: said(4_000) },
    evidence: {
      containers: [{ pod: 'web-1', container: 'web', state: said(4_000) }],
      events: [{ object: 'Pod/web-1', reason: 'BackOff', message: said(4_000), count: 1 }],
      logs: { pod: 'web-1', container: 'web', previous: true, lines: [said(4_000)] },
      missing: [said(500)],
    },
  };
  const deployed = { result: 'failed' as const, workloads: [workload], culprit: 0, stopped: undefined };
  const mistake = new UserError(`It failed: ${said(985)}`, { details: [said(500)] });
  return {
    finished: finish(inputs, world, new Story(world.clock), {}, deployed),
    stopped: stop(inputs, world, new Story(world.clock), {}, mistake),
  };
}

test('a secret that is known is in no text of a report, neither escaped nor cut in its middle', async () => {
  const { finished, stopped } = await endings((length) => `${before(length)}${SECRET} after`);
  for (const report of [finished, stopped]) {
    expect(shown(report)).not.toContain('k3y');
    expect(shown(report)).toContain('***');
  }
  expect(finished.reason).toContain(`${'x'.repeat(190)}*** after`);
});

test('what looks like it stays, and can be read', async () => {
  const { finished, stopped } = await endings(() => 'the key k3y_*y is unknown');
  for (const report of [finished, stopped]) expect(shown(report)).toContain('the key k3y_*y is unknown');
  expect(renderSummary(finished)).toContain('the key `k3y_*y` is unknown');
});

async function stoppedBy(error: Error): Promise<Report> {
  const inputs = await readInputs({ image: 'acme/shop:1', build: 'false', workloads: 'deployment/web' });
  const { world } = fakeWorld();
  return stop(inputs, world, new Story(world.clock), {}, error);
}

test('a lock that another run took before anything was patched is a plain failure, and says whose it is', async () => {
  const holderIdentity = 'acme/shop run 58 [b2]';
  const web = { kind: 'Deployment', namespace: 'shop', name: 'web' };
  expect(await stoppedBy(takenBy(web, { spec: { holderIdentity } }))).toMatchObject({
    result: 'failed',
    reason:
      'The lock on deployment/web was taken from this run by acme/shop run 58. Nothing was changed in the cluster.',
    advice:
      'Look at what that other run deploys. Run this one again when that has ended, if its image is still wanted.',
  });
});

test('what nobody foresaw is still asked to be reported', async () => {
  expect(await stoppedBy(new Error('the lock is green'))).toMatchObject({
    result: 'unknown',
    reason:
      'SteadyShip met something that it does not know: the lock is green. Nothing was changed in the cluster.',
    advice: 'Run again with debug logging on (re-run jobs, "Enable debug logging") and report what it shows.',
  });
});
