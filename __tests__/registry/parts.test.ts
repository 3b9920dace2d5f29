import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addressOf } from '../../src/registry/address.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { Credentials } from '../../src/registry/credentials.ts';
import { Http } from '../../src/registry/http.ts';
import { platformsLost } from '../../src/registry/manifest.ts';
import { accessDenied, loginRefused, missingRepository, wordsOf } from '../../src/registry/words.ts';
import { failureOf, realClock, recordingLog, temporaryFolder } from '../process/fakes.ts';

describe('a challenge', () => {
  const rows: readonly [header: string, challenges: object[]][] = [
    [
      'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull,push"',
      [
        {
          scheme: 'bearer',
          parameters: {
            realm: 'https://ghcr.io/token',
            service: 'ghcr.io',
            scope: 'repository:a/b:pull,push',
          },
        },
      ],
    ],
    ['Basic realm="x"', [{ scheme: 'basic', parameters: { realm: 'x' } }]],
    [
      'BEARER Realm = https://r/t , Basic realm="a \\"b\\""',
      [
        { scheme: 'bearer', parameters: { realm: 'https://r/t' } },
        { scheme: 'basic', parameters: { realm: 'a "b"' } },
      ],
    ],
    [
      'Negotiate, Basic realm="x"',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    ],
    ['', []],
  ];
  it.each(rows)('%s', (header, challenges) => {
    expect(parseChallenges(header)).toEqual(challenges);
  });
});

describe('a registry answers at', () => {
  it.each([
    ['docker.io', 'https://registry-1.docker.io/'],
    ['ghcr.io', 'https://ghcr.io/'],
    ['10.0.0.5:5000', 'https://10.0.0.5:5000/'],
    ['localhost:5000', 'http://localhost:5000/'],
    ['127.0.0.2:5000', 'http://127.0.0.2:5000/'],
    ['[::1]:5000', 'http://[::1]:5000/'],
    ['localhost', 'http://localhost/'],
    ['localhost:443', 'https://localhost/'],
    ['127.0.0.1.example.com', 'https://127.0.0.1.example.com/'],
  ])('%s: %s', (registry, url) => {
    expect(addressOf(registry).href).toBe(url);
  });
});

describe('platforms that are lost', () => {
  const amd64 = { os: 'linux', architecture: 'amd64' };
  const arm64 = { os: 'linux', architecture: 'arm64' };
  const armv7 = { os: 'linux', architecture: 'arm', variant: 'v7' };
  it.each([
    ['none when all are there', [amd64, arm64], [arm64, amd64, armv7], []],
    ['the one that is not built any more', [amd64, arm64, armv7], [amd64], ['linux/arm/v7', 'linux/arm64']],
    ['none when the old image names none', [], [amd64], []],
    ['none when the new image names none', [amd64], [], []],
  ])('%s', (_, old, fresh, lost) => {
    expect(platformsLost(old, fresh)).toEqual(lost);
  });
});

describe('ghcr.io', () => {
  const image = { registry: 'ghcr.io', repository: 'acme/shop', tag: 'v1' };
  const login = { username: 'octocat', origin: 'the inputs username and password' };
  it('that refuses the token says which one it takes', () => {
    expect(loginRefused({ image, action: 'push', login, words: 'denied' })).toBe(
      `ghcr.io refused the login as "octocat" from the inputs username and password: "denied". For ghcr.io the job's own token does: username \${{ github.actor }} and password \${{ github.token }}.`,
    );
  });
  it('that hides a package says how to read it', () => {
    expect(accessDenied({ image, action: 'pull', login, words: 'denied' })).toBe(
      'ghcr.io refused to show ghcr.io/acme/shop:v1 to "octocat": "denied". Give the job `permissions: {packages: read}`; when the package belongs to another repository, open the settings of the package shop of acme, and under "Manage Actions access" add this repository with the role Read.',
    );
  });
});

it('a repository that is missing in ECR comes with the command that makes it', () => {
  const name = { registry: '123456789012.dkr.ecr.eu-west-1.amazonaws.com', repository: 'shop' };
  expect(missingRepository(name)).toBe(
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com has no repository "shop", and makes none by a push. Set `create-repository: true`, or create it first: aws ecr create-repository --repository-name shop --region eu-west-1.',
  );
});

describe('the words of an error', () => {
  it.each([
    ['{"errors":[{"code":"DENIED","message":"no"}]}', 'no'],
    ['{"errors":[{"code":"DENIED"}]}', 'DENIED'],
    ['{"details":"incorrect username or password"}', 'incorrect username or password'],
    ['<html>502</html>', ''],
    ['null', ''],
    ['', ''],
  ])('%s', (body, words) => {
    expect(wordsOf(Buffer.from(body))).toBe(words);
  });
  it('stand on one line', () => {
    expect(
      accessDenied({
        image: { registry: 'r.io', repository: 'a' },
        action: 'pull',
        login: undefined,
        words: 'a\n::error::b\u001b[0m',
      }),
    ).toBe(
      'r.io refused to show r.io/a without a login: "a ::error::b [0m". Set the inputs username and password.',
    );
  });
});

