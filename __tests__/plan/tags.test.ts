import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageLabels, type LabelFacts, type SourceFacts } from '../../src/plan/labels.ts';
import { type CommitNames, type NameFacts, nameCommit, versionOf } from '../../src/plan/names.ts';
import { planTags, type TagWish } from '../../src/plan/tags.ts';

const SHA = '1'.repeat(40);
const HEAD = '2'.repeat(40);
const NOW = new Date('2026-11-21T09:15:00Z');

const NO_NAMES = { branch: undefined, gitTag: undefined, pullRequest: undefined, isDefaultBranch: false };

function plan(rest: Partial<TagWish> = {}) {
  return planTags({
    image: { registry: 'ghcr.io', repository: 'acme/shop' },
    source: { sha: SHA, dirty: false },
    pullRequest: undefined,
    tags: [],
    names: NO_NAMES,
    now: NOW,
    ...rest,
  });
}

describe('the tag', () => {
  const pullRequest = { number: 7, headSha: HEAD };
  const rows: readonly [name: string, wish: Partial<TagWish>, tag: string][] = [
    ['is the commit', {}, SHA],
    ['of a pull request is its number and head', { pullRequest }, `pr-7-${HEAD}`],
    [
      'of a dirty tree is never used again',
      { source: { sha: SHA, dirty: true } },
      `${SHA}-dirty-20261121t091500z`,
    ],
    [
      'of a dirty pull request, too',
      { pullRequest, source: { sha: SHA, dirty: true } },
      `pr-7-${HEAD}-dirty-20261121t091500z`,
    ],
  ];
  it.each(rows)('%s', (_, wish, tag) => {
    expect(plan(wish)).toEqual({ tag, references: [`ghcr.io/acme/shop:${tag}`], leftOut: [] });
  });
});

describe('where images share a repository', () => {
  it('every tag ends in what tells them apart', () => {
    const names = { ...NO_NAMES, branch: 'main', isDefaultBranch: true };
    expect(plan({ suffix: 'web', names, tags: ['stable', '{branch}', '{pr}'] })).toEqual({
      tag: `${SHA}-web`,
      references: [`${SHA}-web`, 'stable-web', 'main-web'].map((tag) => `ghcr.io/acme/shop:${tag}`),
      leftOut: ['{pr}'],
    });
  });
  it('two that become too long stay two', () => {
    const tags = ['a', 'b'].map((end) => plan({ suffix: `${'x'.repeat(120)}${end}` }).tag);
    expect(tags.map((tag) => tag.length)).toEqual([128, 128]);
    expect(new Set(tags).size).toBe(2);
  });
});

describe('further tags', () => {
  it('may be bare or full, in other repositories, and are not pushed twice', () => {
    const { references } = plan({ tags: ['latest', 'ghcr.io/acme/shop:latest', 'acme/shop:V1', SHA] });
    expect(references).toEqual([
      `ghcr.io/acme/shop:${SHA}`,
      'ghcr.io/acme/shop:latest',
      'docker.io/acme/shop:V1',
    ]);
  });
  const hint = 'or a full reference ("ghcr.io/acme/shop:latest")';
  const rows: readonly [tag: string, sentence: string][] = [
    [
      'shop:v1',
      `The input tags has "shop:v1", which is no tag (at most 128 letters, digits, "_", "." and "-"): write a bare tag ("v1") ${hint}.`,
    ],
    [
      'my tag',
      `The input tags has "my tag", which is no tag (at most 128 letters, digits, "_", "." and "-"): write a bare tag ("my-tag") ${hint}.`,
    ],
    [
      'feature/x',
      `The input tags has "feature/x", which names no tag: write a bare tag ("feature-x") ${hint}.`,
    ],
    [
      '$(id)',
      `The input tags has "$(id)", which is no tag (at most 128 letters, digits, "_", "." and "-"): write a bare tag ("id-") ${hint}.`,
    ],
    [
      `ghcr.io/a/b:c@sha256:${'a'.repeat(64)}`,
      `The input tags has "ghcr.io/a/b:c@sha256:${'a'.repeat(64)}", which bears a digest: write a bare tag ("c") ${hint}.`,
    ],
  ];
  it.each(rows)('refuses %s', (tag, sentence) => {
    expect(() => plan({ tags: [tag] })).toThrow(sentence);
  });
  it('are refused all at once', () => {
    expect(() => plan({ tags: ['a b', 'c d'] })).toThrow(/"a b"[\s\S]*\n[\s\S]*"c d"/);
  });
});

