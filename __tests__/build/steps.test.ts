import { describe, expect, it } from 'vitest';
import { isInstruction, joinSteps, type Step, StepReader } from '../../src/build/steps.ts';
import { Lines } from '../../src/process/lines.ts';

/** What buildx 0.13 wrote with Docker 26's own builder, pushing an image whose layers were there. */
const DOCKER = `#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 331B done
#1 DONE 0.0s

#3 [internal] load build context
#3 transferring context: 1.98MB 0.0s done
#3 DONE 0.1s

#4 [base 1/2] COPY busybox /bin/busybox
#4 CACHED

#5 [base 2/2] RUN echo CACHED; echo "#3 CACHED"; busybox sleep 1
#5 0.085 CACHED
#5 0.085 #3 CACHED
#5 0.085 DONE 9.9s
#5 DONE 1.4s

#7 exporting to image
#7 exporting layers 0.1s done
#7 pushing layers 0.1s done
#7 DONE 0.2s

#8 pushing 127.0.0.1:22734/sees/try:1 with docker
#8 pushing layer 8484fa58800c
#8 pushing layer 8484fa58800c done
#8 DONE 0.1s`;

/** buildx 0.29 with BuildKit 0.25 by itself, for two platforms of which one failed. */
const REMOTE = `#0 building with "rem" instance using remote driver

#4 [linux/amd64 base 1/2] COPY busybox /bin/busybox
#4 DONE 0.0s

#5 [base 2/2] RUN printf 'y\\r#4 CACHED\\n'
#5 0.343 y\r#4 CACHED
#5 ...

#6 [linux/amd64->386 base 2/2] RUN printf 'x'
#6 DONE 0.8s

#5 [base 2/2] RUN printf 'y\\r#4 CACHED\\n'
#5 DONE 0.7s

#7 [final 1/1] RUN exit 3
#7 CANCELED

#8 [final 1/1] RUN exit 3
#8 0.257 start
#8 ERROR: process "/bin/sh -c exit 3" did not complete successfully: exit code: 3`;

function read(output: string): readonly Step[] {
  const reader = new StepReader();
  const lines = new Lines((line) => reader.push(line), /^(?:#\d+ )?\d+\.\d+ /);
  lines.push(output);
  lines.end();
  return reader.steps();
}

const step = (name: string, seconds: number | undefined, cached = false): Step => ({ name, seconds, cached });

describe('the steps of a build', () => {
  it("are those of Docker's own builder, and a RUN that writes what a step looks like is none", () => {
    expect(read(DOCKER)).toEqual([
      step('[internal] load build definition from Dockerfile', 0),
      step('[internal] load build context', 0.1),
      step('[base 1/2] COPY busybox /bin/busybox', undefined, true),
      step('[base 2/2] RUN echo CACHED; echo "#3 CACHED"; busybox sleep 1', 1.4),
      step('exporting to image', 0.2),
      step('pushing 127.0.0.1:22734/sees/try:1 with docker', 0.1),
    ]);
  });
  it('are those that ended, also where two were written by turns', () => {
    expect(read(REMOTE)).toEqual([
      step('[linux/amd64 base 1/2] COPY busybox /bin/busybox', 0),
      step("[base 2/2] RUN printf 'y\\r#4 CACHED\\n'", 0.7),
      step("[linux/amd64->386 base 2/2] RUN printf 'x'", 0.8),
    ]);
  });
  it('take as long as they said last: a base image is done once when found and once when fetched', () => {
    const lines = [
      '#4 [1/2] FROM docker.io/library/node:24',
      '#4 DONE 0.0s',
      '',
      '#4 extracting',
      '#4 DONE 7.5s',
    ];
    expect(read(lines.join('\n'))).toEqual([step('[1/2] FROM docker.io/library/node:24', 7.5)]);
  });
  it('are counted once, though another build does the same work', () => {
    const twice = (a: string, b: string) => `#4 [1/4] COPY x /x\n#4 ${a}\n\n#5 [1/4] COPY x /x\n#5 ${b}`;
    expect(read(twice('CACHED', 'CACHED'))).toEqual([step('[1/4] COPY x /x', undefined, true)]);
    expect(read(twice('DONE 0.1s', 'CACHED'))).toEqual([step('[1/4] COPY x /x', 0.1)]);
    expect(read(twice('DONE 0.1s', 'DONE 0.7s'))).toEqual([step('[1/4] COPY x /x', 0.7)]);
  });
  it('may be named as one that ended', () => {
    expect(read('#4 CACHED\n#4 DONE 0.1s')).toEqual([step('CACHED', 0.1)]);
  });
});

it.each([
  ['[2/5] RUN npm ci', true],
  ['[build 12/14] COPY . .', true],
  ['[linux/amd64->arm64 build 2/3] ADD x /', true],
  ['[stage-1 2/3] WORKDIR /app', true],
  ['[build 1/3] FROM docker.io/library/node:24', false],
  ['[internal] load build context', false],
  ['[auth] library/node:pull token for registry-1.docker.io', false],
  ['exporting to image', false],
  ['importing cache manifest from ghcr.io/acme/shop:cache-main', false],
])('a cache may have it or not: %s: %s', (name, expected) => {
  expect(isInstruction({ name })).toBe(expected);
});

it('a build that was begun again did what its first attempt did', () => {
  const first = [step('[1/3] RUN a', 5), step('[2/3] RUN b', undefined, true), step('exporting to image', 2)];
  const second = [
    step('[1/3] RUN a', undefined, true),
    step('[2/3] RUN b', undefined, true),
    step('[3/3] RUN c', undefined, true),
    step('exporting to image', 1),
  ];
  expect(joinSteps(first, second)).toEqual([
    step('[1/3] RUN a', 5),
    step('[2/3] RUN b', undefined, true),
    step('[3/3] RUN c', undefined, true),
    step('exporting to image', 1),
  ]);
  expect(joinSteps([], second)).toEqual(second);
});
