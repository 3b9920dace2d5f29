import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { INPUT_NAMES } from '../src/inputs/names.ts';
import { rawInputs } from '../src/inputs/reader.ts';
import { readInputs } from '../src/inputs.ts';
import { UserError } from '../src/model/error.ts';

const GOOD = { image: 'ghcr.io/acme/shop', workloads: 'deployment/web', namespace: 'production' };

async function mistakesOf(raw: Readonly<Record<string, string>>): Promise<readonly string[]> {
  try {
    await readInputs(raw);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.mistakes;
  }
}

describe('action.yml', () => {
  const action = parse(readFileSync(fileURLToPath(new URL('../action.yml', import.meta.url)), 'utf8'));

  test('has the inputs that are read, and no other', () => {
    expect(Object.keys(action.inputs).sort()).toEqual([...INPUT_NAMES].sort());
  });

  test('has defaults that are the same as those of an absent input', async () => {
    const defaults = Object.fromEntries(
      Object.entries<{ default?: string }>(action.inputs)
        .filter(([, { default: value }]) => value !== undefined && !value.startsWith('${{'))
        .map(([name, { default: value }]) => [name, String(value)]),
    );
    expect(await readInputs({ ...defaults, ...GOOD })).toEqual(await readInputs(GOOD));
  });

  test('says of every build input that it belongs to the image build', () => {
    const build = Object.entries<{ description: string }>(action.inputs).filter(([, { description }]) =>
      description.startsWith('Image build: '),
    );
    expect(build.map(([name]) => name)).toContain('build-args');
    expect(build.map(([name]) => name)).not.toContain('image');
  });
});

describe('the smallest use', () => {
  test('needs an image and a workload', async () => {
    const inputs = await readInputs(GOOD);
    expect(inputs).toMatchObject({
      command: 'deploy',
      image: { registry: 'ghcr.io', repository: 'acme/shop' },
      workloads: [{ kind: 'Deployment', name: 'web', namespace: undefined, container: undefined }],
      build: { context: '.' },
      logs: 'auto',
      rollback: 'auto',
      limits: { timeout: 600_000, deadline: 3_600_000, maxRestarts: 2, stableFor: undefined },
    });
  });

  test('lowers an owner with capitals, and remembers to say so', async () => {
    expect(await readInputs({ ...GOOD, image: 'ghcr.io/Acme/Shop' })).toMatchObject({
      image: { repository: 'acme/shop' },
      imageLowered: true,
    });
  });
});