describe('placeholders', () => {
  const onMain = { ...NO_NAMES, branch: 'main', isDefaultBranch: true };
  const long = `feature/${'x'.repeat(150)}`;
  const rows: readonly [
    name: string,
    names: Partial<TagWish['names']>,
    tags: readonly string[],
    given: readonly string[],
    leftOut: readonly string[],
  ][] = [
    [
      'are the branch, the commit and latest',
      onMain,
      ['{branch}', '{latest}', '{short}', '{branch}-{commit}'],
      ['main', 'latest', '1111111', `main-${SHA}`],
      [],
    ],
    [
      'leave latest out on another branch',
      { branch: 'main2' },
      ['{latest}', '{branch}'],
      ['main2'],
      ['{latest}'],
    ],
    ['but a literal latest is always pushed', { branch: 'main2' }, ['latest'], ['latest'], []],
    ['make three tags of a release', { gitTag: 'v1.2.3' }, ['{semver}'], ['1.2.3', '1.2', '1'], []],
    ['make one of a pre-release', { gitTag: 'v1.2.3-rc.1' }, ['{semver}'], ['1.2.3-rc.1'], []],
    ['give version 0 no major tag', { gitTag: '0.2.3' }, ['{semver}'], ['0.2.3', '0.2'], []],
    [
      'write the plus of a build as Helm does',
      { gitTag: '1.2.3+a.b' },
      ['{semver}'],
      ['1.2.3_a.b', '1.2', '1'],
      [],
    ],
    [
      'know no release that only looks like one',
      { gitTag: 'v1.2' },
      ['{semver}', '{git-tag}'],
      ['v1.2'],
      ['{semver}'],
    ],
    ['nor one with a leading zero', { gitTag: '1.02.3' }, ['{semver}'], [], ['{semver}']],
    [
      'may have words around them',
      { gitTag: 'v1.2.3' },
      ['web-{semver}-x'],
      ['web-1.2.3-x', 'web-1.2-x', 'web-1-x'],
      [],
    ],
    [
      'are the pull request',
      { pullRequest: 7 },
      ['{pr}', '{branch}', '{semver}'],
      ['pr-7'],
      ['{branch}', '{semver}'],
    ],
    [
      'put hyphens where no tag may have what a branch has',
      { branch: 'fix/$(id)/ü' },
      ['{branch}'],
      ['fix-id-'],
      [],
    ],
    [
      'are cut when too long, with a hash of the whole',
      { branch: long },
      ['{branch}', '{branch}-{short}'],
      [`feature-${'x'.repeat(111)}-3db19798`, `feature-${'x'.repeat(111)}-49bb6657`],
      [],
    ],
  ];
  it.each(rows)('%s', (_, names, tags, given, leftOut) => {
    const planned = plan({ names: { ...NO_NAMES, ...names }, tags });
    expect(planned.references.slice(1)).toEqual(given.map((tag) => `ghcr.io/acme/shop:${tag}`));
    expect(planned.leftOut).toEqual(leftOut);
  });
  it('stand in full references, too', () => {
    const names = { ...NO_NAMES, gitTag: 'v1.2.3' };
    expect(plan({ names, tags: ['acme/shop:{semver}'] }).references.slice(1)).toEqual([
      'docker.io/acme/shop:1.2.3',
      'docker.io/acme/shop:1.2',
      'docker.io/acme/shop:1',
    ]);
  });
  it('of the commit have no value in a dirty tree', () => {
    const source = { sha: SHA, dirty: true };
    const planned = plan({ source, names: onMain, tags: ['{commit}', '{short}', '{branch}'] });
    expect(planned.references.slice(1)).toEqual(['ghcr.io/acme/shop:main']);
    expect(planned.leftOut).toEqual(['{commit}', '{short}']);
  });
  it('that there are none of are refused', () => {
    expect(() => plan({ tags: ['{version}'] })).toThrow(
      'The input tags has "{version}", and there is no placeholder {version}. There are {branch}, {semver}, {git-tag}, {pr}, {latest}, {commit}, {short}.',
    );
  });
  it("of docker/metadata-action's are told the way", () => {
    expect(() => plan({ tags: ['type=semver', 'pattern={{version}}'] })).toThrow(
      'The input tags has "type=semver", which is docker/metadata-action\'s form. Here placeholders do it: {semver} for type=semver, {branch} and {git-tag} and {pr} for type=ref, {commit} or {short} for type=sha, {latest} for the default branch.',
    );
  });
  it('never make what is no tag, whatever a branch or a Git tag is called', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 300 }), (name) => {
        const names = { ...NO_NAMES, branch: name, gitTag: name };
        for (const reference of plan({ names, tags: ['a{branch}', 'a{git-tag}b'] }).references) {
          expect(reference).toMatch(/^ghcr\.io\/acme\/shop:\w[\w.-]{0,127}$/);
        }
      }),
    );
  });
});

