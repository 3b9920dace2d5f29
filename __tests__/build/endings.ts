import { type BuildError, explainFailure, type FailureFacts } from '../../src/build/failure.ts';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../src/build/inputs.ts';
import { type BuildStory, ProgressReader } from '../../src/build/progress.ts';

/** What buildx 0.13 and 0.29 wrote; the first lines of a build are left out. */
export const FAILING_RUN = `#0 building with "default" instance using docker driver

#4 [1/2] COPY busybox /bin/busybox
#4 CACHED

#5 [2/2] RUN echo hello; exit 3
#5 0.210 oops
#5 0.211 hello
#5 ERROR: process "/bin/sh -c echo hello; exit 3" did not complete successfully: exit code: 3
------
 > [2/2] RUN echo hello; exit 3:
0.210 oops
0.211 hello
------
Dockerfile:4
--------------------
   2 |     COPY busybox /bin/busybox
   3 |     SHELL ["/bin/sh","-c"]
   4 | >>> RUN echo hello; exit 3
   5 |     
--------------------
ERROR: failed to solve: process "/bin/sh -c echo hello; exit 3" did not complete successfully: exit code: 3`;

export const PUSHING = `#5 exporting to image
#5 pushing layers done
#5 ERROR: failed to push ghcr.io/acme/shop:abc: WORDS
------
 > exporting to image:
------
ERROR: failed to solve: failed to push ghcr.io/acme/shop:abc: WORDS`;

export const SETUP = 'Add the step `- uses: docker/setup-buildx-action@v3` before this one';

export function explain(
  output: string,
  rest: Partial<Omit<FailureFacts, 'inputs'>> & { inputs?: Partial<BuildInputs> } = {},
): string {
  return failure(output, rest).message;
}

export function failure(
  output: string,
  rest: Partial<Omit<FailureFacts, 'inputs'>> & { inputs?: Partial<BuildInputs> } = {},
): BuildError {
  const { inputs, ...others } = rest;
  return explainFailure({
    story: read(output),
    ended: { kind: 'exited', exitCode: 1, signal: undefined },
    image: { registry: 'ghcr.io', repository: 'acme/shop' },
    loginOf: () => ({ username: 'octocat', origin: 'the inputs username and password' }),
    ...others,
    inputs: { ...NO_BUILD_INPUTS, ...inputs },
  });
}

export function read(output: string): BuildStory {
  const reader = new ProgressReader();
  for (const line of output.split('\n')) reader.push(line);
  return reader.story();
}