describe('a mistake', () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
    [
      'a missing image',
      { workloads: 'deployment/web' },
      ['image: it is missing. Name the repository to push to, for example ghcr.io/owner/name.'],
    ],
    [
      'a missing workload',
      { image: 'ghcr.io/acme/shop' },
      [
        'workloads: it is missing. Name what to deploy to, for example deployment/web; or set `command: build` to stop after the push.',
      ],
    ],
    [
      'a tag on an image that is still to be built',
      { ...GOOD, image: 'ghcr.io/acme/shop:1.2' },
      [
        'image: "ghcr.io/acme/shop:1.2" bears a tag, but is still to be built. Write ghcr.io/acme/shop here, and 1.2 in `tags`; or set `build: false` to deploy what exists.',
      ],
    ],
    [
      'no tag on an image that exists',
      { ...GOOD, build: 'false' },
      [
        'image: "ghcr.io/acme/shop" bears neither tag nor digest, and with `build: false` one is needed. Write, for example, ghcr.io/acme/shop:1.2.3.',
      ],
    ],
    [
      'a mistyped rollback',
      { ...GOOD, rolback: 'never' },
      ['rolback: there is no such input; did you mean rollback?'],
    ],
    [
      'an input of build-push-action that has no meaning here',
      { ...GOOD, push: 'false' },
      [
        'push: SteadyShip always pushes what it builds, since the cluster must be able to pull it. Remove `push`; to build without pushing, use docker/build-push-action.',
      ],
    ],
    [
      'a boolean that is none',
      { ...GOOD, pull: 'yes' },
      ['pull: "yes" is neither true nor false (default: false).'],
    ],
    [
      'a bare number as a duration',
      { ...GOOD, timeout: '600' },
      [
        'timeout: "600" is no duration. Write a number with a unit, such as 90s, 10m or 1h30m (default: 10m).',
      ],
    ],
    [
      'a sign that is none',
      { ...GOOD, patience: 'unscheduleable: 5m' },
      [
        'patience: "unscheduleable" is no sign of trouble. The signs: image-missing, image-denied, config-error, cannot-start, unschedulable, create-denied, volume.',
      ],
    ],
    [
      'patience without a duration',
      { ...GOOD, patience: 'unschedulable: long' },
      ['patience: "unschedulable: long" bears no duration. Write, for example, unschedulable: 90s.'],
    ],
    [
      'a kind that is not gated',
      { ...GOOD, workloads: 'job/migrate' },
      [
        'workloads: "job/migrate" is of the kind "job", which is not gated; the kinds that are: deployment, statefulset, daemonset. Write kind/name, kind/name:container or namespace/kind/name, for example deployment/web.',
      ],
    ],
    [
      'a name without a kind',
      { ...GOOD, workloads: 'web' },
      [
        'workloads: "web" names no kind. Write kind/name, kind/name:container or namespace/kind/name, for example deployment/web.',
      ],
    ],
    [
      'a namespace that can be none',
      { ...GOOD, namespace: 'Prod_1' },
      [
        'namespace: "Prod_1" can not be the name of a namespace (RFC 1123: lower-case letters, digits and hyphens, at most 63).',
      ],
    ],
    [
      'a user without a password',
      { ...GOOD, username: 'me' },
      [
        'password: `username` is given without a `password`. A secret that does not exist reads as empty: check its name.',
      ],
    ],
    [
      'a restart count that is none',
      { ...GOOD, 'max-restarts': '-1' },
      ['max-restarts: "-1" is no whole number from 0 to 999 (default: 2).'],
    ],
    [
      'an unknown choice',
      { ...GOOD, rollback: 'maybe' },
      ['rollback: "maybe" is not one of auto, never (default: auto).'],
    ],
    [
      'a build that builds nothing',
      { ...GOOD, command: 'build', build: 'false' },
      ['build: `command: build` with `build: false` would do nothing. Remove one of them.'],
    ],
  ];
  test.each(rows)('of %s is told in one sentence', async (_, raw, sentences) => {
    expect(await mistakesOf(raw)).toEqual(sentences);
  });

  test('does not keep the others from being told', async () => {
    expect(await mistakesOf({ image: '', workloads: 'web', timeout: 'soon', pul: 'true' })).toHaveLength(4);
  });

  test.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    [
      'the same namespace in both',
      { workloads: 'shop/deployment/web, shop/deploy/web' },
      ['workloads: shop/deployment/web is named twice. Name it once.'],
    ],
    [
      'no namespace in either, and none given: whichever it will be, it is the same',
      { workloads: 'deployment/web, deploy/web', namespace: '' },
      ['workloads: deployment/web is named twice. Name it once.'],
    ],
    [
      'the namespace in one, and the same as input',
      { workloads: 'deployment/web, shop/deploy/web', namespace: 'shop' },
      ['workloads: shop/deployment/web is named twice. Name it once.'],
    ],
    [
      'with and without a container, next to another mistake',
      { workloads: 'deployment/web, deploy/web:app', namespace: '', timeout: '10' },
      [
        'workloads: deployment/web is named both with and without a container. Name the container each time, or not at all.',
        'timeout: "10" is no duration. Write a number with a unit, such as 90s, 10m or 1h30m (default: 10m).',
      ],
    ],
    [
      'only the kubeconfig can tell: nothing is said yet',
      { workloads: 'deployment/web, shop/deploy/web', namespace: '' },
      [],
    ],
    ['two namespaces', { workloads: 'deployment/web, shop/deploy/web', namespace: 'test' }, []],
  ])('a workload named twice: %s', async (_, raw, mistakes) => {
    expect(await mistakesOf({ ...GOOD, ...raw })).toEqual(mistakes);
  });
});

