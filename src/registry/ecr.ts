import { AwsV4Signer } from 'aws4fetch';
import { type ImageName, repositoryName } from '../model/image.ts';
import { type AwsKeys, type AwsWorld, endpointOf, findAwsKeys, xmlField } from './aws-credentials.ts';
import type { EcrHost } from './ecr-host.ts';
import { RegistryError } from './error.ts';
import type { Reply } from './http.ts';
import { short, wordsOf } from './words.ts';

/** A login of docker's that Amazon gave for AWS credentials; good for twelve hours. */
export interface EcrLogin {
  readonly username: string;
  readonly password: string;
  readonly origin: string;
}

const TARGETS = { ecr: 'AmazonEC2ContainerRegistry_V20150921', 'ecr-public': 'SpencerFrontendService' };

/**
 * Trades the job's AWS credentials for a login: one call to Amazon's API, signed by aws4fetch (6 KB; the SDK's client
 * for it has 480).
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 *
 * @param given keys that the inputs name; undefined: those of the environment
 * @returns undefined: the job has no AWS credentials
 */
export async function ecrLogin(
  world: AwsWorld,
  host: EcrHost,
  given?: AwsKeys,
): Promise<EcrLogin | undefined> {
  const keys = given ?? (await findAwsKeys(world, host.region));
  if (keys === undefined) return undefined;
  const reply = await call(world, host, keys, 'GetAuthorizationToken', {});
  const name = host.account ?? 'public.ecr.aws';
  if (reply.status !== 200) {
    throw new RegistryError(
      'unauthorized',
      `Amazon ECR gave no login for ${name} with the AWS credentials from ${keys.origin}${quoted(reply)}. ${loginAdvice(reply, host)}`,
    );
  }
  const { authorizationData } = objectIn(reply);
  const [data] = [authorizationData].flat() as readonly (Record<string, unknown> | undefined)[];
  const token = data?.['authorizationToken'];
  const [username = '', ...rest] = Buffer.from(typeof token === 'string' ? token : '', 'base64')
    .toString('utf8')
    .split(':');
  const password = rest.join(':');
  if (password === '') {
    throw new RegistryError('invalid', `Amazon ECR's answer for ${name} holds no login. Run the job again.`);
  }
  return { username, password, origin: `the AWS credentials from ${keys.origin}` };
}

/**
 * Makes the repository of an image; one that is there already is well too.
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
 */
export async function createEcrRepository(
  world: AwsWorld,
  host: EcrHost,
  image: ImageName,
  given?: AwsKeys,
): Promise<void> {
  const keys = given ?? (await findAwsKeys(world, host.region));
  const what = `The repository ${repositoryName(image)} does not exist and could not be created`;
  if (keys === undefined) {
    throw new RegistryError(
      'missing-repository',
      `${what} (\`create-repository\`): the job has no AWS credentials. Put aws-actions/configure-aws-credentials before this step.`,
    );
  }
  // A public repository is named below its registry's alias, which is the account's own.
  const repository =
    host.service === 'ecr' ? image.repository : image.repository.split('/').slice(1).join('/');
  const reply = await call(world, host, keys, 'CreateRepository', {
    repositoryName: repository,
    ...(host.account === undefined ? {} : { registryId: host.account }),
  });
  if (reply.status === 200 || typeOf(reply) === 'RepositoryAlreadyExistsException') return;
  throw new RegistryError(
    'missing-repository',
    `${what} with the AWS credentials from ${keys.origin}${quoted(reply)}. Allow ${host.service}:CreateRepository to them, or create it by hand.`,
  );
}

async function call(
  { http, environment }: AwsWorld,
  host: EcrHost,
  keys: AwsKeys,
  action: string,
  payload: object,
): Promise<Reply> {
  const variable = host.service === 'ecr' ? 'ECR' : 'ECR_PUBLIC';
  const url = endpointOf(environment, variable, host.api);
  const body = JSON.stringify(payload);
  const signed = await new AwsV4Signer({
    method: 'POST',
    url: url.href,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${TARGETS[host.service]}.${action}`,
    },
    body,
    accessKeyId: keys.accessKeyId,
    secretAccessKey: keys.secretAccessKey,
    ...(keys.sessionToken === undefined ? {} : { sessionToken: keys.sessionToken }),
    service: host.service,
    region: host.region,
  }).sign();
  return await http.send({
    method: 'POST',
    url,
    headers: Object.fromEntries(signed.headers),
    body,
    // Amazon says "too many" with status 400.
    isPassing: (reply) => /^(Throttl|TooManyRequests|RequestLimitExceeded)/.test(typeOf(reply)),
  });
}

function loginAdvice(reply: Reply, host: EcrHost): string {
  const type = typeOf(reply);
  if (type === 'AccessDeniedException' || type === 'AccessDenied') {
    const more = host.service === 'ecr' ? '' : ' and sts:GetServiceBearerToken';
    return `Allow ${host.service}:GetAuthorizationToken${more} to them, on the resource "*".`;
  }
  if (
    /^(ExpiredToken|UnrecognizedClient|InvalidSignature|InvalidClientTokenId|SignatureDoesNotMatch)/.test(
      type,
    )
  ) {
    return 'They are wrong or have expired: renew them, best by aws-actions/configure-aws-credentials in a step before this one.';
  }
  return 'Check them, and the region in the name of the registry.';
}

/** `com.amazonaws…#AccessDeniedException`, the first part on some endpoints only; stand-ins of the API speak XML. */
function typeOf(reply: Reply): string {
  const type = objectIn(reply)['__type'];
  return typeof type === 'string' ? (type.split('#').at(-1) ?? '') : xmlField(reply, 'Code');
}

function objectIn({ body }: Reply): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    // A parser's message would quote the token.
    return {};
  }
}

function quoted(reply: Reply): string {
  const words = short(wordsOf(reply.body) || xmlField(reply, 'Message'));
  return words === '' ? ` (${reply.status} ${typeOf(reply)})` : `: "${words}"`;
}
