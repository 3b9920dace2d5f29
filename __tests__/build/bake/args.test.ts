import { describe, expect, test } from 'vitest';
import type { Wish } from '../../../src/build/attempts.ts';
import { type BakeCommand, bakeArguments } from '../../../src/build/bake/args.ts';
import { parseDefinition } from '../../../src/build/bake/definition.ts';
import { inputsOf, outputOf } from '../../../src/build/bake/wish.ts';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../../src/build/inputs.ts';

const OFF = [
  'attest=type=provenance,disabled=true',
  'attest=type=sbom,disabled=true',
  'output=type=registry',
];

/** The settings of a target `web`, which takes from `base`, as they come after `--set`. */
function settings(
  web: Readonly<Record<string, unknown>>,
  given: Partial<BuildInputs> = {},
  rest: Partial<BakeCommand> = {},
  caches: Partial<Wish['caches']> = {},
) {
  const definition = parseDefinition(
    JSON.stringify({ group: { default: { targets: ['web'] } }, target: { web, base: {} } }),
  );
  const inputs = { ...NO_BUILD_INPUTS, ...given };
  const wishes = definition.targets.map((target) => {
    const its = inputsOf(target, inputs);
    const tags = [`ghcr.io/acme/${target.name}:1`];
    return {
      target: target.name,
      inputs: its,
      tags,
      caches: { from: its.cacheFrom, to: its.cacheTo, ...caches },
    };
  });
  const words = bakeArguments({
    ...{ definition, inputs, wishes, files: ['a.hcl'], labels: () => ({}), secrets: [], metadataFile: '/m' },
    ...{ isPublic: false, again: false, ...rest },
  });
  const of = (target: string) =>
    words.flatMap((word) =>
      word.startsWith(`--set=${target}.`) ? [word.slice(`--set=${target}.`.length)] : [],
    );
  return { words, web: of('web').filter((each) => each !== 'tags=ghcr.io/acme/web:1'), base: of('base') };
}

describe('the command line', () => {
  test('names files and targets, and pushes each target that was asked for', () => {
    expect(settings({}).words).toEqual([
      ...[
        'bake',
        '--progress=plain',
        '--metadata-file=/m',
        '--file=a.hcl',
        '--set=web.tags=ghcr.io/acme/web:1',
      ],
      ...OFF.map((each) => `--set=web.${each}`),
      ...['--', 'web'],
    ]);
  });

  test('gives what all targets get to the linked ones too, and the rest to none of them', () => {
    const given = settings(
      {},
      {
        platforms: ['linux/amd64', 'linux/arm64'],
        buildArgs: ['A=1=2', 'FROM_ENVIRONMENT'],
        buildContexts: ['lib=../lib'],
        noCache: true,
        pull: true,
        network: 'host',
        shmSize: '1g',
        labels: ['a=b'],
        ssh: ['default'],
      },
      { secrets: [{ id: 'npm', file: '/f' }] },
    );
    const shared = [
      ...[
        'platform=linux/amd64',
        'platform=linux/arm64',
        'args.A=1=2',
        'args.FROM_ENVIRONMENT',
        'contexts.lib=../lib',
      ],
      ...[
        'secrets=id=npm,src=/f',
        'ssh=default',
        'no-cache=true',
        'pull=true',
        'network=host',
        'shm-size=1g',
      ],
    ];
    expect(given.base).toEqual(shared);
    expect(given.web).toEqual([...shared, 'labels.a=b', ...OFF]);
  });

  test("labels of ours give way to the file's and to the inputs'", () => {
    // As a repository's description may have it: nothing in it may mean anything to bake.
    const title = `a=b,c"\${d}`;
    const labels = () => ({ mine: 'ours', theirs: 'ours', 'org.opencontainers.image.title': title });
    expect(settings({ labels: { theirs: 'file' } }, { labels: ['mine=input'] }, { labels }).web).toEqual([
      `labels.org.opencontainers.image.title=${title}`,
      'labels.mine=input',
      ...OFF,
    ]);
  });

  test("a secret takes the place of the file's of the same id, and of no other", () => {
    const file = { secret: ['id=npm,env=NPM', 'type=env,id=other'] };
    expect(settings(file, {}, { secrets: [{ id: 'npm', file: '/f' }] }).web).toEqual([
      'secrets=type=env,id=other',
      'secrets=id=npm,src=/f',
      ...OFF,
    ]);
    expect(settings(file).web).toEqual(OFF);
  });

  test('a cache that is given up is taken out of the file', () => {
    const file = { 'cache-to': ['type=gha'], 'cache-from': ['type=gha'] };
    expect(settings(file, {}, {}, { to: [] }).web).toEqual(['cache-from=type=gha', 'cache-to=', ...OFF]);
    expect(settings({}, {}, {}, { to: [] }).web).toEqual(OFF);
  });

  test('the second time what was built counts, whoever wished for a fresh one', () => {
    const again = { again: true };
    expect(settings({ 'no-cache': true }, {}, again).web).toEqual(['no-cache=false', ...OFF]);
    expect(settings({}, { pull: true }, again).web).toEqual(['pull=false', ...OFF]);
    expect(settings({ 'no-cache': true }).web).toEqual(OFF);
  });

  test('a name that begins with a dash is no option', () => {
    const json = '{"group":{"default":{"targets":["-x"]}},"target":{"-x":{}}}';
    const words = bakeArguments({
      ...{ definition: parseDefinition(json), files: [], inputs: NO_BUILD_INPUTS, wishes: [], secrets: [] },
      ...{ labels: () => ({}), metadataFile: '/m', isPublic: false, again: false },
    });
    expect(words).toEqual(['bake', '--progress=plain', '--metadata-file=/m', '--', '-x']);
  });
});

