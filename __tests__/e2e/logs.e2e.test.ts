import { expect } from 'vitest';
import { red } from '../harness/expected.ts';
import type { StepOptions, StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';

/** The last words of the version that crashes. */
const PRIVATE = 'cannot connect to database';

/** Everything that a run leaves for somebody to read. */
function everything({ log, summary, outputs, report }: StepResult): Readonly<Record<string, boolean>> {
  const texts = { log, summary, outputs: JSON.stringify(outputs), report: JSON.stringify(report) };
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text.includes(PRIVATE)]));
}

scenario('pod logs are shown in a private repository', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('crash');
  expect(everything(step)).toEqual({ log: true, summary: true, outputs: true, report: true });
  expect(stage.plain(step.log)).toContain('::group::The last 2 lines of container web in pod web-<pod>\n');
});

const secret: Readonly<Record<string, Partial<StepOptions>>> = {
  '`logs: never` keeps pod logs out of everything': { inputs: { logs: 'never' } },
  'pod logs are kept out of a public repository': {
    event: { repository: { private: false, default_branch: 'main', full_name: 'acme/shop' } },
  },
};

for (const [name, options] of Object.entries(secret)) {
  scenario(name, async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    const step = await stage.deploy('crash', options);
    expect(stage.ending(step)).toEqual(
      red(
        'rolled-back',
        'deployment/web: container web exits 1 on every new pod (3 crashes). Rolled back to <v1> in <time>.',
      ),
    );
    expect(everything(step)).toEqual({ log: false, summary: false, outputs: false, report: false });
  });
}
