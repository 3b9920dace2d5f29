import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { INPUT_NAMES } from '../src/inputs/names.ts';
import { rawInputs } from '../src/inputs/reader.ts';
import { readInputs } from '../src/inputs.ts';
import { UserError } from '../src/model/error.ts';

const GOOD = { image: 'ghcr.io/acme/shop', workloads: 'deployment/web', namespace: 'production' };

function mistakesOf(raw: Readonly<Record<string, string>>): readonly string[] {
  try {
    readInputs(raw);
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

  test('has defaults that are the same as those of an absent input', () => {
    const defaults = Object.fromEntries(
      Object.entries<{ default?: string }>(action.inputs)
        .filter(([, { default: value }]) => value !== undefined && !value.startsWith('${{'))
        .map(([name, { default: value }]) => [name, String(value)]),
    );
    expect(readInputs({ ...defaults, ...GOOD })).toEqual(readInputs(GOOD));
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
  test('needs an image and a workload', () => {
    const inputs = readInputs(GOOD);
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

  test('lowers an owner with capitals, and remembers to say so', () => {
    expect(readInputs({ ...GOOD, image: 'ghcr.io/Acme/Shop' })).toMatchObject({
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
  test.each(rows)('of %s is told in one sentence', (_, raw, sentences) => {
    expect(mistakesOf(raw)).toEqual(sentences);
  });

  test('does not keep the others from being told', () => {
    expect(mistakesOf({ image: '', workloads: 'web', timeout: 'soon', pul: 'true' })).toHaveLength(4);
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
  test.each(rows)('passes: %s', (_, raw) => {
    expect(mistakesOf(raw)).toEqual([]);
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
