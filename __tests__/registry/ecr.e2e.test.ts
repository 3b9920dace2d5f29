import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { request as sendRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseImage } from '../../src/model/image.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { startRegistry } from '../cluster/registry.ts';
import { realClock, recordingLog } from '../process/fakes.ts';
import { registryError } from './answers.ts';
import { openFrontDoor } from './front-door.ts';
import { type Moto, startMoto } from './moto.ts';

/**
 * The whole way with Amazon's own names: a real registry that takes the login which moto gives, behind TLS and a proxy
 * that leads those names to this machine; moto checks the signatures.
 */

const HOST = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const moto = await startMoto();
const folder = mkdtempSync(join(tmpdir(), 'steadyship-ecr-'));
const closers: (() => Promise<unknown> | unknown)[] = [
  () => rmSync(folder, { recursive: true, force: true }),
];
const keys = { ship: {} as Record<string, string>, nobody: {} as Record<string, string> };
let proxy: string;
/** The repositories that the front door lets through, each after so many refusals. */
const known = new Map<string, number>();

afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

beforeAll(async () => {
  if (moto === undefined) return;
  closers.push(() => moto.stop());
  keys.ship = await user(moto, 'ship', ['ecr:GetAuthorizationToken', 'ecr:CreateRepository']);
  keys.nobody = await user(moto, 'nobody', ['s3:GetObject']);
  await moto.checkSignatures();
  mkdirSync(join(folder, 'registry'));
  const login = { user: 'AWS', password: '123456789012-auth-token' };
  const behind = await startRegistry({ dir: join(folder, 'registry'), htpasswd: login });
  closers.push(() => behind.stop());
  const front = await openFrontDoor([HOST], (request, response) => {
    const repository = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(request.url ?? '')?.[1] ?? '';
    const [hostname, port] = behind.host.split(':');
    const asked = { hostname, port, method: request.method, path: request.url };
    const outgoing = sendRequest(
      { ...asked, headers: { ...request.headers, host: HOST, 'x-forwarded-proto': 'https' } },
      (answer) => {
        const refusals = known.get(repository) ?? Number.POSITIVE_INFINITY;
        if (answer.statusCode !== 401 && refusals > 0) {
          known.set(repository, refusals - 1);
          answer.resume();
          const message = `The repository with name '${repository}' does not exist in the registry with id '123456789012'`;
          response.writeHead(404, { 'content-type': 'application/json; charset=utf-8' });
          response.end(JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN', message }] }));
          return;
        }
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(outgoing);
  });
  proxy = front.proxy;
  closers.push(() => front.close());
});

/** A user of the account, who may do this; answers the variables with the keys. */
async function user(from: Moto, name: string, actions: readonly string[]): Promise<Record<string, string>> {
  await from.form({ Action: 'CreateUser', UserName: name });
  const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] };
  await from.form({
    Action: 'PutUserPolicy',
    UserName: name,
    PolicyName: name,
    PolicyDocument: JSON.stringify(policy),
  });
  const made = await from.form({ Action: 'CreateAccessKey', UserName: name });
  const field = (tag: string): string => new RegExp(`<${tag}>([^<]*)<`).exec(made)?.[1] ?? '';
  return { AWS_ACCESS_KEY_ID: field('AccessKeyId'), AWS_SECRET_ACCESS_KEY: field('SecretAccessKey') };
}

function open(environment: Readonly<Record<string, string>>, createRepository = false) {
  const log = recordingLog();
  const registry = openRegistry({
    logins: [],
    environment: {
      HTTPS_PROXY: proxy,
      AWS_ENDPOINT_URL: moto?.url,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...environment,
    },
    log,
    clock: realClock,
    createRepository,
  });
  onTestFinished(() => registry.close());
  return { registry, log };
}

const image = (repository: string) => parseImage(`${HOST}/${repository}`).image;

describe.skipIf(moto === undefined)('Amazon ECR', () => {
  it("gives a login for the job's AWS credentials, which opens the registry and is masked", async () => {
    known.set('shop', 0);
    const { registry, log } = open(keys.ship);
    await registry.checkPush(image('shop'));
    expect(log.secrets).toEqual(
      expect.arrayContaining([keys.ship['AWS_SECRET_ACCESS_KEY'], '123456789012-auth-token']),
    );
    expect(log.secrets).not.toContain(HOST);
    expect(await registry.logins([HOST])).toEqual([
      {
        registry: HOST,
        username: 'AWS',
        password: '123456789012-auth-token',
        origin: 'the AWS credentials from AWS_ACCESS_KEY_ID',
      },
    ]);
  });
  it('refuses keys that are wrong', async () => {
    const wrong = { ...keys.ship, AWS_SECRET_ACCESS_KEY: 'wrong' };
    const error = await registryError(() => open(wrong).registry.checkPush(image('shop')));
    expect(error.message).toMatch(
      /^Amazon ECR gave no login for 123456789012 with the AWS credentials from AWS_ACCESS_KEY_ID: ".+"\. They are wrong or have expired: renew them, best by aws-actions\/configure-aws-credentials in a step before this one\.$/,
    );
  });
  it('refuses a user who may not, and says which right is missing', async () => {
    const error = await registryError(() => open(keys.nobody).registry.checkPush(image('shop')));
    expect(error.message).toBe(
      'Amazon ECR gave no login for 123456789012 with the AWS credentials from AWS_ACCESS_KEY_ID: "User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: ecr:GetAuthorizationToken". Allow ecr:GetAuthorizationToken to them, on the resource "*".',
    );
  });
  it('says how to get a repository that is missing', async () => {
    const error = await registryError(() => open(keys.ship).registry.checkPush(image('team/new')));
    expect([error.failure, error.message]).toEqual([
      'missing-repository',
      `${HOST} has no repository "team/new", and makes none by a push. Set \`create-repository: true\`, or create it first: aws ecr create-repository --repository-name team/new --region eu-central-1.`,
    ]);
  });
  it('makes it when that is asked for, and one that is there already is well too', async () => {
    const { registry, log } = open(keys.ship, true);
    // The front door learns of it late, as Amazon's does.
    known.set('team/new', 2);
    await registry.checkPush(image('team/new'));
    expect(log.lines).toEqual([`Created the repository ${HOST}/team/new (\`create-repository\`)`]);
    expect(await moto?.repositories('eu-central-1')).toEqual(['team/new']);
    known.set('team/new', 2);
    await open(keys.ship, true).registry.checkPush(image('team/new'));
    expect(await moto?.repositories('eu-central-1')).toEqual(['team/new']);
  });
});
