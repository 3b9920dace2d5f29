import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/model/error.ts';
import { familiarName, parseImage, renderImage, tagStamp } from '../../src/model/image.ts';

const HEX = 'a'.repeat(64);

describe('reads', () => {
  const rows: readonly [text: string, complete: string, familiar: string, lowered?: boolean][] = [
    ['ghcr.io/acme/shop', 'ghcr.io/acme/shop', 'ghcr.io/acme/shop'],
    ['ghcr.io/acme/shop:v1', 'ghcr.io/acme/shop:v1', 'ghcr.io/acme/shop:v1'],
    [`ghcr.io/acme/shop@sha256:${HEX}`, `ghcr.io/acme/shop@sha256:${HEX}`, `ghcr.io/acme/shop@sha256:${HEX}`],
    [`acme/shop:v1@sha256:${HEX}`, `docker.io/acme/shop:v1@sha256:${HEX}`, `acme/shop:v1@sha256:${HEX}`],
    ['nginx', 'docker.io/library/nginx', 'nginx'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27', 'nginx:1.27'],
    ['docker.io/nginx', 'docker.io/library/nginx', 'nginx'],
    ['index.docker.io/acme/shop', 'docker.io/acme/shop', 'acme/shop'],
    ['localhost:5000/shop', 'localhost:5000/shop', 'localhost:5000/shop'],
    ['localhost/shop', 'localhost/shop', 'localhost/shop'],
    ['127.0.0.1:5000/a/b:c', '127.0.0.1:5000/a/b:c', '127.0.0.1:5000/a/b:c'],
    ['[::1]:5000/a', '[::1]:5000/a', '[::1]:5000/a'],
    [
      'registry.example.com:443/a/b/c/d',
      'registry.example.com:443/a/b/c/d',
      'registry.example.com:443/a/b/c/d',
    ],
    ['ghcr.io/Acme/Shop:V1', 'ghcr.io/acme/shop:V1', 'ghcr.io/acme/shop:V1', true],
    ['GHCR.IO/acme/shop', 'ghcr.io/acme/shop', 'ghcr.io/acme/shop'],
    ['Acme/shop', 'docker.io/acme/shop', 'acme/shop', true],
    ['  ghcr.io/acme/shop\n', 'ghcr.io/acme/shop', 'ghcr.io/acme/shop'],
    ['ghcr.io/a_b/c__d.e-f--g', 'ghcr.io/a_b/c__d.e-f--g', 'ghcr.io/a_b/c__d.e-f--g'],
  ];
  it.each(rows)('%s', (text, complete, familiar, lowered = false) => {
    const parsed = parseImage(text);
    expect(renderImage(parsed.image)).toBe(complete);
    expect(familiarName(parsed.image)).toBe(familiar);
    expect(parsed.lowered).toBe(lowered);
    expect(parseImage(complete).image).toEqual(parsed.image);
  });
});

describe('refuses', () => {
  const rows: readonly [text: string, sentence: string][] = [
    ['', 'The image is empty: write it as "ghcr.io/owner/name".'],
    [
      'https://ghcr.io/acme/shop',
      'The image "https://ghcr.io/acme/shop" begins with "https://": an image has no scheme, write "ghcr.io/acme/shop".',
    ],
    [
      'ghcr.io/acme/my shop',
      'The image "ghcr.io/acme/my shop" contains a space: write one image without spaces.',
    ],
    ['ghcr.io/', 'The image "ghcr.io/" names no repository on ghcr.io: write it as "ghcr.io/owner/name".'],
    ['ghcr.io', 'The image "ghcr.io" names no repository on ghcr.io: write it as "ghcr.io/owner/name".'],
    [
      'localhost:5000',
      'The image "localhost:5000" names no repository on localhost:5000: write it as "localhost:5000/owner/name".',
    ],
    [
      'ghcr.io/acme/shop:',
      'The image "ghcr.io/acme/shop:" ends with a colon: a tag is missing behind it, or the colon is too much.',
    ],
    [
      'ghcr.io/acme/shop:-x',
      'The image "ghcr.io/acme/shop:-x" has the tag "-x", which is none: a tag has at most 128 letters, digits, "_", "." and "-", and begins with a letter, a digit or "_".',
    ],
    [
      'ghcr.io/acme/shop@sha256:abc',
      'The image "ghcr.io/acme/shop@sha256:abc" has the digest "sha256:abc", which is none: a digest is "sha256:" and 64 characters of 0-9 and a-f.',
    ],
    [
      'ghcr.io/acme//shop',
      'The image "ghcr.io/acme//shop" has an empty part between slashes, which no repository may have: each part has letters and digits, joined by ".", "_", "__" or "-".',
    ],
    [
      'ghcr.io/acme/$(id)',
      'The image "ghcr.io/acme/$(id)" has the part "$(id)", which no repository may have: each part has letters and digits, joined by ".", "_", "__" or "-".',
    ],
    [
      'ghcr_io.x/acme/shop',
      'The image "ghcr_io.x/acme/shop" names the registry "ghcr_io.x", which is no host: write it as "ghcr.io" or "localhost:5000".',
    ],
    [
      HEX,
      `The image "${HEX}" is 64 hexadecimal characters, which is an image's id and no name: write it as "docker.io/owner/name".`,
    ],
  ];
  it.each(rows)('%j', (text, sentence) => {
    expect(() => parseImage(text)).toThrow(new UserError(sentence));
  });
});

it('a repository of 256 characters is too long', () => {
  expect(() => parseImage(`ghcr.io/${'a'.repeat(256)}`)).toThrow(
    'has a repository of 256 characters: registries take at most 255.',
  );
});

it('a stamp has only letters that a tag may have', () => {
  expect(tagStamp(new Date('2026-11-21T09:15:00.123Z'))).toBe('20261121t091500z');
});
