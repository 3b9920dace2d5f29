import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findAwsKeys } from '../../src/registry/aws-credentials.ts';
import { ecrLogin } from '../../src/registry/ecr.ts';
import { ecrHostOf } from '../../src/registry/ecr-host.ts';
import { Http } from '../../src/registry/http.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { hastyClock, realClock, recordingLog, temporaryFolder } from '../process/fakes.ts';
import { registryError } from './answers.ts';
import { type Answer, type Asked, wire } from './wire.ts';

const HOST = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';

function world(environment: Readonly<Record<string, string>>) {
  const clock = realClock;
  const http = new Http({ environment, clock: hastyClock(), random: () => 0.5 });
  onTestFinished(() => http.close());
  const log = recordingLog();
  // No machine's own profile, and no cloud's address.
  const quiet = { HOME: temporaryFolder(), AWS_EC2_METADATA_DISABLED: 'true', ...environment };
  return { http, environment: quiet, log, clock };
}

const keys = (environment: Readonly<Record<string, string>>) =>
  findAwsKeys(world(environment), 'eu-central-1');

describe('whose registry a host is', () => {
  it.each([
    [HOST, 'ecr', 'eu-central-1', 'api.ecr.eu-central-1.amazonaws.com'],
    [
      '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
      'ecr',
      'cn-north-1',
      'api.ecr.cn-north-1.amazonaws.com.cn',
    ],
    [
      '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
      'ecr',
      'us-gov-west-1',
      'ecr-fips.us-gov-west-1.amazonaws.com',
    ],
    ['123456789012.dkr-ecr.eu-west-1.on.aws', 'ecr', 'eu-west-1', 'ecr.eu-west-1.api.aws'],
    ['public.ecr.aws', 'ecr-public', 'us-east-1', 'api.ecr-public.us-east-1.amazonaws.com'],
  ])('%s', (host, service, region, api) => {
    expect(ecrHostOf(host)).toMatchObject({ service, region, api });
  });
  it.each([
    'ghcr.io',
    '12345.dkr.ecr.eu-central-1.amazonaws.com',
    `${HOST}.example.com`,
    `evil-${HOST}`,
    'private.ecr.aws',
  ])('%s is none of Amazon', (host) => {
    expect(ecrHostOf(host)).toBeUndefined();
  });
});