describe('the login of a registry', () => {
  /** A real credential helper, in the shell. */
  function setUp(
    config: object,
    helper = '',
    logins: { registry: string; username: string; password: string }[] = [],
  ) {
    const home = temporaryFolder();
    writeFileSync(join(home, 'config.json'), JSON.stringify(config));
    if (helper !== '')
      writeFileSync(join(home, 'docker-credential-test'), `#!/bin/sh\n${helper}\n`, { mode: 0o755 });
    const log = recordingLog();
    const environment = { PATH: `${home}:${process.env['PATH']}`, DOCKER_CONFIG: home, INPUT_PASSWORD: 'p' };
    const http = new Http({ environment, clock: realClock });
    onTestFinished(() => http.close());
    return { credentials: new Credentials({ logins, environment, log, clock: realClock, http }), log, home };
  }
  const says = `read host; echo "{\\"ServerURL\\":\\"$host\\",\\"Username\\":\\"$host\\",\\"Secret\\":\\"s3cr3t$INPUT_PASSWORD\\"}"`;

  it("is the input's before docker's", async () => {
    const { credentials } = setUp({ credsStore: 'test' }, says, [
      { registry: 'ghcr.io', username: 'a', password: 'b' },
    ]);
    expect(await credentials.find('ghcr.io')).toMatchObject({ username: 'a', password: 'b' });
  });
  it('comes from a helper, which sees no secret of the step', async () => {
    const { credentials, log, home } = setUp({ credHelpers: { 'ghcr.io': 'test' } }, says);
    expect(await credentials.find('ghcr.io')).toEqual({
      kind: 'password',
      username: 'ghcr.io',
      password: 's3cr3t',
      origin: `docker-credential-test, named in ${join(home, 'config.json')}`,
    });
    expect(log.secrets).toEqual(['s3cr3t', Buffer.from('ghcr.io:s3cr3t').toString('base64')]);
    expect(await credentials.find('quay.io')).toBeUndefined();
  });
  it('of Docker Hub is asked for by its old address', async () => {
    const { credentials } = setUp({ credsStore: 'test' }, says);
    expect(await credentials.find('docker.io')).toMatchObject({ username: 'https://index.docker.io/v1/' });
  });
  it('may be a refresh token', async () => {
    const { credentials } = setUp({ credsStore: 'test' }, `echo '{"Username":"<token>","Secret":"t"}'`);
    expect(await credentials.find('x.azurecr.io')).toMatchObject({ kind: 'refresh-token', token: 't' });
  });
  it('that the helper does not have is none', async () => {
    const { credentials } = setUp(
      { credsStore: 'test' },
      'echo "credentials not found in native keychain"; exit 1',
    );
    expect(await credentials.find('ghcr.io')).toBeUndefined();
  });
  it('of a helper that fails is told with its words', async () => {
    const { credentials, home } = setUp({ credsStore: 'test' }, 'echo "no session" >&2; exit 1');
    expect((await failureOf(() => credentials.find('ghcr.io'))).message).toBe(
      `The credential helper of ghcr.io (docker-credential-test, named in ${home}/config.json) failed: "no session". Mend it, or set the inputs username and password.`,
    );
  });
  it('of a helper that is missing is told', async () => {
    const { credentials, home } = setUp({ credsStore: 'gone' });
    expect((await failureOf(() => credentials.find('ghcr.io'))).message).toBe(
      `The login of ghcr.io is kept by docker-credential-gone, named in ${home}/config.json, and that program is not on PATH. Install it, or set the inputs username and password.`,
    );
  });
  it('of a helper that speaks nonsense is told without it', async () => {
    const { credentials, home } = setUp({ credsStore: 'test' }, 'echo s3cr3t');
    expect((await failureOf(() => credentials.find('ghcr.io'))).message).toBe(
      `The credential helper of ghcr.io (docker-credential-test, named in ${home}/config.json) answered with something that is no login. Mend it, or set the inputs username and password.`,
    );
  });
  it("is in docker's file, under whatever form of the name", async () => {
    const auth = Buffer.from('u:p:w').toString('base64');
    const { credentials } = setUp({ auths: { 'https://ghcr.io/v1/': { auth }, 'quay.io': {} } });
    expect(await credentials.find('ghcr.io')).toMatchObject({ username: 'u', password: 'p:w' });
    expect(await credentials.find('quay.io')).toBeUndefined();
    expect(await credentials.find('io')).toBeUndefined();
  });
});
