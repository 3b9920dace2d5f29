import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bakeAndPush } from '../../../src/build/bake/bake.ts';
import { readBake } from '../../../src/build/bake/read.ts';
import type { DockerConfig } from '../../../src/build/docker-config.ts';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../../src/build/inputs.ts';
import type { Surroundings } from '../../../src/build/request.ts';
import { failureOf, hastyClock, realClock, recordingLog, temporaryFolder } from '../../process/fakes.ts';

const WEB = `sha256:${'a'.repeat(64)}`;
const API = `sha256:${'b'.repeat(64)}`;
const TWO = {
  group: { default: { targets: ['web', 'api'] } },
  target: { web: { context: '.' }, api: { context: 'api' } },
};

interface Case {
  /** What `bake` does when it is to build; `$*` are its arguments. */
  readonly script?: string;
  readonly printed?: unknown;
  readonly inputs?: Partial<BuildInputs>;
  readonly rest?: Partial<Surroundings>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly text?: string;
}

/** A docker that notes how it was called, prints the definition, and bakes what the case's shell says. */
async function bake({
  script = 'built',
  printed = TWO,
  inputs = {},
  rest = {},
  variables = {},
  text = '',
}: Case) {
  const folder = temporaryFolder();
  const [workspace, temp, notes] = ['workspace', 'temp', 'notes'].map((name) => join(folder, name));
  if (workspace === undefined || temp === undefined || notes === undefined) throw new Error('no folder');
  for (const path of [workspace, temp, notes, join(workspace, 'api')]) mkdirSync(path);
  for (const path of ['Dockerfile', 'api/Dockerfile']) writeFileSync(join(workspace, path), 'FROM scratch\n');
  writeFileSync(join(workspace, 'docker-bake.hcl'), text);
  writeFileSync(join(folder, 'printed'), JSON.stringify(printed));
  writeFileSync(
    join(folder, 'docker'),
    `#!/bin/sh
n=$(date +%s%N)-$$; { for a in "$@"; do printf '%s\\n' "$a"; done; } > ${notes}/$n.args; env > ${notes}/$n.env
case "$*" in *--print*) exec cat ${folder}/printed;; *inspect*|*info*) exit 1;; esac
for a in "$@"; do case "$a" in --metadata-file=*) file=\${a#*=};; esac; done
calls=$(ls ${notes}/*.args | wc -l)
built() { echo '{"web":{"containerimage.digest":"${WEB}"},"api":{"containerimage.digest":"${API}"}}' > "$file"; }
${script}
`,
    { mode: 0o755 },
  );
  const log = recordingLog();
  const environment = {
    PATH: `${folder}:${process.env['PATH']}`,
    RUNNER_TEMP: temp,
    INPUT_PASSWORD: 'p',
    ACTIONS_RUNTIME_TOKEN: 'jwt',
    ...variables,
  };
  const config: DockerConfig = {
    directory: '/c',
    environment: { DOCKER_CONFIG: '/c' },
    helpers: [],
    loginOf: () => undefined,
    close: async () => {},
  };
  const { signal } = new AbortController();
  const notesOf = (end: string) => () =>
    readdirSync(notes)
      .filter((name) => name.endsWith(end))
      .sort()
      .map((name) => readFileSync(join(notes, name), 'utf8').trim().split('\n'));
  const result = (async () => {
    const clock = realClock;
    const files = { files: [], targets: [], images: new Map() };
    const read = await readBake({ inputs: files, directory: workspace, environment, clock, signal });
    const names = new Map(
      read.targets.map(({ name }) => {
        const tags = [`ghcr.io/acme/${name}:abc`, `ghcr.io/acme/${name}:v1`];
        return [name, { tags, labels: { a: name }, cache: undefined }];
      }),
    );
    const all = { ...NO_BUILD_INPUTS, ...inputs };
    return await bakeAndPush({
      ...{ bake: read, inputs: all, names, directory: workspace, log, clock, environment, config, signal },
      ...rest,
    });
  })();
  return { result, log, folder, temp, workspace, calls: notesOf('.args'), environments: notesOf('.env') };
}

/** Without the bake itself: a way to look at a folder that is not as it should be. */
async function read(change: (workspace: string) => void, files: readonly string[] = [], path?: string) {
  const { result, workspace, folder } = await bake({});
  await result;
  change(workspace);
  return await failureOf(() =>
    readBake({
      inputs: { files, targets: [], images: new Map() },
      directory: workspace,
      environment: { PATH: path ?? `${folder}:${process.env['PATH']}` },
      clock: realClock,
      signal: new AbortController().signal,
    }),
  ).then(({ message }) => message.replaceAll(workspace, '<workspace>'));
}

