/**
 * What each registry answers when it refuses, in its own form: status, headers and body as its documentation gives
 * them or as users pasted them into public reports. Names are made up.
 */
import type { Answer } from './wire.ts';

export interface Recorded {
  readonly host: string;
  readonly repository: string;
  /** To the first request, which has no token yet. */
  readonly challenge: Answer;
  /** Of the token service to a wrong login; absent: the login is sent to the registry itself, which says 401 again. */
  readonly wrongLogin?: Answer;
  /** To a push that this login may not do. */
  readonly denied: Answer;
  /** To a question about an image that is not there. */
  readonly absent: Answer;
  /** To a push into a repository that has to be made first; absent: the push makes it. */
  readonly missing?: Answer;
  readonly tooMany: Answer;
}

const error = (
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: { errors: [{ code, message }] },
});

/** `HERE` is where the test's token service answers. */
const bearer = (service: string, repository: string, message = 'authentication required'): Answer =>
  error(401, 'UNAUTHORIZED', message, {
    'www-authenticate': `Bearer realm="HERE/token",service="${service}",scope="repository:${repository}:pull,push"`,
  });

export const RECORDED: Readonly<Record<string, Recorded>> = {
  'Docker Hub': {
    host: 'docker.io',
    repository: 'acme/shop',
    challenge: bearer('registry.docker.io', 'acme/shop'),
    wrongLogin: { status: 401, body: { details: 'incorrect username or password' } },
    denied: error(401, 'UNAUTHORIZED', 'access token has insufficient scopes'),
    absent: error(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
    tooMany: error(
      429,
      'TOOMANYREQUESTS',
      'You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit',
      { 'retry-after': '21600' },
    ),
  },
  'ghcr.io': {
    host: 'ghcr.io',
    repository: 'acme/shop',
    challenge: bearer('ghcr.io', 'acme/shop'),
    wrongLogin: error(403, 'DENIED', 'denied'),
    denied: error(403, 'DENIED', 'permission_denied: write_package'),
    absent: error(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
    tooMany: error(429, 'TOOMANYREQUESTS', 'retry-after: 812.46µs, allowed: 44000/minute', {
      'retry-after': '60',
    }),
  },
  'Amazon ECR': {
    host: '123456789012.dkr.ecr.eu-central-1.amazonaws.com',
    repository: 'shop',
    challenge: {
      status: 401,
      headers: {
        'www-authenticate':
          'Basic realm="https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com"',
      },
      body: 'Not Authorized\n',
    },
    denied: error(
      403,
      'DENIED',
      'User: arn:aws:sts::123456789012:assumed-role/ship/x is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:eu-central-1:123456789012:repository/shop because no identity-based policy allows the ecr:InitiateLayerUpload action',
    ),
    absent: error(404, 'MANIFEST_UNKNOWN', 'Requested image not found'),
    missing: error(
      404,
      'NAME_UNKNOWN',
      "The repository with name 'shop' does not exist in the registry with id '123456789012'",
    ),
    tooMany: error(429, 'TOOMANYREQUESTS', 'Rate exceeded', { 'retry-after': '60' }),
  },
  'Amazon ECR Public': {
    host: 'public.ecr.aws',
    repository: 'a1b2c3d4/shop',
    challenge: bearer('public.ecr.aws', 'a1b2c3d4/shop', 'Not Authorized'),
    wrongLogin: error(401, 'UNAUTHORIZED', 'Not Authorized'),
    denied: error(403, 'DENIED', 'Not Authorized'),
    absent: error(404, 'MANIFEST_UNKNOWN', 'Requested image not found'),
    missing: error(
      404,
      'NAME_UNKNOWN',
      "The repository with name 'shop' does not exist in the registry with id '123456789012'",
    ),
    tooMany: error(429, 'TOOMANYREQUESTS', 'Rate exceeded', { 'retry-after': '60' }),
  },
  'Google Artifact Registry': {
    host: 'europe-west1-docker.pkg.dev',
    repository: 'acme/apps/shop',
    challenge: bearer('europe-west1-docker.pkg.dev', 'acme/apps/shop'),
    wrongLogin: error(401, 'UNAUTHORIZED', 'authentication failed'),
    denied: error(
      403,
      'DENIED',
      'Permission "artifactregistry.repositories.uploadArtifacts" denied on resource "projects/acme/locations/europe-west1/repositories/apps" (or it may not exist)',
    ),
    absent: error(404, 'MANIFEST_UNKNOWN', 'Failed to fetch "v1"'),
    missing: error(404, 'NAME_UNKNOWN', 'Repository "apps" not found'),
    tooMany: error(
      429,
      'TOOMANYREQUESTS',
      "Quota exceeded for quota metric 'Requests per project per user' and limit 'Requests per project per user per minute' of service 'artifactregistry.googleapis.com'",
      { 'retry-after': '60' },
    ),
  },
  'Azure Container Registry': {
    host: 'acme.azurecr.io',
    repository: 'shop',
    challenge: bearer(
      'acme.azurecr.io',
      'shop',
      'authentication required, visit https://aka.ms/acr/authorization for more information.',
    ),
    wrongLogin: error(401, 'UNAUTHORIZED', 'Invalid username or password specified.'),
    denied: error(403, 'DENIED', 'requested access to the resource is denied'),
    absent: error(404, 'MANIFEST_UNKNOWN', 'manifest tagged by "v1" is not found'),
    tooMany: error(429, 'TOOMANYREQUESTS', 'too many requests', { 'retry-after': '60' }),
  },
  GitLab: {
    host: 'registry.gitlab.com',
    repository: 'acme/web/shop',
    challenge: bearer('container_registry', 'acme/web/shop'),
    wrongLogin: { status: 403, body: { errors: [{ code: 'DENIED', message: 'access forbidden' }] } },
    denied: error(403, 'DENIED', 'requested access to the resource is denied'),
    absent: error(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
    tooMany: {
      status: 429,
      headers: { 'content-type': 'text/plain', 'retry-after': '60' },
      body: 'Retry later\n',
    },
  },
  'a GitLab of your own': {
    host: 'registry.example.com',
    repository: 'acme/web/shop',
    challenge: bearer('container_registry', 'acme/web/shop'),
    wrongLogin: {
      status: 401,
      body: { errors: [{ code: 'UNAUTHORIZED', message: 'HTTP Basic: Access denied' }] },
    },
    denied: error(403, 'DENIED', 'requested access to the resource is denied'),
    absent: error(404, 'NAME_UNKNOWN', 'repository name not known to registry'),
    tooMany: {
      status: 429,
      headers: { 'content-type': 'text/plain', 'retry-after': '60' },
      body: 'Retry later\n',
    },
  },
  Quay: {
    host: 'quay.io',
    repository: 'acme/shop',
    challenge: bearer('quay.io', 'acme/shop', 'access to the requested resource is not authorized'),
    wrongLogin: {
      status: 401,
      body: {
        error: 'Could not find robot with username: acme+ship and supplied password.',
        message: 'Could not find robot with username: acme+ship and supplied password.',
      },
    },
    denied: error(401, 'UNAUTHORIZED', 'access to the requested resource is not authorized'),
    absent: error(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
    tooMany: {
      status: 429,
      headers: { 'content-type': 'text/html', 'retry-after': '60' },
      body: '<html><head><title>429 Too Many Requests</title></head></html>',
    },
  },
  Harbor: {
    host: 'harbor.example.com',
    repository: 'acme/shop',
    challenge: bearer(
      'harbor-registry',
      'acme/shop',
      'unauthorized to access repository: acme/shop, action: push: unauthorized to access repository: acme/shop, action: push',
    ),
    wrongLogin: error(401, 'UNAUTHORIZED', 'unauthorized'),
    denied: error(403, 'FORBIDDEN', 'unauthorized to access repository: acme/shop, action: push'),
    absent: error(404, 'NOT_FOUND', 'artifact acme/shop:v1 not found'),
    missing: error(404, 'NOT_FOUND', 'project acme not found'),
    tooMany: error(429, 'TOOMANYREQUESTS', 'too many requests', { 'retry-after': '60' }),
  },
  'any other, with a login sent to it': {
    host: 'registry.example.org',
    repository: 'acme/shop',
    challenge: error(401, 'UNAUTHORIZED', 'authentication required', {
      'www-authenticate': 'Basic realm="registry"',
    }),
    denied: error(403, 'DENIED', 'requested access to the resource is denied'),
    absent: error(404, 'NAME_UNKNOWN', 'repository name not known to registry'),
    tooMany: error(429, 'TOOMANYREQUESTS', 'too many requests', { 'retry-after': '60' }),
  },
};
