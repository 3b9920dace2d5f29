import { describe, expect, it } from 'vitest';
import type { BuildInputs } from '../../src/build/inputs.ts';
import { explain, FAILING_RUN, failure, read, SETUP } from './endings.ts';

describe('a failing step', () => {
  it('is told by its line, its command, its code and its own last words', () => {
    expect(explain(FAILING_RUN)).toBe(
      'The build failed at Dockerfile:4: `RUN echo hello; exit 3` ended with exit code 3. Its last lines:\n  oops\n  hello',
    );
  });
  it('is told so by newer versions of buildx, too', () => {
    const newer = FAILING_RUN.replace(
      'ERROR: failed to solve: ',
      'ERROR: failed to build: failed to solve: ',
    );
    expect(explain(newer)).toBe(explain(FAILING_RUN));
  });
  it('knows its place for an annotation', () => {
    expect(read(FAILING_RUN).place).toEqual({
      file: 'Dockerfile',
      line: 4,
      endLine: 4,
      text: 'RUN echo hello; exit 3',
    });
  });
  it('gives that place to the annotation where the Dockerfile is of the workspace', () => {
    const place = (dockerfile: string | undefined, output = FAILING_RUN) =>
      failure(output, { dockerfile }).place;
    expect(place('docker/Dockerfile')).toEqual({ file: 'docker/Dockerfile', line: 4, endLine: 4 });
    expect(place(undefined)).toBeUndefined();
    expect(place('docker/other.Dockerfile')).toBeUndefined();
    expect(place('Dockerfile', FAILING_RUN.replaceAll(/^ *\d+ \|.*\n/gm, ''))).toBeUndefined();
  });
  it('may be of several lines, and is told by its path', () => {
    const several = FAILING_RUN.replace(
      '   4 | >>> RUN echo hello; exit 3\n   5 |     ',
      '   4 | >>> RUN echo hello; \\\n   5 | >>>   exit 3\n   6 |     ',
    );
    const { message, place } = failure(several, { dockerfile: 'app/Dockerfile' });
    expect(place).toEqual({ file: 'app/Dockerfile', line: 4, endLine: 5 });
    expect(message.split('\n')[0]).toBe(
      'The build failed at app/Dockerfile:4: `RUN echo hello; \\` ended with exit code 3. Its last lines:',
    );
  });
  it('is not where another source is shown before it', () => {
    const other = FAILING_RUN.replace(
      'Dockerfile:4\n',
      'Dockerfile:2\n--------------------\n   2 | >>> COPY x y\n--------------------\nDockerfile:4\n',
    );
    expect(failure(other, { dockerfile: 'Dockerfile' }).place).toEqual({
      ...{ file: 'Dockerfile', line: 4, endLine: 4 },
    });
  });
  it('is the one that failed, not one that was ended with it', () => {
    const parallel = FAILING_RUN.replace(
      '#5 0.210 oops',
      '#6 [other 1/1] RUN sleep 9\n#6 0.1 sleeping\n#5 [2/2] RUN echo hello; exit 3\n#5 0.210 oops',
    ).replace('------\n >', '#6 CANCELED\n#6 ERROR: context canceled\n------\n >');
    expect(explain(parallel)).toBe(explain(FAILING_RUN));
  });
  it('keeps only the last twenty lines', () => {
    const long = FAILING_RUN.replace(
      '#5 0.210 oops',
      Array.from({ length: 40 }, (_, n) => `#5 0.2 line ${n}`).join('\n'),
    );
    expect(explain(long).split('\n').slice(1)).toEqual([
      ...Array.from({ length: 19 }, (_, n) => `  line ${n + 21}`),
      '  hello',
    ]);
  });
  it('may have said nothing', () => {
    expect(explain(FAILING_RUN.replaceAll(/^#5 0.*\n/gm, ''))).toBe(
      'The build failed at Dockerfile:4: `RUN echo hello; exit 3` ended with exit code 3. It wrote nothing.',
    );
  });
  it('may say what would mean something else of docker itself', () => {
    const docker = FAILING_RUN.replace(
      'oops',
      'ERROR: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?',
    ).replaceAll('echo hello; exit 3', 'echo no builder "x" found; exit 3');
    expect(explain(docker).split('\n')[0]).toBe(
      'The build failed at Dockerfile:4: `RUN echo no builder "x" found; exit 3` ended with exit code 3. Its last lines:',
    );
  });
  it('by 137 was killed', () => {
    expect(explain(FAILING_RUN.replaceAll('code: 3', 'code: 137')).split('\n')[0]).toBe(
      'The build failed at Dockerfile:4: `RUN echo hello; exit 3` ended with exit code 137 (137: it was killed, mostly because the memory ran out). Its last lines:',
    );
  });
  it('of another platform lacks an emulator', () => {
    const foreign = FAILING_RUN.replace('oops', 'exec /bin/sh: exec format error');
    expect(explain(foreign, { inputs: { platforms: ['linux/arm64'] } })).toBe(
      'The build for linux/arm64 failed at Dockerfile:4: this runner can not run programs of that platform. Add the step `- uses: docker/setup-qemu-action@v3` before this one, or build on a runner of that platform.',
    );
  });
});

describe('the end of buildx', () => {
  const rows: readonly [name: string, output: string, sentence: string, inputs?: Partial<BuildInputs>][] = [
    [
      'without the plugin (docker 28)',
      "unknown flag: --progress\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information",
      `Docker on this runner has no buildx plugin, which builds the image. ${SETUP}, or install the package docker-buildx-plugin.`,
    ],
    [
      'without the plugin (docker 20)',
      "docker: 'buildx' is not a docker command.\nSee 'docker --help'",
      `Docker on this runner has no buildx plugin, which builds the image. ${SETUP}, or install the package docker-buildx-plugin.`,
    ],
    [
      'that is too old',
      "unknown flag: --annotation\nSee 'docker buildx build --help'.",
      `The buildx on this runner is too old: it does not know --annotation. ${SETUP}, which brings a current one.`,
    ],
    [
      'without a daemon',
      'ERROR: Cannot connect to the Docker daemon at unix:///nope.sock. Is the docker daemon running?',
      'The Docker daemon at unix:///nope.sock can not be reached. Start it, or set DOCKER_HOST to where it runs.',
    ],
    [
      'at a daemon that is not ours',
      'ERROR: permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://x": dial unix: connect: permission denied',
      "This runner's user may not use the Docker daemon at unix:///var/run/docker.sock. Put the user into the group docker, or run a rootless daemon.",
    ],
    [
      'at a context that is gone',
      'ERROR: context "nocontext": context not found: open /root/.docker/contexts/meta/7b/meta.json: no such file or directory',
      'Docker has no context "nocontext", which DOCKER_CONTEXT or its configuration names. Create it, or remove that setting.',
    ],
    [
      'at a builder that is not there',
      'ERROR: no builder "nobuilder" found',
      `There is no builder "nobuilder" on this runner (input builder, or BUILDX_BUILDER). ${SETUP} and give its output \`name\`, or leave the input out.`,
    ],
    [
      'at a file that is not in the context',
      '#4 [1/1] COPY nothere /x\n#4 ERROR: failed to calculate checksum of ref spc1::il5: "/nothere": not found\n------\nDockerfile:2\n--------------------\n   1 |     FROM scratch\n   2 | >>> COPY nothere /x\n--------------------\nERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref spc1::il5: "/nothere": not found',
      'The build failed at Dockerfile:2: `COPY nothere /x`: the context . has no /nothere, or .dockerignore leaves it out.',
    ],
    [
      'at a Dockerfile that is none',
      'D2:2\n--------------------\n   1 |     FROM scratch\n   2 | >>> FOO bar\n--------------------\nERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: FOO (did you mean FROM?)',
      'The Dockerfile bad/D2 is wrong at line 2: unknown instruction: FOO (did you mean FROM?).',
      { file: 'bad/D2' },
    ],
    [
      'at a stage that is none',
      'ERROR: failed to solve: target stage "nope" could not be found',
      'The Dockerfile has no stage "nope": the input target must be one of the names behind "AS" in its FROM lines.',
    ],
    [
      'at a base image that is none',
      'D4:1\n--------------------\n   1 | >>> FROM 127.0.0.1:2/no/such:1\n--------------------\nERROR: failed to solve: 127.0.0.1:2/no/such:1: failed to resolve source metadata for 127.0.0.1:2/no/such:1: 127.0.0.1:2/no/such:1: not found',
      'The base image 127.0.0.1:2/no/such:1 of D4:1 can not be had: 127.0.0.1:2/no/such:1: not found. Check its name, and that the builder may pull it.',
    ],
    [
      'at a full disk',
      'ERROR: failed to solve: failed to copy: write /var/lib/x: no space left on device',
      "No space is left on the builder's disk. Free some before this step (`docker system prune --all --force`), or use a larger runner.",
    ],
    [
      'at a wish that is too much for docker',
      'ERROR: Multi-platform build is not supported for the docker driver.\nSwitch to a different driver',
      `Multi-platform build is more than Docker's own builder can do. ${SETUP}.`,
    ],
    [
      'at a helper that is not there',
      'ERROR: failed to solve: error getting credentials - err: exec: "docker-credential-nohelper": executable file not found in $PATH, out: ``',
      "Docker's configuration names the credential helper docker-credential-nohelper, which is not on PATH. Install it, or remove it from the configuration.",
    ],
    [
      'that nobody knows is told as it is',
      'ERROR: invalid argument "banana" for "--shm-size" flag: invalid size: \'banana\'',
      'docker buildx build failed with exit code 1: invalid argument "banana" for "--shm-size" flag: invalid size: \'banana\'',
    ],
    [
      'that said nothing is a failure all the same',
      '',
      'docker buildx build failed with exit code 1: it said nothing.',
    ],
  ];
  it.each(rows)('%s', (_, output, sentence, inputs = {}) => {
    expect(explain(output, { inputs })).toBe(sentence);
  });
  it('by the kernel', () => {
    expect(explain('', { ended: { kind: 'killed', exitCode: undefined, signal: 'SIGKILL' } })).toBe(
      "The build was killed by SIGKILL, mostly because the machine's memory ran out. Run it again, or on a larger runner.",
    );
  });
});