describe('the names of a commit', () => {
  const facts: NameFacts = {
    sha: SHA,
    head: 'main',
    gitTags: [],
    eventSha: SHA,
    ref: 'refs/heads/main',
    defaultBranch: 'main',
    pullRequest: undefined,
  };
  const rows: readonly [
    name: string,
    facts: Partial<NameFacts>,
    names: Partial<CommitNames>,
    version: string | undefined,
  ][] = [
    ['are those of a push to a branch', {}, { branch: 'main', isDefaultBranch: true }, 'main'],
    ['of another branch', { ref: 'refs/heads/a/b', head: 'a/b' }, { branch: 'a/b' }, 'a-b'],
    [
      'are the tag that was pushed',
      { ref: 'refs/tags/v1.2.3', head: undefined },
      { gitTag: 'v1.2.3' },
      '1.2.3',
    ],
    [
      'are no tag that happens to be at the commit of a branch',
      { gitTags: ['v1.2.3'] },
      { branch: 'main', isDefaultBranch: true },
      'main',
    ],
    [
      "are the work tree's when another commit was checked out",
      { eventSha: HEAD, head: undefined, gitTags: ['latest-good', 'v1.2.3-rc.1', 'v1.2.3', 'v1.1.9'] },
      { gitTag: 'v1.2.3' },
      '1.2.3',
    ],
    ['and its branch', { eventSha: HEAD, head: 'release' }, { branch: 'release' }, 'release'],
    ['or nothing', { eventSha: HEAD, head: undefined }, {}, undefined],
    [
      "of a pull request are its number, not its branch's",
      { pullRequest: { number: 7 }, ref: 'refs/pull/7/merge', head: 'main' },
      { pullRequest: 7 },
      'pr-7',
    ],
  ];
  it.each(rows)('%s', (_, given, expected, version) => {
    const names = nameCommit({ ...facts, ...given });
    expect(names).toEqual({ ...NO_NAMES, ...expected });
    expect(versionOf(names)).toBe(version);
  });
});

describe('the labels', () => {
  const source = {
    sha: SHA,
    dirty: false,
    committed: new Date('2026-01-02T03:04:05Z'),
    url: 'https://github.com/acme/shop',
  };
  const labels = (given: Partial<SourceFacts> = {}, facts: Partial<LabelFacts> = {}) =>
    imageLabels(
      { ...source, ...given },
      { repository: undefined, version: undefined, now: NOW, sourceDateEpoch: undefined, ...facts },
    );
  it('are the same for each build of a commit', () => {
    expect(labels()).toEqual({
      'org.opencontainers.image.title': 'shop',
      'org.opencontainers.image.url': 'https://github.com/acme/shop',
      'org.opencontainers.image.source': 'https://github.com/acme/shop',
      'org.opencontainers.image.version': SHA,
      'org.opencontainers.image.revision': SHA,
      'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
    });
  });
  it('have what the event tells of the repository, on one line', () => {
    const repository = {
      name: 'Shop',
      description: 'Sells\r\n::error::things\u001b[31m',
      url: 'https://github.com/acme/Shop',
      license: 'Apache-2.0',
    };
    expect(labels({}, { repository, version: '1.2.3' })).toMatchObject({
      'org.opencontainers.image.title': 'Shop',
      'org.opencontainers.image.description': 'Sells ::error::things [31m',
      'org.opencontainers.image.url': 'https://github.com/acme/Shop',
      'org.opencontainers.image.version': '1.2.3',
      'org.opencontainers.image.licenses': 'Apache-2.0',
    });
  });
  it('of a dirty tree say so', () => {
    expect(labels({ dirty: true })).toMatchObject({
      'org.opencontainers.image.revision': `${SHA}-dirty`,
      'org.opencontainers.image.version': `${SHA}-dirty`,
      'org.opencontainers.image.created': '2026-11-21T09:15:00Z',
    });
  });
  it('obey SOURCE_DATE_EPOCH', () => {
    expect(labels({}, { sourceDateEpoch: '0' })).toMatchObject({
      'org.opencontainers.image.created': '1970-01-01T00:00:00Z',
    });
  });
});
