import { describe, expect, it } from 'vitest';
import { failedPush, refusedAsImmutable } from '../../src/build/push-failure.ts';
import { isPassing } from '../../src/build/push-retry.ts';
import { explain, FAILING_RUN, PUSHING, read } from './endings.ts';

describe('a refused push', () => {
  const forbidden =
    'unexpected status from POST request to https://ghcr.io/v2/acme/shop/blobs/uploads/: 403 Forbidden';
  const rows: readonly [name: string, words: string, sentence: string][] = [
    [
      'to ghcr.io says which permission is missing',
      forbidden,
      'ghcr.io refused a push to ghcr.io/acme/shop to "octocat": "403 Forbidden". Give the job `permissions: {contents: read, packages: write}`; when it has them, open the settings of the package shop of acme, and under "Manage Actions access" add this repository with the role Write.',
    ],
    [
      'of a package that is not linked says how to link it',
      'denied: permission_denied: write_package',
      'ghcr.io refused a push to ghcr.io/acme/shop to "octocat": "denied: permission_denied: write_package". The package is not linked to this repository: open the settings of the package shop of acme, and under "Manage Actions access" add this repository with the role Write.',
    ],
    [
      'that would create a package says who allows that',
      'denied: installation not allowed to Create organization package',
      'ghcr.io refused a push to ghcr.io/acme/shop to "octocat": "denied: installation not allowed to Create organization package". Give the job `permissions: {contents: read, packages: write}`; when it has them, the organisation acme does not let Actions create packages: its owners allow it in the organisation\'s settings under "Packages".',
    ],
    [
      'into a network that is away is no refusal',
      'failed to do request: Head "https://ghcr.io/v2/": dial tcp 1.2.3.4:443: connect: connection refused',
      'The push to ghcr.io failed, for the registry can not be reached or is overloaded: failed to do request: Head "https://ghcr.io/v2/": dial tcp 1.2.3.4:443: connect: connection refused. Run the job again; layers that arrived are not sent twice.',
    ],
    ['of a kind that nobody knows', 'manifest invalid', 'The push to ghcr.io failed: manifest invalid'],
  ];
  it.each(rows)('%s', (_, words, sentence) => {
    expect(explain(PUSHING.replaceAll('WORDS', words))).toBe(sentence);
  });
  it('by the daemon itself, whose error names no image', () => {
    const output =
      '#6 pushing ghcr.io/acme/shop:abc with docker\n#6 pushing layer abfc 0.1s done\n#6 ERROR: denied: permission_denied: write_package\n------\n > pushing:\n------\nERROR: denied: permission_denied: write_package';
    expect(explain(output)).toContain('The package is not linked to this repository');
  });
  it('without a login', () => {
    expect(explain(PUSHING.replaceAll('WORDS', forbidden), { loginOf: () => undefined })).toBe(
      'ghcr.io refused a push to ghcr.io/acme/shop without a login: "403 Forbidden". Set the inputs username and password.',
    );
  });
});

describe('a push passes', () => {
  const rows: readonly [words: string, passing: boolean][] = [
    [
      'unexpected status from PUT request to https://r/v2/a/blobs/uploads/1: 404 Not Found: blob upload unknown to registry',
      true,
    ],
    ['failed to copy: unknown: BLOB_UPLOAD_UNKNOWN', true],
    [
      'failed commit on ref "config-sha256:5f1b": unexpected status from PUT request to http://r/v2/a/blobs/uploads/2fcee024-cf2c?_state=zatK&digest=sha256%3A5f1b: 404 Not Found',
      true,
    ],
    ['unexpected status from POST request to https://r/v2/a/blobs/uploads/: 404 Not Found', false],
    ['unexpected status from PUT request to https://r/v2/a/manifests/v1: 404 Not Found', false],
    [
      'unexpected status from PATCH request to https://r/v2/a/blobs/uploads/1: 500 Internal Server Error',
      true,
    ],
    ['toomanyrequests: Rate exceeded', true],
    ['write tcp 10.0.0.1:4->1.2.3.4:443: write: connection reset by peer', true],
    ['failed to do request: Post "https://r/v2/": net/http: TLS handshake timeout', true],
    ['failed to do request: Put "https://r/v2/": EOF', true],
    ['unexpected status from HEAD request to https://r:503/v2/a/blobs/sha256:500: 404 Not Found', false],
    ['unexpected status from POST request to https://r:429/v2/a/blobs/uploads/: 403 Forbidden', false],
    ['failed to authorize: failed to fetch oauth token: 401 Unauthorized', false],
    ['denied: requested access to the resource is denied', false],
    ['name unknown: The repository with name "shop-502" does not exist', false],
    ['dial tcp: lookup r.invalid: no such host', false],
    ['manifest invalid', false],
  ];
  it.each(rows)('%s: %s', (words, passing) => {
    expect(isPassing({ reference: 'r/a:1', words })).toBe(passing);
  });
});

describe('an immutable tag', () => {
  function isRefused(output: string): boolean {
    const push = failedPush(read(output));
    return push !== undefined && refusedAsImmutable(push);
  }
  it('is known by the words of the registry', () => {
    const words =
      "unexpected status from PUT request to https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/shop/manifests/abc: 400 Bad Request, tag invalid: The image tag 'abc' already exists in the 'shop' repository and cannot be overwritten because the tag is immutable.";
    expect(isRefused(PUSHING.replaceAll('WORDS', words))).toBe(true);
  });
  it('is not known by the words of a program that is built', () => {
    expect(isRefused(FAILING_RUN.replaceAll('hello', 'failed to push x: immutable'))).toBe(false);
  });
});