describe('a bake', () => {
  it('is one call, and gives the digest of each target', async () => {
    const { result, calls, temp } = await bake({});
    expect([...(await result)]).toMatchObject([
      ['web', { digest: WEB, tags: ['ghcr.io/acme/web:abc', 'ghcr.io/acme/web:v1'] }],
      ['api', { digest: API, tags: ['ghcr.io/acme/api:abc', 'ghcr.io/acme/api:v1'] }],
    ]);
    expect(calls().map((call) => call.slice(0, 3))).toEqual([
      ['buildx', 'bake', '--print'],
      ['buildx', 'bake', '--progress=plain'],
    ]);
    expect(calls()[1]?.slice(-3)).toEqual(['--', 'web', 'api']);
    expect(readdirSync(temp)).toEqual([]);
  });

  it("gets the job's variables that the file names, and neither others nor the step's", async () => {
    const text = 'variable "TAG" {}\nx = "INPUT_PASSWORD ACTIONS_RUNTIME_TOKEN MY_TAG_2"';
    const variables = { TAG: '1', MY_TAG: '2', AWS_SECRET_ACCESS_KEY: '3' };
    const { result, environments } = await bake({ text, variables });
    await result;
    for (const environment of environments()) {
      const names = environment.map((line) => line.replace(/=.*/, ''));
      expect(names).toContain('TAG');
      expect(names.filter((name) => /^(INPUT_|ACTIONS_|AWS_|MY_TAG)/.test(name))).toEqual([]);
    }
  });

  it('says which outputs it does not make', async () => {
    const target = { web: { output: ['type=local,dest=out'] } };
    const { result, log } = await bake({ printed: { group: { default: { targets: ['web'] } }, target } });
    await result;
    expect(log.notices).toEqual([
      'Target web: its output of type local is not made; the image is pushed instead.',
    ]);
  });

  it("tells of each target its own steps and its own Dockerfile's warnings", async () => {
    const lines = [
      '#3 [web internal] load build definition from Dockerfile',
      '#3 DONE 0.1s',
      '#5 [web 1/2] COPY a b',
      '#5 CACHED',
      '#6 [api stage-1 2/2] RUN make',
      '#6 DONE 2.5s',
      '#7 [api] exporting to image',
      '#7 DONE 0.3s',
    ];
    const short = Buffer.from('JSONArgsRecommended: use JSON (line 1)').toString('base64');
    const metadata = JSON.stringify({
      web: { 'containerimage.digest': WEB },
      api: {
        'containerimage.digest': API,
        'buildx.build.warnings': [
          {
            short,
            sourceInfo: { filename: 'Dockerfile' },
            range: [{ start: { line: 1 }, end: { line: 1 } }],
          },
        ],
      },
    });
    const { result, log } = await bake({
      script: `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >&2; echo '${metadata}' > "$file"`,
    });
    const told = [...(await result)].map(([target, { told }]) => [target, told]);
    expect(told).toMatchObject([
      [
        'web',
        {
          steps: [
            { name: '[internal] load build definition from Dockerfile' },
            { name: '[1/2] COPY a b', cached: true },
          ],
          warnings: [],
        },
      ],
      [
        'api',
        {
          steps: [{ name: '[stage-1 2/2] RUN make', seconds: 2.5 }, { name: 'exporting to image' }],
          warnings: [{ rule: 'JSONArgsRecommended', place: { file: 'api/Dockerfile', line: 1 } }],
        },
      ],
    ]);
    expect(log.warnings).toHaveLength(1);
  });

  it('without a digest of one target fails', async () => {
    const { result } = await bake({ script: `echo '{"web":{"containerimage.digest":"${WEB}"}}' > "$file"` });
    expect((await failureOf(() => result)).message).toBe(
      `buildx wrote no digest of the pushed image of target api into its metadata file: {"web":{"containerimage.digest":"${WEB}"}}\n`,
    );
  });

  it('of several targets writes no cache that all would share', async () => {
    const { result, calls } = await bake({ inputs: { cacheTo: ['type=registry,ref=ghcr.io/acme/cache'] } });
    expect((await failureOf(() => result)).message).toBe(
      "The input cache-to names one cache for 2 targets, and each would overwrite the others'. Remove it: every target has a cache of its own by default. Or write `cache-to` in the targets (web, api).",
    );
    expect(calls().filter((call) => call.includes('--progress=plain'))).toEqual([]);
    const inline = await bake({ inputs: { cacheTo: ['type=inline'] } });
    expect((await inline.result).size).toBe(2);
  });
});

