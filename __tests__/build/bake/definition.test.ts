import { expect, test } from 'vitest';
import { parseDefinition } from '../../../src/build/bake/definition.ts';
import { failureOf } from '../../process/fakes.ts';

/** What buildx 0.13 printed for `bake all`: groups that hold each other, a matrix, and a target that is only linked. */
const PRINTED = {
  group: {
    all: { targets: ['default', 'tool'] },
    default: { targets: ['web', 'api', 'all'] },
    tool: { targets: ['tool-1', 'tool-2'] },
  },
  target: {
    api: {
      context: 'api',
      dockerfile: 'Dockerfile.api',
      labels: { a: 'b,c' },
      secret: ['id=x,env=FOO'],
      output: ['type=image,compression=zstd', 'type=local,dest=out'],
    },
    dep: { context: 'dep', dockerfile: 'Dockerfile' },
    'tool-1': { context: '.', 'dockerfile-inline': 'FROM scratch', pull: true, 'no-cache': true },
    'tool-2': { context: '.', 'dockerfile-inline': 'FROM scratch' },
    web: { contexts: { dep: 'target:dep' }, tags: ['ghcr.io/acme/web:latest'], platforms: ['linux/amd64'] },
  },
};

const read = (value: unknown) => parseDefinition(JSON.stringify(value));

test('groups are resolved, each target once, and what is only taken from stands apart', () => {
  const { targets, linked } = read(PRINTED);
  expect(targets.map(({ name }) => name)).toEqual(['web', 'api', 'tool-1', 'tool-2']);
  expect(linked.map(({ name }) => name)).toEqual(['dep']);
  expect(targets[0]).toMatchObject({
    context: '.',
    dockerfile: 'Dockerfile',
    tags: ['ghcr.io/acme/web:latest'],
  });
  expect(targets[1]).toMatchObject({ labels: ['a'], secrets: ['id=x,env=FOO'], inline: false, pull: false });
  expect(targets[2]).toMatchObject({ inline: true, pull: true, noCache: true });
});

test('a target may be called default, and a group as a target', () => {
  expect(
    read({ group: { default: { targets: ['default'] } }, target: { default: {} } }).targets.map(
      ({ name }) => name,
    ),
  ).toEqual(['default']);
});

test('the options that newer versions write as objects are what the older ones wrote', () => {
  const [target] = read({
    group: { default: { targets: ['web'] } },
    target: {
      web: {
        secret: [{ env: 'FOO', id: 'x' }],
        output: [{ compression: 'zstd', type: 'image' }],
        'cache-to': [{ dest: '/a,b', type: 'local' }],
        ssh: [{ id: 'default', paths: ['/a', '/b'] }],
        attest: [{ type: 'provenance', mode: 'max' }],
      },
    },
  }).targets;
  expect(target).toMatchObject({
    secrets: ['env=FOO,id=x'],
    outputs: ['type=image,compression=zstd'],
    cacheTo: ['type=local,"dest=/a,b"'],
    ssh: ['default=/a,/b'],
    attest: ['type=provenance,mode=max'],
  });
});

const FOREIGN = 'buildx printed a bake definition that SteadyShip can not read: ';
const CURRENT =
  '. Add the step `- uses: docker/setup-buildx-action@v3` before this one, which brings a current buildx, and report it if that does not help.';

test.each<readonly [string, string, string]>([
  ['no JSON', 'ERROR: ::error::x', 'it is no JSON'],
  ['a list', '[]', 'the whole is no object'],
  ['nothing', 'null', 'the whole is no object'],
  ['groups that are a list', '{"group":[],"target":{}}', 'group is no object'],
  ['members that are a text', '{"group":{"default":{"targets":"web"}}}', 'group default is no list'],
  [
    'a name that is an option',
    '{"group":{"default":{"targets":["a b"]}},"target":{"a b":{}}}',
    'a target is called "a b"',
  ],
  [
    'a name that is a pattern',
    '{"group":{"default":{"targets":["*"]}},"target":{"*":{}}}',
    'a target is called "*"',
  ],
  [
    'a context that is no text',
    '{"group":{"default":{"targets":["web"]}},"target":{"web":{"context":7}}}',
    '"context" of target web is no text',
  ],
  [
    'a tag that is a number',
    '{"group":{"default":{"targets":["web"]}},"target":{"web":{"tags":[7]}}}',
    'an item of "tags" of target web is no object',
  ],
  [
    'a target that is null',
    '{"group":{"default":{"targets":["web"]}},"target":{"web":null}}',
    'target web is no object',
  ],
])('%s is refused', async (_, json, why) => {
  expect((await failureOf(async () => parseDefinition(json))).message).toBe(FOREIGN + why + CURRENT);
});

test('names that JavaScript has a meaning for are names', () => {
  const json =
    '{"group":{"default":{"targets":["constructor","__proto__","toString"]}},"target":{"constructor":{"context":"a"},"__proto__":{"context":"b"}}}';
  expect(parseDefinition(json).targets.map(({ name, context }) => [name, context])).toEqual([
    ['constructor', 'a'],
    ['__proto__', 'b'],
  ]);
});

test('groups that hold each other have an end', async () => {
  const json =
    '{"group":{"default":{"targets":["a"]},"a":{"targets":["b"]},"b":{"targets":["a"]}},"target":{}}';
  expect((await failureOf(async () => parseDefinition(json))).message).toBe(
    'The bake file has nothing to build by default. Name targets in the input bake-target, or give the file a group "default".',
  );
});
