import { existsSync, promises } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../model/clock.ts';
import { messageOf } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import { childEnvironment, type Environment } from '../process/environment.ts';
import { CommandNotFound, run } from '../process/run.ts';
import { RegistryError } from './error.ts';
import type { Http, Reply } from './http.ts';
import { short } from './words.ts';

/** With what requests to Amazon's APIs are signed. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  /** As a sentence goes on behind "the AWS credentials from". */
  readonly origin: string;
}

export interface AwsWorld {
  readonly http: Http;
  readonly environment: Environment;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** `aws sso` profiles ask the network; one that waits for a person must not hang the job. */
const PROFILE_TIMEOUT = 30_000;
/** Of addresses that exist inside of Amazon's clouds alone. */
const METADATA_TIMEOUT = 1_000;
const INSTANCE = 'http://169.254.169.254';
/** To these the token of a container may go in clear text: they never leave the machine. */
const CONTAINER_HOSTS = [
  '169.254.170.2',
  '169.254.170.23',
  '[fd00:ec2::23]',
  'localhost',
  '127.0.0.1',
  '[::1]',
];

/**
 * The keys that this job has, sought where AWS's own command seeks them and in its order. The providers of the AWS
 * SDK would weigh 375 KB, a tenth of all that we are; profiles, in which most of that lies (SSO, chains of roles,
 * processes), are left to the command `aws` itself.
 *
 * @param region of the service that answers for a web identity
 * @returns undefined: there are none
 * @throws RegistryError when some are named and can not be had
 */
export async function findAwsKeys(world: AwsWorld, region: string): Promise<AwsKeys | undefined> {
  const keys =
    fromVariables(world.environment) ??
    (await fromWebIdentity(world, region)) ??
    (await fromProfile(world)) ??
    (await fromContainer(world)) ??
    (await fromInstance(world));
  for (const secret of [keys?.secretAccessKey, keys?.sessionToken]) world.log.secret(secret ?? '');
  return keys;
}

function fromVariables(environment: Environment): AwsKeys | undefined {
  const accessKeyId = environment['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = environment['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId || !secretAccessKey) return undefined;
  const sessionToken = environment['AWS_SESSION_TOKEN'] || undefined;
  return { accessKeyId, secretAccessKey, sessionToken, origin: 'AWS_ACCESS_KEY_ID' };
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html; it is not signed. */
async function fromWebIdentity(
  { environment, http, log }: AwsWorld,
  region: string,
): Promise<AwsKeys | undefined> {
  const file = environment['AWS_WEB_IDENTITY_TOKEN_FILE'];
  const role = environment['AWS_ROLE_ARN'];
  if (!file || !role) return undefined;
  const token = (await readNamed(file, 'AWS_WEB_IDENTITY_TOKEN_FILE')).trim();
  log.secret(token);
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const reply = await http.send({
    method: 'POST',
    url: endpointOf(environment, 'STS', `sts.${region}.${suffix}`),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: role,
      RoleSessionName: environment['AWS_ROLE_SESSION_NAME'] || 'steadyship',
      WebIdentityToken: token,
    }).toString(),
  });
  const field = (name: string): string => xmlField(reply, name);
  const origin = `the web identity (AWS_WEB_IDENTITY_TOKEN_FILE) as ${role}`;
  if (reply.status !== 200 || field('SecretAccessKey') === '') {
    throw new RegistryError(
      'unauthorized',
      `AWS gave no credentials for ${origin}: ${refusalIn(reply, field('Message'))}. Check that the role trusts this identity provider and this subject.`,
    );
  }
  return {
    accessKeyId: field('AccessKeyId'),
    secretAccessKey: field('SecretAccessKey'),
    sessionToken: field('SessionToken') || undefined,
    origin,
  };
}

/** https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html */
async function fromProfile({ environment, clock, signal, log }: AwsWorld): Promise<AwsKeys | undefined> {
  const named = environment['AWS_PROFILE'] || environment['AWS_DEFAULT_PROFILE'];
  const home = environment['HOME'] || environment['USERPROFILE'] || '/';
  const files = [
    environment['AWS_CONFIG_FILE'] || join(home, '.aws', 'config'),
    environment['AWS_SHARED_CREDENTIALS_FILE'] || join(home, '.aws', 'credentials'),
  ];
  if (!named && !files.some((file) => existsSync(file))) return undefined;
  const give = (why: string): undefined => {
    if (named) {
      throw new RegistryError(
        'unauthorized',
        `The credentials of the AWS profile "${named}" (AWS_PROFILE) can not be had: ${why}. Mend the profile, or put aws-actions/configure-aws-credentials before this step.`,
      );
    }
    log.debug(`no credentials from the default AWS profile: ${why}`);
    return undefined;
  };
  try {
    const ended = await run(
      {
        file: 'aws',
        args: ['configure', 'export-credentials', '--format', 'process'],
        environment: childEnvironment(environment, ['credential-helper', 'aws']),
        timeout: PROFILE_TIMEOUT,
        ...(signal === undefined ? {} : { signal }),
      },
      clock,
    );
    if (ended.exitCode !== 0) return give(short(ended.stderr) || 'the program aws failed');
    return (
      readKeys(ended.stdout, `the AWS profile "${named || 'default'}"`) ?? give('aws answered with none')
    );
  } catch (error) {
    if (!(error instanceof CommandNotFound)) throw error;
    return give('the program aws, which reads it, is not on PATH');
  }
}

