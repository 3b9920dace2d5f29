import { describe, expect, it } from 'vitest';
import { imageLabels } from '../../src/plan/labels.ts';
import { planTags, type TagWish } from '../../src/plan/tags.ts';

const SHA = '1'.repeat(40);
const HEAD = '2'.repeat(40);
const NOW = new Date('2026-11-21T09:15:00Z');

function plan(rest: Partial<TagWish> = {}) {
  return planTags({
    image: { registry: 'ghcr.io', repository: 'acme/shop' },
    source: { sha: SHA, dirty: false },
    pullRequest: undefined,
    tags: [],
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
    expect(plan(wish)).toEqual({ tag, references: [`ghcr.io/acme/shop:${tag}`] });
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

describe('the labels', () => {
  const source = {
    sha: SHA,
    dirty: false,
    committed: new Date('2026-01-02T03:04:05Z'),
    url: 'https://github.com/acme/shop',
  };
  it('are the same for each build of a commit', () => {
    expect(imageLabels(source, { now: NOW, sourceDateEpoch: undefined })).toEqual({
      'org.opencontainers.image.source': 'https://github.com/acme/shop',
      'org.opencontainers.image.revision': SHA,
      'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
    });
  });
  it('of a dirty tree say so', () => {
    expect(imageLabels({ ...source, dirty: true }, { now: NOW, sourceDateEpoch: undefined })).toMatchObject({
      'org.opencontainers.image.revision': `${SHA}-dirty`,
      'org.opencontainers.image.created': '2026-11-21T09:15:00Z',
    });
  });
  it('obey SOURCE_DATE_EPOCH', () => {
    expect(imageLabels(source, { now: NOW, sourceDateEpoch: '0' })).toMatchObject({
      'org.opencontainers.image.created': '1970-01-01T00:00:00Z',
    });
  });
});
