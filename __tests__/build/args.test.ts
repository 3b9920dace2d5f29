import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BuildCommand, buildArguments, cacheTypes, wantsAttestation } from '../../src/build/args.ts';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../src/build/inputs.ts';

const RUN = 'https://github.com/acme/shop/actions/runs/7';

function argumentsOf(inputs: Partial<BuildInputs>, rest: Partial<BuildCommand> = {}): string[] {
  return buildArguments({
    inputs: { ...NO_BUILD_INPUTS, ...inputs },
    tags: ['ghcr.io/acme/shop:abc'],
    labels: {},
    secrets: [],
    metadataFile: '/t/metadata.json',
    ...rest,
  });
}

const BARE = argumentsOf({});

it('nothing given is a push without attestations', () => {
  expect(BARE).toEqual([
    'build',
    '--progress=plain',
    '--push',
    '--metadata-file=/t/metadata.json',
    '--provenance=false',
    '--sbom=false',
    '--tag=ghcr.io/acme/shop:abc',
    '--',
    '.',
  ]);
});

describe('on top of that', () => {
  const rows: readonly [
    name: string,
    inputs: Partial<BuildInputs>,
    rest: Partial<BuildCommand>,
    added: string[],
  ][] = [
    [
      'a Dockerfile and a stage',
      { file: 'app/Dockerfile', target: 'prod' },
      {},
      ['--file=app/Dockerfile', '--target=prod'],
    ],
    [
      'platforms are one option',
      { platforms: ['linux/amd64', 'linux/arm64'] },
      {},
      ['--platform=linux/amd64,linux/arm64'],
    ],
    [
      'build-args keep their commas and quotes',
      { buildArgs: ['A=1,2', 'B="x"', 'C'] },
      {},
      ['--build-arg=A=1,2', '--build-arg=B="x"', '--build-arg=C'],
    ],
    [
      'a value that looks like an option stays a value',
      { buildArgs: ['--push=false'] },
      {},
      ['--build-arg=--push=false'],
    ],
    [
      'named contexts',
      { buildContexts: ['alpine=docker-image://alpine:3'] },
      {},
      ['--build-context=alpine=docker-image://alpine:3'],
    ],
    [
      'secrets by file and by variable, never by value',
      {},
      {
        secrets: [
          { id: 'npm', file: '/t/secret-0' },
          { id: 'gh', variable: 'GH' },
        ],
      },
      ['--secret=id=npm,src=/t/secret-0', '--secret=id=gh,env=GH'],
    ],
    [
      "a secret's path with a comma is quoted",
      {},
      { secrets: [{ id: 'npm', file: '/a,b/"c"' }] },
      ['--secret=id=npm,"src=/a,b/""c"""'],
    ],
    [
      "the user's labels come behind ours, so that they win",
      { labels: ['org.opencontainers.image.source=mine'] },
      { labels: { 'org.opencontainers.image.source': 'ours' } },
      ['--label=org.opencontainers.image.source=ours', '--label=org.opencontainers.image.source=mine'],
    ],
    ['annotations', { annotations: ['index:a=b'] }, {}, ['--annotation=index:a=b']],
    [
      'caches',
      { cacheFrom: ['type=gha'], cacheTo: ['type=gha,mode=max'] },
      {},
      ['--cache-from=type=gha', '--cache-to=type=gha,mode=max'],
    ],
    ['no-cache and pull', { noCache: true, pull: true }, {}, ['--no-cache', '--pull']],
    ['a builder', { builder: 'big' }, {}, ['--builder=big']],
    [
      'a builder made for this build goes before the input',
      { builder: 'big' },
      { builder: 'mine' },
      ['--builder=mine'],
    ],
    [
      'network, hosts, shared memory, limits and ssh',
      {
        network: 'host',
        addHosts: ['db:10.0.0.1'],
        shmSize: '2g',
        ulimit: ['nofile=1024:1024'],
        ssh: ['default'],
      },
      {},
      [
        '--ssh=default',
        '--network=host',
        '--add-host=db:10.0.0.1',
        '--shm-size=2g',
        '--ulimit=nofile=1024:1024',
      ],
    ],
  ];
  it.each(rows)('%s', (_, inputs, rest, added) => {
    const all = argumentsOf(inputs, rest);
    expect(all.filter((argument) => !BARE.includes(argument))).toEqual(added);
  });
});

describe('attestations', () => {
  const rows: readonly [input: Partial<BuildInputs>, runUrl: string | undefined, expected: string[]][] = [
    [{}, RUN, ['--provenance=false', '--sbom=false']],
    [{ provenance: 'false', sbom: 'False' }, RUN, ['--provenance=false', '--sbom=false']],
    [{ provenance: 'true' }, RUN, [`--attest=type=provenance,mode=min,builder-id=${RUN}`, '--sbom=false']],
    [{ provenance: 'true' }, undefined, ['--attest=type=provenance,mode=min', '--sbom=false']],
    [
      { provenance: 'reproducible=true' },
      undefined,
      ['--attest=type=provenance,reproducible=true,mode=min', '--sbom=false'],
    ],
    [
      { provenance: 'mode=max' },
      RUN,
      [`--attest=type=provenance,mode=max,builder-id=${RUN}`, '--sbom=false'],
    ],
    [
      { provenance: 'mode=min,builder-id=me' },
      RUN,
      ['--attest=type=provenance,mode=min,builder-id=me', '--sbom=false'],
    ],
    [{ sbom: 'true' }, RUN, ['--provenance=false', '--attest=type=sbom']],
    [{ sbom: 'generator=scan:1' }, RUN, ['--provenance=false', '--attest=type=sbom,generator=scan:1']],
  ];
  it.each(rows)('%j of run %s', (inputs, runUrl, expected) => {
    const all = argumentsOf(inputs, runUrl === undefined ? {} : { runUrl });
    expect(all.filter((argument) => /^--(?:attest|provenance|sbom)/.test(argument))).toEqual(expected);
    expect(wantsAttestation({ ...NO_BUILD_INPUTS, ...inputs })).toBe(
      expected.some((argument) => argument.startsWith('--attest')),
    );
  });
});

it('a provenance tells all only where everybody may read the sources anyway', () => {
  const of = (provenance: string, isPublic: boolean) =>
    argumentsOf({ provenance }, { isPublic }).find((argument) => argument.includes('type=provenance'));
  expect(of('true', true)).toBe('--attest=type=provenance,mode=max');
  expect(of('true', false)).toBe('--attest=type=provenance,mode=min');
  expect(of('mode=min', true)).toBe('--attest=type=provenance,mode=min');
});

it('the context is the last argument, whatever it is called', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (context) => {
      expect(argumentsOf({ context }).slice(-2)).toEqual(['--', context]);
    }),
  );
});

it('no value becomes an option of its own', () => {
  fc.assert(
    fc.property(fc.constantFrom('$(id)', 'a"; x', '--load', '-f', 'a b\nc'), (value) => {
      const all = argumentsOf({ target: value, buildArgs: [value], labels: [value], network: value });
      expect(all).not.toContain(value);
      expect(all).toEqual(
        expect.arrayContaining([`--target=${value}`, `--build-arg=${value}`, `--label=${value}`]),
      );
    }),
  );
});

it('the type of a cache is read from its CSV', () => {
  expect(cacheTypes(['type=gha,scope=a', 'ghcr.io/acme/cache', 'mode=max,type=s3', ''])).toEqual([
    'gha',
    'registry',
    's3',
    'registry',
  ]);
});
