import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/model/error.ts';
import { type ImageName, parseImage } from '../../src/model/image.ts';
import type { WorkloadRef } from '../../src/model/workload.ts';
import { assignTargets, placeTargets, sharedReferences, undeployed } from '../../src/plan/bake.ts';
import { parseWorkloads } from '../../src/plan/workloads.ts';

function mistakesOf(body: () => unknown): readonly string[] {
  try {
    body();
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.mistakes;
  }
}

function images(lines: Readonly<Record<string, string>>): ReadonlyMap<string | undefined, ImageName> {
  return new Map(
    Object.entries(lines).map(([target, name]) => [
      target === '' ? undefined : target,
      parseImage(name).image,
    ]),
  );
}

const web = { name: 'web', tags: [] };
const api = { name: 'api', tags: ['ghcr.io/acme/api:edge', 'ghcr.io/acme/api'] };
const HELP = (name: string) =>
  `Name its repository in the input image: ${name}=ghcr.io/owner/${name}; or in the bake file: tags = ["ghcr.io/owner/${name}"].`;

describe('where a target goes', () => {
  test('to the repository of its line, or of its first tag', () => {
    expect(placeTargets([web, api], images({ web: 'ghcr.io/acme/web' }))).toEqual([
      { target: 'web', image: parseImage('ghcr.io/acme/web').image, own: [], leftOut: [], suffix: '' },
      {
        target: 'api',
        image: parseImage('ghcr.io/acme/api').image,
        own: ['ghcr.io/acme/api:edge'],
        leftOut: [],
        suffix: '',
      },
    ]);
  });

  test("its own tags stay at home when its line names another repository's", () => {
    expect(placeTargets([api], images({ api: 'ghcr.io/acme/server' }))).toMatchObject([
      { image: { repository: 'acme/server' }, own: [], leftOut: api.tags },
    ]);
  });

  test('one repository without a target is that of the only target', () => {
    expect(placeTargets([web], images({ '': 'ghcr.io/acme/shop' }))).toMatchObject([
      { image: { repository: 'acme/shop' }, suffix: '' },
    ]);
  });

  test('a repository that two share has both in its tags, and no other does', () => {
    const placed = placeTargets(
      [web, api, { name: 'job', tags: [] }],
      images({ web: 'ghcr.io/acme/shop', api: 'ghcr.io/acme/shop', job: 'docker.io/acme/shop' }),
    );
    expect(placed.map(({ suffix }) => suffix)).toEqual(['web', 'api', '']);
  });

  test.each([
    [
      'no name at all',
      { name: 'web', tags: [] },
      `The target web of the bake file names no image. ${HELP('web')}`,
    ],
    [
      "a name of one's own machine",
      { name: 'web', tags: ['web:dev'] },
      `The target web of the bake file is called "web:dev", which is no repository that it could be pushed to. ${HELP('web')}`,
    ],
    [
      'a name that is none',
      { name: 'web', tags: ['https://ghcr.io/acme/web'] },
      `The target web of the bake file: The image "https://ghcr.io/acme/web" begins with "https://": an image has no scheme, write "ghcr.io/acme/web". ${HELP('web')}`,
    ],
  ])('with %s it is a mistake', (_, target, mistake) => {
    expect(mistakesOf(() => placeTargets([target], new Map()))).toEqual([mistake]);
  });

  test('all mistakes are told together', () => {
    expect(
      mistakesOf(() => placeTargets([web, api], images({ '': 'ghcr.io/acme/shop', wbe: 'acme/web' }))),
    ).toEqual([
      'image: ghcr.io/acme/shop is one repository for 2 targets. Write a line for each: web=ghcr.io/acme/shop-web, api=ghcr.io/acme/shop-api.',
      'image: "wbe" is no target that is built. There: web, api.',
    ]);
  });

  test('two that would be pushed under one name are a mistake, under two names not', () => {
    const [one, other] = ['ghcr.io/acme/shop:a', 'ghcr.io/acme/shop:b'];
    expect(
      sharedReferences([
        { target: 'web', references: [one] },
        { target: 'api', references: [other] },
      ]),
    ).toEqual([]);
    expect(
      sharedReferences([
        { target: 'web', references: [one, other] },
        { target: 'api', references: [other] },
      ]),
    ).toEqual([
      "The targets web and api would both be pushed as ghcr.io/acme/shop:b. Give each its own in the bake file's tags.",
    ]);
  });
});

describe('which target a workload gets', () => {
  const refs = (text: string) =>
    parseWorkloads(text).map((each) => {
      if ('mistake' in each) throw new Error(each.mistake);
      return each.ref as WorkloadRef;
    });
  const assigned = (text: string, ...targets: readonly string[]) =>
    assignTargets(refs(text), targets).map(({ target }) => target);

  test.each([
    ['the one that it names', 'deployment/web=api', ['web', 'api'], 'api'],
    ['the only one, whatever it is called', 'deployment/web', ['server'], 'server'],
    ["the one called as the workload's container", 'deployment/shop:api', ['web', 'api'], 'api'],
    ['the one called as the workload', 'deployment/web', ['web', 'api'], 'web'],
    ['the one called as the workload, whatever the container', 'deployment/web:app', ['web', 'api'], 'web'],
    ['the one of a compose service with a dot', 'deployment/web=shop.web', ['shop_web', 'api'], 'shop_web'],
  ])('%s', (_, text, targets, target) => {
    expect(assigned(text, ...targets)).toEqual([target]);
  });

  test.each([
    [
      'none that is called alike',
      'deployment/shop:app',
      ['web', 'api'],
      'workloads: which image deployment/shop:app gets is not plain, since no target is called so. Write deployment/shop:app=target. There: web, api.',
    ],
    [
      'two that are called alike: the container and the workload',
      'deployment/web:api',
      ['web', 'api'],
      'workloads: which image deployment/web:api gets is not plain, since both api and web are targets. Write deployment/web:api=target. There: web, api.',
    ],
    [
      'one that is not built',
      'deployment/web=job',
      ['web', 'api'],
      'workloads: deployment/web=job names a target that is not built. There: web, api; `bake-target` names what is built.',
    ],
    [
      'one that differs by case',
      'deployment/web=Web',
      ['web'],
      'workloads: deployment/web=Web names a target that is not built. There: web; `bake-target` names what is built.',
    ],
  ])('%s is a mistake', (_, text, targets, mistake) => {
    expect(mistakesOf(() => assigned(text, ...targets))).toEqual([mistake]);
  });

  test('a target that no workload gets is known', () => {
    const workloads = assignTargets(refs('deployment/web, deployment/api:sidecar=web'), [
      'web',
      'job',
      'api',
    ]);
    expect(undeployed(workloads, ['web', 'job', 'api'])).toEqual(['job', 'api']);
  });
});