describe('a bake file', () => {
  const BAKE = { 'bake-file': 'docker-bake.hcl', workloads: 'deployment/web', namespace: 'production' };

  test('needs no image', async () => {
    expect(await readInputs(BAKE)).toMatchObject({
      image: undefined,
      bake: { files: ['docker-bake.hcl'], targets: [], images: new Map() },
    });
  });

  test('is meant by targets alone', async () => {
    expect((await readInputs({ ...BAKE, 'bake-file': '', 'bake-target': 'web, api\njobs-*' })).bake).toEqual({
      files: [],
      targets: ['web', 'api', 'jobs-*'],
      images: new Map(),
    });
  });

  test('is not meant by an image and a target of the Dockerfile', async () => {
    expect((await readInputs({ ...GOOD, target: 'web' })).bake).toBeUndefined();
  });

  test('has a repository for each target', async () => {
    const image = 'web=ghcr.io/acme/web\nshop.api=localhost:5000/acme/api';
    expect([...((await readInputs({ ...BAKE, image })).bake?.images ?? [])]).toEqual([
      ['web', { registry: 'ghcr.io', repository: 'acme/web' }],
      ['shop_api', { registry: 'localhost:5000', repository: 'acme/api' }],
    ]);
  });

  test('has the target of each workload', async () => {
    const workloads = 'deployment/web=web, shop/deployment/api:server = shop.api';
    expect((await readInputs({ ...BAKE, workloads })).workloads).toMatchObject([
      { name: 'web', container: undefined, target: 'web' },
      { name: 'api', container: 'server', target: 'shop_api', namespace: 'shop' },
    ]);
  });

  const rows: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
    ...[
      'file=Dockerfile',
      'context=web',
      'target=x',
      'annotations=a=b',
      'add-hosts=a:1.2.3.4',
      'ulimit=nofile=1',
    ].map((given): readonly [string, Readonly<Record<string, string>>, readonly string[]] => {
      const [name = '', ...value] = given.split('=');
      const words = { file: 'dockerfile', 'add-hosts': 'extra-hosts', ulimit: 'ulimits' } as Record<
        string,
        string
      >;
      return [
        name,
        { ...BAKE, [name]: value.join('=') },
        [
          `${name}: with a bake file it is each target's own. Remove the input, and write \`${words[name] ?? name}\` in the target.`,
        ],
      ];
    }),
    [
      'no build',
      { ...BAKE, build: 'false' },
      [
        'build: with `build: false` nothing is baked. Remove it, or remove `bake-file` and `bake-target` and name the image that exists in `image`.',
      ],
    ],
    [
      'a file elsewhere',
      { ...BAKE, 'bake-file': 'https://example.com/bake.hcl' },
      [
        'bake-file: "https://example.com/bake.hcl" is no file of the workspace. Check its repository out in a step before, and name the path.',
      ],
    ],
    [
      'a target that is an option',
      { ...BAKE, 'bake-target': '--push' },
      ['bake-target: "--push" can not be the name of a target or a group (letters, digits, "_" and "-").'],
    ],
    [
      'a target that is a repository',
      { ...BAKE, 'bake-target': 'https://github.com/acme/evil' },
      [
        'bake-target: "https://github.com/acme/evil" can not be the name of a target or a group (letters, digits, "_" and "-").',
      ],
    ],
    [
      'an image with a tag',
      { ...BAKE, image: 'web=ghcr.io/acme/web:1' },
      [
        'image: "web=ghcr.io/acme/web:1" bears a tag, but is still to be built. Write web=ghcr.io/acme/web here, and 1 in `tags`.',
      ],
    ],
    [
      'a target that has two images',
      { ...BAKE, image: 'web=ghcr.io/acme/web, web=ghcr.io/acme/shop' },
      ['image: web is named twice. Name it once.'],
    ],
    [
      'two images of no target',
      { ...BAKE, image: 'ghcr.io/acme/web\nghcr.io/acme/shop' },
      ['image: two repositories are named without a target. Write target=repository on each line.'],
    ],
    [
      'a tag that is a repository',
      { ...BAKE, tags: 'latest, docker.io/acme/shop:1' },
      [
        'tags: "docker.io/acme/shop:1" names a repository, and with a bake file every target would be pushed there. Write the bare tag, or give it to its target in the bake file.',
      ],
    ],
    [
      'a tag that is none',
      { ...BAKE, tags: 'a:b' },
      [
        'The input tags has "a:b", which is no tag (at most 128 letters, digits, "_", "." and "-"): write a bare tag ("b") or a full reference ("ghcr.io/owner/name:latest").',
      ],
    ],
    [
      'a password without a user, for a registry that the lines name',
      { ...BAKE, image: 'web=ghcr.io/acme/web\napi=docker.io/acme/api', password: 'x' },
      [
        'username: `password` is given without a `username`, and docker.io wants one. Only on ghcr.io the actor is taken.',
      ],
    ],
    [
      'a workload without a target',
      { ...BAKE, workloads: 'deployment/web=' },
      [
        'workloads: "deployment/web=" bears "" behind the "=", which can not be the name of a bake file\'s target (letters, digits, "_" and "-"). Write kind/name, kind/name:container or namespace/kind/name, for example deployment/web.',
      ],
    ],
    [
      "docker/bake-action's inputs",
      { ...BAKE, files: 'a', targets: 'b' },
      [
        'files: What is baked has inputs of its own. Name the file in `bake-file`.',
        'targets: What is baked has inputs of its own. Name the targets in `bake-target`.',
      ],
    ],
  ];
  test.each(rows)('with %s is a mistake', async (_, raw, sentences) => {
    expect(await mistakesOf(raw)).toEqual(sentences);
  });

  test.each([
    [
      'of a workload',
      { ...GOOD, workloads: 'deployment/web=web' },
      'workloads: "=web" names a target of a bake file, and none is given. Set `bake-file`, or remove it.',
    ],
    [
      'of an image',
      { ...GOOD, image: 'web=ghcr.io/acme/web' },
      'image: "web=ghcr.io/acme/web" has a "=", which names a target of a bake file, and none is given. Set `bake-file`, or write the repository alone.',
    ],
  ])('that is not there has no target %s', async (_, raw, sentence) => {
    expect(await mistakesOf(raw)).toEqual([sentence]);
  });

  test.each([
    [
      'what is meant for every target',
      {
        ...BAKE,
        platforms: 'linux/amd64',
        'build-args': 'A=1',
        secrets: 'a=b',
        'cache-from': 'type=gha',
        provenance: 'true',
        builder: 'b',
      },
    ],
    ["action.yml's own context", { ...BAKE, context: '.' }],
    ['one repository for the only target', { ...BAKE, image: 'ghcr.io/acme/shop' }],
    ['one container each of a workload', { ...BAKE, workloads: 'deployment/web:a=a, deployment/web:b=b' }],
    ['a password for a registry that only the file names', { ...BAKE, password: 'x' }],
  ])('passes with %s', async (_, raw) => {
    expect(await mistakesOf(raw)).toEqual([]);
  });
});

describe('what looks like a mistake and is none', () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['the word true for rollback', { ...GOOD, rollback: 'true' }],
    ['the word False for rollback', { ...GOOD, rollback: 'False' }],
    [
      'an image by digest that exists',
      { ...GOOD, build: 'false', image: `ghcr.io/acme/shop@sha256:${'a'.repeat(64)}` },
    ],
    ['a registry with a port', { ...GOOD, image: 'localhost:5000/shop' }],
    ['no time to hold', { ...GOOD, 'stable-for': '0s' }],
    [
      'several workloads on lines and between commas',
      { ...GOOD, workloads: 'deploy/a, deploy/b\nother/deployment/c:web' },
    ],
    ['build alone without a workload', { image: 'ghcr.io/acme/shop', command: 'build' }],
  ];
  test.each(rows)('passes: %s', async (_, raw) => {
    expect(await mistakesOf(raw)).toEqual([]);
  });
});

test('the runner hands inputs on in capitals, with their dashes', () => {
  expect(
    rawInputs({ 'INPUT_BUILD-ARGS': 'A=1', INPUT_IMAGE: 'x', PATH: '/bin', GITHUB_TOKEN: 'secret' }),
  ).toEqual({
    'build-args': 'A=1',
    image: 'x',
  });
});
