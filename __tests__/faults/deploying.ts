import type { ChildProcess } from 'node:child_process';
import type { ImageName } from '../harness/images.ts';
import type { StepOptions, StepResult } from '../harness/runner.ts';
import type { Stage } from '../harness/stage.ts';

/** A step that is under way. */
export interface Deploying {
  readonly step: Promise<StepResult>;
  readonly child: ChildProcess;
  /** Waits until it has printed a line with these words; a step that ends without having said them is a mistake. */
  said(words: string): Promise<void>;
  /** Waits until its patch was answered: what happens from now on happens in the middle of the rollout. */
  patched(): Promise<void>;
}

/** Starts to deploy an image to `deployment/web`, and leaves it running. */
export async function deploying(
  stage: Stage,
  image: ImageName,
  options: Partial<StepOptions> = {},
): Promise<Deploying> {
  const lines: string[] = [];
  let changed = Promise.withResolvers<void>();
  const started = Promise.withResolvers<ChildProcess>();
  const step = stage.deploy(image, {
    ...options,
    onStart: started.resolve,
    onLine: (line) => {
      lines.push(line);
      changed.resolve();
      changed = Promise.withResolvers();
    },
  });
  const ended = step.then(() => undefined);
  const said = async (words: string): Promise<void> => {
    for (;;) {
      if (lines.some((line) => line.includes(words))) return;
      const over = await Promise.race([changed.promise.then(() => false), ended.then(() => true)]);
      if (over && !lines.some((line) => line.includes(words)))
        throw new Error(`The step ended without having said ${JSON.stringify(words)}: ${lines.join('\n')}`);
    }
  };
  return {
    step,
    child: await started.promise,
    said,
    patched: () => said('deployment/web: container web from '),
  };
}

/** Milliseconds after its SIGINT at which the runner of a cancelled run sends SIGTERM. */
export const SECOND_SIGNAL = 7_500;

/** Ends a step as GitHub's runner does when a run is cancelled. */
export async function cancel({ step, child }: Pick<Deploying, 'step' | 'child'>): Promise<StepResult> {
  const ended = step.then(() => true);
  for (const [signal, milliseconds] of [
    ['SIGINT', SECOND_SIGNAL],
    ['SIGTERM', 2_500],
  ] as const) {
    child.kill(signal);
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(late.resolve, milliseconds, false);
    const over = await Promise.race([ended, late.promise]);
    clearTimeout(timer);
    if (over) return await step;
  }
  child.kill('SIGKILL');
  return await step;
}