describe('attestations', () => {
  const attested = (web: object, given: Partial<BuildInputs> = {}, isPublic = false) =>
    settings({ ...web }, given, { isPublic }).web.filter((each) => each.startsWith('attest='));
  const NONE = 'attest=type=sbom,disabled=true';
  test.each<readonly [string, readonly string[], Partial<BuildInputs>, boolean, readonly string[]]>([
    [
      "the file's is made",
      ['type=provenance,mode=max'],
      {},
      false,
      ['attest=type=provenance,mode=max', NONE],
    ],
    [
      "the file's tells no more than it says",
      ['type=provenance'],
      {},
      false,
      ['attest=type=provenance,mode=min', NONE],
    ],
    ['of a public repository all', ['type=provenance'], {}, true, ['attest=type=provenance,mode=max', NONE]],
    [
      "the input's goes before",
      ['type=provenance,mode=max'],
      { provenance: 'false' },
      false,
      OFF.slice(0, 2),
    ],
    ['one that is disabled', ['type=provenance,disabled=true'], {}, false, OFF.slice(0, 2)],
    [
      'an SBOM',
      ['type=sbom,generator=x'],
      {},
      false,
      ['attest=type=provenance,disabled=true', 'attest=type=sbom,generator=x'],
    ],
  ])('%s', (_, attest, given, isPublic, expected) => {
    expect(attested({ attest }, given, isPublic)).toEqual(expected);
  });
});

describe('the output', () => {
  const output = (...outputs: readonly string[]) => {
    const json = JSON.stringify({
      group: { default: { targets: ['a'] } },
      target: { a: { output: outputs } },
    });
    const [target] = parseDefinition(json).targets;
    if (target === undefined) throw new Error('no target');
    return outputOf(target);
  };
  test.each([
    ['none', [], 'type=registry', []],
    [
      'an image with a compression',
      ['type=image,name=x,push=false,compression=zstd'],
      'type=registry,compression=zstd',
      [],
    ],
    ['a folder', ['type=local,dest=out'], 'type=registry', ['local']],
    ['a folder in short', ['out'], 'type=registry', ['local']],
    [
      'several',
      ['type=docker', 'type=registry,oci-mediatypes=true'],
      'type=registry,oci-mediatypes=true',
      ['docker'],
    ],
  ])('%s', (_, outputs, push, dropped) => {
    expect(output(...outputs)).toEqual({ push, dropped });
  });
});

test('the Dockerfile of a target lies in its context, wherever that is', () => {
  const file = (web: object) => {
    const json = JSON.stringify({ group: { default: { targets: ['web'] } }, target: { web } });
    return parseDefinition(json).targets.map((target) => inputsOf(target, NO_BUILD_INPUTS).file)[0];
  };
  expect(file({ context: 'api', dockerfile: 'docker/Dockerfile' })).toBe('api/docker/Dockerfile');
  expect(file({ context: 'api', dockerfile: '/etc/Dockerfile' })).toBe('/etc/Dockerfile');
  expect(file({ context: 'https://github.com/acme/shop.git', dockerfile: 'Dockerfile' })).toBe('Dockerfile');
});