describe('AWS credentials', () => {
  const variables = {
    AWS_ACCESS_KEY_ID: 'AKIA1',
    AWS_SECRET_ACCESS_KEY: 's3cr3t',
    AWS_SESSION_TOKEN: 't0k3n',
  };

  it('of the variables come first, and are masked', async () => {
    const one = world({ ...variables, AWS_PROFILE: 'other', AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://x' });
    expect(await findAwsKeys(one, 'eu-central-1')).toEqual({
      accessKeyId: 'AKIA1',
      secretAccessKey: 's3cr3t',
      sessionToken: 't0k3n',
      origin: 'AWS_ACCESS_KEY_ID',
    });
    expect(one.log.secrets).toEqual(expect.arrayContaining(['s3cr3t', 't0k3n']));
  });
  it('are nowhere', async () => {
    expect(await keys({})).toBeUndefined();
  });

  async function identity(answer: Answer) {
    const token = join(temporaryFolder(), 'token');
    writeFileSync(token, 'jwt\n');
    const sts = await wire(() => answer);
    const environment = {
      AWS_WEB_IDENTITY_TOKEN_FILE: token,
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/ship',
      AWS_ENDPOINT_URL_STS: `http://${sts.host}`,
    };
    return { environment, asked: sts.asked };
  }
  it('of a web identity are asked of STS, unsigned', async () => {
    const xml =
      '<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>a/b+c=</SecretAccessKey><SessionToken>long==</SessionToken></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>';
    const { environment, asked } = await identity({ body: xml });
    expect(await keys(environment)).toMatchObject({
      accessKeyId: 'ASIA2',
      secretAccessKey: 'a/b+c=',
      sessionToken: 'long==',
    });
    expect(asked).toMatchObject([
      {
        authorization: undefined,
        body: 'Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fship&RoleSessionName=steadyship&WebIdentityToken=jwt',
      },
    ]);
  });
  it('of a web identity that the role does not trust', async () => {
    const { environment } = await identity({
      status: 403,
      body: '<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>',
    });
    expect((await registryError(() => keys(environment))).message).toBe(
      'AWS gave no credentials for the web identity (AWS_WEB_IDENTITY_TOKEN_FILE) as arn:aws:iam::123456789012:role/ship: "Not authorized to perform sts:AssumeRoleWithWebIdentity". Check that the role trusts this identity provider and this subject.',
    );
  });
  it('of a container, with its token', async () => {
    const service = await wire(() => ({ body: { AccessKeyId: 'ASIA3', SecretAccessKey: 's', Token: 't' } }));
    const environment = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${service.host}/creds`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Bearer x',
    };
    expect(await keys(environment)).toMatchObject({ accessKeyId: 'ASIA3', sessionToken: 't' });
    expect(service.asked).toMatchObject([{ url: '/creds', authorization: 'Bearer x' }]);
  });
  it('of a container are not asked of a stranger in clear text', async () => {
    const environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/creds' };
    expect((await registryError(() => keys(environment))).message).toBe(
      'AWS_CONTAINER_CREDENTIALS_FULL_URI names "http://example.com/creds", which is neither https nor on this machine: it was not asked.',
    );
  });
  it('of an instance, by a session', async () => {
    const imds = await wire(({ method, url }) => {
      if (method === 'PUT') return { body: 'session' };
      return url.endsWith('/')
        ? { body: 'runner-role\n' }
        : { body: { AccessKeyId: 'ASIA4', SecretAccessKey: 's', Token: 't' } };
    });
    const environment = {
      AWS_EC2_METADATA_DISABLED: 'false',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${imds.host}`,
    };
    expect(await keys(environment)).toMatchObject({
      accessKeyId: 'ASIA4',
      origin: "the instance's role runner-role",
    });
    expect(imds.asked.map(({ method, url }) => [method, url])).toEqual([
      ['PUT', '/latest/api/token'],
      ['GET', '/latest/meta-data/iam/security-credentials/'],
      ['GET', '/latest/meta-data/iam/security-credentials/runner-role'],
    ]);
  });
  it("of another cloud's instance are none, and it is asked once", async () => {
    const azure = await wire(() => ({ status: 500 }));
    const environment = {
      AWS_EC2_METADATA_DISABLED: 'false',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${azure.host}`,
    };
    expect(await keys(environment)).toBeUndefined();
    expect(azure.asked).toHaveLength(1);
  });

  function profile(script: string): Record<string, string> {
    const bin = temporaryFolder();
    writeFileSync(join(bin, 'aws'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, 'aws'), 0o755);
    return { PATH: `${bin}:/bin:/usr/bin`, AWS_PROFILE: 'ship', INPUT_PASSWORD: 'p' };
  }
  it("of a profile are asked of AWS's own command", async () => {
    const script =
      'echo "{\\"Version\\":1,\\"AccessKeyId\\":\\"$AWS_PROFILE\\",\\"SecretAccessKey\\":\\"$*$INPUT_PASSWORD\\"}"';
    expect(await keys(profile(script))).toEqual({
      accessKeyId: 'ship',
      secretAccessKey: 'configure export-credentials --format process',
      sessionToken: undefined,
      origin: 'the AWS profile "ship"',
    });
  });
  it('of a profile that can not be read', async () => {
    const environment = profile('echo "The SSO session has expired" >&2; exit 255');
    expect((await registryError(() => keys(environment))).message).toBe(
      'The credentials of the AWS profile "ship" (AWS_PROFILE) can not be had: The SSO session has expired. Mend the profile, or put aws-actions/configure-aws-credentials before this step.',
    );
  });
});

describe('the login that Amazon gives for them', () => {
  const given = { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 's' };
  const data = { authorizationToken: Buffer.from('AWS:pa:ss').toString('base64') };

  async function ask(host: string, answer: (asked: Asked, count: number) => Answer) {
    const api = await wire(answer);
    const one = world({ ...given, AWS_ENDPOINT_URL: `http://${api.host}` });
    const ecr = ecrHostOf(host);
    if (ecr === undefined) throw new Error(`${host} is not Amazon's.`);
    return { result: ecrLogin(one, ecr), asked: api.asked };
  }

  it('for a private registry', async () => {
    const { result, asked } = await ask(HOST, () => ({ body: { authorizationData: [data] } }));
    expect(await result).toMatchObject({ username: 'AWS', password: 'pa:ss' });
    expect(asked[0]?.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIA1\/\d{8}\/eu-central-1\/ecr\/aws4_request, SignedHeaders=[^,]*x-amz-target[^,]*, Signature=[0-9a-f]{64}$/,
    );
  });
  it('for the public registry, of its one region', async () => {
    const { result, asked } = await ask('public.ecr.aws', () => ({ body: { authorizationData: data } }));
    expect(await result).toMatchObject({ username: 'AWS', password: 'pa:ss' });
    expect(asked[0]?.authorization).toContain('/us-east-1/ecr-public/aws4_request');
  });
  it('is asked for again when there were too many, and only then', async () => {
    const busy: Answer = { status: 400, body: { __type: 'ThrottlingException', message: 'Rate exceeded' } };
    const { result, asked } = await ask(HOST, (_, count) =>
      count === 1 ? busy : { body: { authorizationData: [data] } },
    );
    expect(await result).toMatchObject({ username: 'AWS' });
    expect(asked).toHaveLength(2);
    const expired = {
      __type: 'ExpiredTokenException',
      message: 'The security token included in the request is expired',
    };
    const other = await ask(HOST, () => ({ status: 400, body: expired }));
    expect((await registryError(() => other.result)).message).toBe(
      'Amazon ECR gave no login for 123456789012 with the AWS credentials from AWS_ACCESS_KEY_ID: "The security token included in the request is expired". They are wrong or have expired: renew them, best by aws-actions/configure-aws-credentials in a step before this one.',
    );
    expect(other.asked).toHaveLength(1);
  });

  const fresh = Buffer.from(JSON.stringify({ expiration: 1_999_999_999 })).toString('base64');
  const spent = Buffer.from(JSON.stringify({ expiration: 1_500_000_000 })).toString('base64');
  it.each([
    ['that is there already is taken', fresh, []],
    ['that has ended is not', spent, [{ registry: HOST, username: 'AWS', password: 'pa:ss' }]],
  ])('%s', async (_, password, logins) => {
    const api = await wire(() => ({ body: { authorizationData: [data] } }));
    const auth = Buffer.from(`AWS:${password}`).toString('base64');
    const registry = openRegistry({
      logins: [],
      environment: {
        ...given,
        AWS_ENDPOINT_URL: `http://${api.host}`,
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [HOST]: { auth } } }),
      },
      log: recordingLog(),
      clock: hastyClock(),
    });
    onTestFinished(() => registry.close());
    expect(await registry.logins([HOST, 'ghcr.io'])).toMatchObject(logins);
    expect(api.asked).toHaveLength(logins.length);
  });

  it('for several accounts is one trade, and keys may come by the inputs', async () => {
    const api = await wire(() => ({ body: { authorizationData: [data] } }));
    const registry = openRegistry({
      logins: [{ registry: HOST, username: 'AKIAIOSFODNN7EXAMPLE', password: 's' }],
      environment: { AWS_ENDPOINT_URL: `http://${api.host}`, AWS_ACCOUNT_IDS: '210987654321,123456789012' },
      log: recordingLog(),
      clock: hastyClock(),
    });
    onTestFinished(() => registry.close());
    const logins = await registry.logins([HOST]);
    expect(logins).toMatchObject([
      { registry: HOST, username: 'AWS', password: 'pa:ss' },
      { registry: HOST.replace('123456789012', '210987654321'), username: 'AWS', password: 'pa:ss' },
    ]);
    expect(api.asked).toHaveLength(1);
  });
});