describe('a target', () => {
  it('whose Dockerfile is not there is told before anything is built', async () => {
    const printed = {
      ...TWO,
      target: { ...TWO.target, api: { context: 'api', dockerfile: 'Dockerfile.prod' } },
    };
    const { result, calls, workspace } = await bake({ printed });
    expect((await failureOf(() => result)).message).toBe(
      `There is no Dockerfile at ${workspace}/api/Dockerfile.prod (target api). There is Dockerfile, api/Dockerfile: name it in its \`dockerfile\`, from the context on.`,
    );
    expect(calls()).toHaveLength(1);
  });

  it('whose context is not there is told too', async () => {
    const printed = { ...TWO, target: { ...TWO.target, api: { context: 'apis' } } };
    const { result, workspace } = await bake({ printed });
    expect((await failureOf(() => result)).message).toBe(
      `The context ${workspace}/apis is no folder. The context of target api ("apis") starts from ${workspace}.`,
    );
  });

  it.each([
    [
      'its step',
      '#9 [api 2/2] RUN false\n#9 ERROR: process "x" did not complete successfully: exit code: 1',
      '',
    ],
    [
      'the error, in newer versions',
      '#9 RUN false\n#9 ERROR: process "x" did not complete successfully: exit code: 1',
      'target api: ',
    ],
  ])('that failed is known by %s', async (_, lines, prefix) => {
    const error = `ERROR: ${prefix}failed to solve: process "x" did not complete successfully: exit code: 1`;
    const place = 'Dockerfile:1\\n---\\n   1 | >>> RUN false\\n---';
    const { result } = await bake({ script: `printf '%b\\n' '${lines}\n${place}\n${error}' >&2; exit 1` });
    expect((await failureOf(() => result)).message).toBe(
      'Target api: The build failed at api/Dockerfile:1: `RUN false` ended with exit code 1. It wrote nothing.',
    );
  });

  it.each([
    ['stands in one Dockerfile', 'api/Dockerfile', 'Target api: The Dockerfile api/Dockerfile'],
    ['stands in both', 'Dockerfile api/Dockerfile', 'Target web: The Dockerfile Dockerfile'],
  ])(
    'is held to the line that is quoted, and else to the name that buildx gives: the line %s',
    async (_, files, whose) => {
      const said = 'Dockerfile:1\\n---\\n   1 | >>> INSTALL node\\n---\\n';
      const error =
        'ERROR: target web: failed to solve: dockerfile parse error on line 1: unknown instruction: INSTALL';
      const { result } = await bake({
        script: `for f in ${files}; do echo 'INSTALL node' > $f; done; printf '%b\\n' '${said}${error}' >&2; exit 1`,
      });
      expect((await failureOf(() => result)).message).toBe(
        `${whose} is wrong at line 1: unknown instruction: INSTALL.`,
      );
    },
  );

  it('that wants more than it is granted is told how it is granted', async () => {
    const said = [
      'Your build is requesting privileges for following possibly insecure capabilities:',
      ' - Read access to path ../lib',
      'Pass "--allow=fs.read=../lib" to grant requested privileges.',
      'ERROR: additional privileges requested',
    ];
    const { result } = await bake({
      script: `printf '%s\\n' ${said.map((line) => `'${line}'`).join(' ')} >&2; exit 1`,
    });
    expect((await failureOf(() => result)).message).toBe(
      'The bake file wants what buildx does not grant by itself (--allow=fs.read=../lib). For files outside of the workspace and the SSH agent, set the variable BUILDX_BAKE_ENTITLEMENTS_FS to 0 for this step (env); no other privilege is granted.',
    );
  });

  it('is not named where it may be any of two', async () => {
    const error = 'ERROR: failed to solve: dockerfile parse error on line 1: unknown instruction: FOO';
    const script = `printf '%b\\n' 'Dockerfile:1\\n---\\n   1 | >>> FROM scratch\\n---\n${error}' >&2; exit 1`;
    const { result } = await bake({ script });
    expect((await failureOf(() => result)).message).toBe(
      'The Dockerfile of the context is wrong at line 1: unknown instruction: FOO.',
    );
  });
});

