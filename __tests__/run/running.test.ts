import { describe, expect, test } from 'vitest';
import type { Observation } from '../../src/model/observation.ts';
import { digestIn, whatRuns } from '../../src/run/running.ts';
import { recordingLog } from '../process/fakes.ts';
import { digest, fakeRegistry } from './fake-registry.ts';

const REPOSITORY = 'ghcr.io/acme/shop';
const NEW = `${REPOSITORY}@${digest('a')}`;
const OLD = `${REPOSITORY}@${digest('0')}`;
const INDEX = {
  [NEW]: { children: [digest('1'), digest('2')] },
  [`${REPOSITORY}@${digest('1')}`]: { config: digest('c') },
  [`${REPOSITORY}@${digest('2')}`]: { config: digest('d') },
};

function look(imageIDs: readonly string[], registry = fakeRegistry(INDEX), to = NEW, image = to) {
  const pods = imageIDs.map((imageID, index) => ({
    metadata: { name: `web-${index}` },
    spec: { containers: [{ name: 'web', image }] },
    status: { containerStatuses: [{ name: 'web', imageID }] },
  }));
  const seen = { kind: 'Deployment', workload: undefined, replicaSets: [], events: [], pods } as Observation;
  const changes = [{ list: 'containers', index: 0, name: 'web', image: OLD, to } as const];
  return whatRuns(registry, { changes }, { seen }, recordingLog());
}

describe('what runs', () => {
  test.each([
    ['is the digest that was deployed', [NEW], 'same'],
    ["is that digest in dockershim's words", [`docker-pullable://${NEW}`], 'same'],
    ["is one platform's manifest of it", [`${REPOSITORY}@${digest('2')}`], 'child'],
    ["is the config of one platform's manifest", [`docker://${digest('d')}`], 'config'],
    ["is that config in CRI-O's words", ['c'.repeat(64)], 'config'],
    [
      'is the same on one node and a manifest of it on another',
      [NEW, `${REPOSITORY}@${digest('1')}`],
      'child',
    ],
  ])('%s', async (_, imageIDs, runs) => {
    expect(await look(imageIDs)).toEqual([{ container: 'web', runs, note: undefined }]);
  });
  test('is something else: said to be unknown, with the pod', async () => {
    const other = `${REPOSITORY}@${digest('e')}`;
    expect(await look([NEW, other])).toEqual([
      {
        container: 'web',
        runs: 'unknown',
        note: `the node of pod web-1 says that container web runs ${other}, and how that is related to ${digest('a')} is unknown`,
      },
    ]);
  });
  test('is unknown where the registry is away, and fails nothing', async () => {
    expect(await look([`${REPOSITORY}@${digest('1')}`], fakeRegistry(INDEX, true))).toMatchObject([
      { runs: 'unknown' },
    ]);
  });
  test('is not asked of the registry when the nodes name the digest itself', async () => {
    const registry = fakeRegistry(INDEX);
    await look([NEW, NEW], registry);
    expect(registry.asked).toEqual([]);
  });
  test.each([
    ['pods of another image', [OLD], NEW, OLD],
    ['a tag that nobody resolved', [NEW], `${REPOSITORY}:v1`, `${REPOSITORY}:v1`],
    ['pods that did not say', [''], NEW, NEW],
  ])('says nothing of %s', async (_, imageIDs, to, image) => {
    expect(await look(imageIDs, fakeRegistry(INDEX), to, image)).toEqual([]);
  });
});

test('a tag that looks like the end of a digest is none', () => {
  expect(digestIn(`${REPOSITORY}:${'a'.repeat(64)}`)).toBeUndefined();
});