/** ECS, CodeBuild and EKS Pod Identity: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
async function fromContainer({ environment, http }: AwsWorld): Promise<AwsKeys | undefined> {
  const relative = environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const address = relative
    ? `http://169.254.170.2${relative}`
    : environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  if (!address) return undefined;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && !CONTAINER_HOSTS.includes(url.hostname))) {
    throw new RegistryError(
      'unauthorized',
      `AWS_CONTAINER_CREDENTIALS_FULL_URI names "${short(address)}", which is neither https nor on this machine: it was not asked.`,
    );
  }
  const file = environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const authorization = file
    ? (await readNamed(file, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')).trim()
    : environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
  const reply = await http.send({ method: 'GET', url, headers: authorization ? { authorization } : {} });
  const keys =
    reply.status === 200 ? readKeys(reply.body.toString('utf8'), "the container's role") : undefined;
  if (keys !== undefined) return keys;
  throw new RegistryError(
    'unauthorized',
    `The AWS credentials of the container's role can not be had from ${url.host}: ${refusalIn(reply, '')}.`,
  );
}

/** IMDSv2: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html */
async function fromInstance({ environment, http, log }: AwsWorld): Promise<AwsKeys | undefined> {
  if (/^true$/i.test(environment['AWS_EC2_METADATA_DISABLED'] ?? '')) return undefined;
  const base = environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || INSTANCE;
  const ask = (method: 'GET' | 'PUT', path: string, headers: Readonly<Record<string, string>>) =>
    http.send({ method, url: new URL(path, base), headers, once: METADATA_TIMEOUT });
  try {
    const session = await ask('PUT', '/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': '60' });
    if (session.status !== 200) return undefined;
    const headers = { 'x-aws-ec2-metadata-token': session.body.toString('utf8') };
    const folder = '/latest/meta-data/iam/security-credentials/';
    const role = await ask('GET', folder, headers);
    if (role.status !== 200) return undefined;
    const [name = ''] = role.body.toString('utf8').trim().split('\n');
    const reply = await ask('GET', `${folder}${encodeURIComponent(name)}`, headers);
    return reply.status === 200
      ? readKeys(reply.body.toString('utf8'), `the instance's role ${name}`)
      : undefined;
  } catch (error) {
    // On a machine that is none of Amazon's nobody answers there.
    if (!(error instanceof RegistryError)) throw error;
    log.debug(`no EC2 instance metadata: ${error.message}`);
    return undefined;
  }
}

/** The form in which all but STS answer, with `Token` or `SessionToken`. */
function readKeys(text: string, origin: string): AwsKeys | undefined {
  try {
    const json = JSON.parse(text) as Record<string, unknown>;
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = json;
    const sessionToken = json['SessionToken'] ?? json['Token'];
    if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') return undefined;
    return {
      accessKeyId,
      secretAccessKey,
      sessionToken: typeof sessionToken === 'string' ? sessionToken : undefined,
      origin,
    };
  } catch {
    // A parser's message would quote the keys.
    return undefined;
  }
}

/** Where a service answers: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html */
export function endpointOf(environment: Environment, service: string, host: string): URL {
  const own = environment[`AWS_ENDPOINT_URL_${service}`] || environment['AWS_ENDPOINT_URL'];
  const ignored = /^true$/i.test(environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] ?? '');
  return new URL(own && !ignored && URL.canParse(own) ? own : `https://${host}/`);
}

async function readNamed(file: string, variable: string): Promise<string> {
  try {
    return await promises.readFile(file, 'utf8');
  } catch (error) {
    throw new RegistryError(
      'unauthorized',
      `${file}, which ${variable} names, can not be read: ${messageOf(error)}.`,
      {
        cause: error,
      },
    );
  }
}

/** The text of an element that holds nothing but text; empty: there is none. */
export function xmlField({ body }: Reply, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(body.toString('utf8'))?.[1] ?? '';
}

function refusalIn(reply: Reply, words: string): string {
  return words === '' ? `the answer was ${reply.status}` : `"${short(words)}"`;
}
