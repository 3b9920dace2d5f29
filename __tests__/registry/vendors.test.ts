import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseImage } from '../../src/model/image.ts';
import { openRegistry, type Registry } from '../../src/registry/registry.ts';
import { hastyClock, recordingLog } from '../process/fakes.ts';
import { registryError } from './answers.ts';
import { type FrontDoor, openFrontDoor } from './front-door.ts';
import { RECORDED, type Recorded } from './vendors.ts';
import type { Answer } from './wire.ts';

/** What the door answers once the login is in; and how often it was asked. */
let now: { readonly recorded: Recorded; readonly answer: Answer; readonly wrongLogin: boolean };
let asked: number;
let door: FrontDoor;

beforeAll(async () => {
  const hosts = Object.values(RECORDED).map(({ host }) =>
    host === 'docker.io' ? 'registry-1.docker.io' : host,
  );
  door = await openFrontDoor(hosts, (request, response) => {
    asked += 1;
    const {
      status = 200,
      headers = {},
      body = '',
    } = choose(request.url ?? '', request.headers.authorization);
    const here = `https://${request.headers.host}`;
    const own = Object.entries(headers).map(([name, value]) => [name, value.replace('HERE', here)]);
    response.writeHead(status, Object.fromEntries(own));
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
});
afterAll(() => door.close());

function choose(url: string, authorization: string | undefined): Answer {
  const { recorded, answer, wrongLogin } = now;
  if (url.startsWith('/token')) {
    return (wrongLogin ? recorded.wrongLogin : undefined) ?? { body: { token: 'good', expires_in: 300 } };
  }
  return authorization === undefined || wrongLogin ? recorded.challenge : answer;
}

/** The registry behind its door, with a login unless there is to be none. */
function open(recorded: Recorded, answer: Answer, how: 'login' | 'wrong login' | 'no login' = 'login') {
  now = { recorded, answer, wrongLogin: how === 'wrong login' };
  asked = 0;
  const { host, repository } = recorded;
  const registry: Registry = openRegistry({
    logins: how === 'no login' ? [] : [{ registry: host, username: 'ada', password: 's3cr3t' }],
    environment: {
      HTTPS_PROXY: door.proxy,
      AWS_EC2_METADATA_DISABLED: 'true',
      DOCKER_CONFIG: '/nonexistent',
    },
    log: recordingLog(),
    clock: hastyClock(),
    random: () => 0.5,
  });
  onTestFinished(() => registry.close());
  return { registry, image: parseImage(`${host}/${repository}:v1`).image };
}

describe.each(Object.entries(RECORDED))('%s', (_, recorded) => {
  it('401 without a login says how to get one', async () => {
    const { registry, image } = open(recorded, recorded.challenge, 'no login');
    const error = await registryError(() => registry.checkPush(image));
    expect([error.failure, error.message]).toMatchSnapshot();
  });
  it('401 to a wrong login says what a right one looks like', async () => {
    const { registry, image } = open(recorded, {}, 'wrong login');
    const error = await registryError(() => registry.checkPush(image));
    expect([error.failure, error.message]).toMatchSnapshot();
  });
  it('403 says which right is missing, and is not asked for again and again', async () => {
    const { registry, image } = open(recorded, recorded.denied);
    const error = await registryError(() => registry.checkPush(image));
    expect([error.failure, error.message]).toMatchSnapshot();
    // The first question, the token's, the second question; a basic login needs no token.
    expect(asked).toBe(recorded.wrongLogin === undefined ? 2 : 3);
  });
  it('404 is absence', async () => {
    const { registry, image } = open(recorded, recorded.absent);
    expect(await registry.resolve(image)).toEqual({ exists: false });
    expect(await registry.digestOf(image)).toBeUndefined();
  });
  const { missing } = recorded;
  // Elsewhere the push itself makes the repository.
  if (missing !== undefined) {
    it('404 to a push says how the repository is made', async () => {
      const { registry, image } = open(recorded, missing);
      const error = await registryError(() => registry.checkPush(image));
      expect([error.failure, error.message]).toMatchSnapshot();
    });
  }
  it('429 is neither absence nor a refusal', async () => {
    const { registry, image } = open(recorded, recorded.tooMany);
    const error = await registryError(() => registry.resolve(image));
    expect([error.failure, error.message]).toMatchSnapshot();
  });
});
