import { describe, expect, it } from 'vitest';
import { buildahArguments, refuseUnsupported } from '../../src/build/buildah-args.ts';
import { BuildahReader } from '../../src/build/buildah-story.ts';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../src/build/inputs.ts';

const argumentsOf = (inputs: Partial<BuildInputs>): string[] =>
  buildahArguments({
    inputs: { ...NO_BUILD_INPUTS, ...inputs },
    labels: { a: 'b' },
    secrets: [{ id: 'npm', file: '/t/secret-0' }],
    authFile: '/c/config.json',
    idFile: '/t/id',
  });

it('buildah gets the same options, each value an argument of its own', () => {
  const inputs = { platforms: ['linux/arm64'], buildArgs: ['A=$(id)'], pull: true, labels: ['a=c'] };
  expect(argumentsOf(inputs)).toEqual([
    'build',
    '--format=docker',
    '--layers=false',
    '--authfile=/c/config.json',
    '--iidfile=/t/id',
    '--platform=linux/arm64',
    '--build-arg=A=$(id)',
    '--secret=id=npm,src=/t/secret-0',
    '--label=a=b',
    '--label=a=c',
    '--pull=always',
    '--',
    '.',
  ]);
});

it("annotations need OCI's format", () => {
  expect(argumentsOf({ annotations: ['a=b'] })).toContain('--format=oci');
});

it('an annotation whose name is an address has no level', () => {
  const inputs = { ...NO_BUILD_INPUTS, annotations: ['org.opencontainers.image.url=https://a.b'] };
  expect(refuseUnsupported(inputs)).toEqual([]);
});

describe("buildah's words", () => {
  const rows: readonly [name: string, output: string, error: string, step: string | undefined][] = [
    [
      'of a step that failed',
      'STEP 1/2: FROM x\n[1/2] STEP 2/2: RUN exit 3\nError: building at STEP "RUN exit 3": while running runtime: exit status 3',
      'process "" did not complete successfully: exit code: 3',
      'RUN exit 3',
    ],
    [
      'of a base image',
      'STEP 1/1: FROM r/x:1\nError: creating build container: initializing source docker://r/x:1: reading manifest 1 in r/x: manifest unknown',
      'failed to resolve source metadata for r/x:1: reading manifest 1 in r/x: manifest unknown',
      'FROM r/x:1',
    ],
    [
      'of a stage that is not there',
      'Error: The target "nope" was not found in the provided Dockerfile',
      'target stage "nope" could not be found',
      undefined,
    ],
    ['that are not known stay as they are', 'Error: something else', 'something else', undefined],
  ];
  it.each(rows)('%s', (_, output, error, step) => {
    const reader = new BuildahReader();
    for (const line of output.split('\n')) reader.push(line);
    expect(reader.story()).toMatchObject({ error });
    expect(reader.story().failed?.name).toBe(step);
  });
});