describe('a push', () => {
  const refused = (reference: string) =>
    `case "$*" in *${reference}-*) built;; *) echo "ERROR: failed to solve: failed to push ${reference}: 400: tag is immutable" >&2; exit 1;; esac`;
  const clock = { ...realClock, wall: () => new Date('2026-11-21T09:15:00Z') };

  it('of a tag that its registry does not move takes another for that target alone', async () => {
    const { result, log, calls } = await bake({ script: refused('ghcr.io/acme/api:abc'), rest: { clock } });
    expect([...(await result)].map(([, { tags }]) => tags[0])).toEqual([
      'ghcr.io/acme/web:abc',
      'ghcr.io/acme/api:abc-20261121t091500z',
    ]);
    expect(log.notices).toEqual([
      'ghcr.io/acme/api:abc exists and the registry does not let tags be moved: this image gets the tag ghcr.io/acme/api:abc-20261121t091500z.',
    ]);
    expect(calls()).toHaveLength(3);
  });

  it('that failed in passing is begun again, asking the registry of that target', async () => {
    const words =
      'unexpected status from PUT request to https://ghcr.io/v2/acme/api/manifests/abc: 503 Service Unavailable';
    const asked: string[] = [];
    const { result, calls } = await bake({
      script: `[ $calls -gt 2 ] && { built; exit 0; }; echo "ERROR: target api: failed to solve: failed to push ghcr.io/acme/api:abc: ${words}" >&2; exit 1`,
      inputs: { noCache: true },
      rest: {
        clock: hastyClock(),
        random: () => 0.5,
        ready: async ({ repository }) => void asked.push(repository),
      },
    });
    expect((await result).size).toBe(2);
    expect(asked).toEqual(['acme/api']);
    const fresh = calls().map((call) => call.filter((word) => word.startsWith('--set=api.no-cache')));
    expect(fresh).toEqual([[], ['--set=api.no-cache=true'], ['--set=api.no-cache=false']]);
  });

  it('by Docker itself is known behind the name of its target', async () => {
    const lines =
      '#7 [api] pushing ghcr.io/acme/api:abc with docker\n#7 ERROR: denied: requested access to the resource is denied';
    const { result } = await bake({
      script: `printf '%b\\n' '${lines}' 'ERROR: failed to solve: denied' >&2; exit 1`,
    });
    expect((await failureOf(() => result)).message).toBe(
      'Target api: ghcr.io refused a push to ghcr.io/acme/api without a login: "denied: requested access to the resource is denied". Set the inputs username and password.',
    );
  });

  it("of a target's cache that fails is done without it", async () => {
    const printed = {
      ...TWO,
      target: { ...TWO.target, api: { context: 'api', 'cache-to': ['type=registry,ref=ghcr.io/acme/c'] } },
    };
    const lines = '#9 [api] exporting cache to registry\n#9 ERROR: denied\nERROR: failed to solve: denied';
    const { result, log, calls } = await bake({
      printed,
      script: `case "$*" in *ref=ghcr.io/acme/c*) printf '%b\\n' '${lines}' >&2; exit 1;; *) built;; esac`,
    });
    expect((await result).size).toBe(2);
    expect(log.warnings).toEqual([
      'The build goes on without writing a cache, for that failed: denied. The next build may take longer.',
    ]);
    expect(calls().at(-1)).toContain('--set=api.cache-to=');
  });
});

describe('a bake file', () => {
  it('that is not there is told with those that are', async () => {
    expect(await read(() => undefined, ['deploy/bake.hcl'])).toBe(
      'There is no bake file <workspace>/deploy/bake.hcl. The input bake-file ("deploy/bake.hcl") starts from <workspace>. There is docker-bake.hcl.',
    );
  });

  it('of no name that bake looks for is told with those names', async () => {
    const change = (workspace: string): void => {
      rmSync(join(workspace, 'docker-bake.hcl'));
      mkdirSync(join(workspace, '.git'));
    };
    expect(await read(change)).toMatch(
      /^There is no bake file in <workspace>: bake looks for compose\.yaml, /,
    );
  });

  it('needs more than buildah', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'buildah'), '#!/bin/sh\n', { mode: 0o755 });
    expect(await read(() => undefined, [], folder)).toBe(
      'A bake file is built by docker buildx, and this runner has only buildah. Use a runner that has Docker or buildx, for example ubuntu-latest; or build each image in a step of its own, without bake-file.',
    );
    expect(await read(() => undefined, [], dirname('/nonexistent/x'))).toMatch(
      /^The program docker is not on PATH/,
    );
  });

  it.each([
    [
      'that is wrong',
      'docker-bake.hcl:5\n---\n   4 | target\n   5 | >>> target "web" {\n---\nERROR: docker-bake.hcl:5,33-6,1: Invalid block; and more',
      'The bake file docker-bake.hcl is wrong at line 5 (`target "web" {`): Invalid block; and more',
    ],
    [
      'without the target',
      'ERROR: failed to find target nope',
      'The bake file names nope, and has no such target or group.',
    ],
    [
      'that something else befalls',
      'ERROR: unheard of',
      'docker buildx bake --print failed with exit code 1: unheard of',
    ],
    [
      'without the plugin',
      "docker: 'buildx' is not a docker command.",
      'Docker on this runner has no buildx plugin, which builds the image. Add the step `- uses: docker/setup-buildx-action@v3` before this one, or install the package docker-buildx-plugin.',
    ],
  ])('%s is told in one sentence', async (_, said, sentence) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'said'), said);
    writeFileSync(join(folder, 'docker'), `#!/bin/sh\ncat ${folder}/said >&2; exit 1\n`, { mode: 0o755 });
    expect(await read(() => undefined, [], `${folder}:${process.env['PATH']}`)).toBe(sentence);
  });
});
