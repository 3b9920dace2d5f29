import type { ImageName } from '../model/image.ts';
import { ecrHostOf } from './ecr-host.ts';

/** What one registry's refusals are cured by; each is a sentence or more. */
export interface Vendor {
  /** There was no login at all. */
  readonly noLogin: string;
  /** The login itself was refused. */
  readonly badLogin: string;
  /** The login is good, and does not suffice. */
  readonly denied: (refused: { image: ImageName; action: 'pull' | 'push'; words: string }) => string;
  /** How to make a repository that a push does not make; undefined: a push makes it. */
  readonly create?: (image: ImageName) => string;
}

const INPUTS = 'Set the inputs username and password.';
const CHECK = 'Check both for the right registry and for a token that has expired or was revoked.';

const OTHER: Vendor = {
  noLogin: INPUTS,
  badLogin: CHECK,
  denied: ({ image, action }) =>
    `Log in as somebody who may ${action === 'push' ? 'write to' : 'read'} ${image.repository} (inputs username and password), or give this user the right.`,
};

const DOCKER_HUB: Vendor = {
  noLogin: INPUTS,
  badLogin:
    'On Docker Hub the username is the Docker ID, not the e-mail address, and the password an access token. Check both, and that the token was not revoked.',
  denied: ({ image, action }) => {
    const [namespace] = image.repository.split('/');
    return action === 'push'
      ? `The access token needs the permission "Read & Write", and its user the right to push in the namespace ${namespace}; check the spelling of that too.`
      : `Docker Hub answers so for a repository that does not exist too: check its spelling, and that this user may read ${image.repository}.`;
  },
};

/**
 * ghcr.io's refusals and what each is cured by, as people met them:
 * https://github.com/docker/build-push-action/issues/606, https://github.com/actions/runner/issues/1039.
 */
const GHCR: Vendor = {
  noLogin: INPUTS,
  badLogin: `For ghcr.io the job's own token does: username \${{ github.actor }} and password \${{ github.token }}.`,
  denied: ({ image, action, words }) => {
    const [owner = '', ...rest] = image.repository.split('/');
    const name = rest.join('/') || owner;
    const linked = `open the settings of the package ${name} of ${owner}, and under "Manage Actions access" add this repository with the role ${action === 'push' ? 'Write' : 'Read'}`;
    if (action === 'pull') {
      return `Give the job \`permissions: {packages: read}\`; when the package belongs to another repository, ${linked}.`;
    }
    // The job's rights suffice, but this package has its own list, and was made by hand or elsewhere.
    if (/write_package/.test(words)) return `The package is not linked to this repository: ${linked}.`;
    const permissions = 'Give the job `permissions: {contents: read, packages: write}`';
    if (/create organization package/i.test(words)) {
      return `${permissions}; when it has them, the organisation ${owner} does not let Actions create packages: its owners allow it in the organisation's settings under "Packages".`;
    }
    return `${permissions}; when it has them, ${linked}.`;
  },
};

/** https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html */
const ECR: Vendor = {
  noLogin:
    'The job has no AWS credentials: put aws-actions/configure-aws-credentials before this step, or log in with aws-actions/amazon-ecr-login.',
  badLogin:
    "ECR's logins end after twelve hours: log in anew in this job, or leave it to this step with AWS credentials in its environment.",
  denied: ({ image, action }) => {
    const service = ecrHostOf(image.registry)?.service ?? 'ecr';
    const actions =
      action === 'push'
        ? [
            'BatchCheckLayerAvailability',
            'InitiateLayerUpload',
            'UploadLayerPart',
            'CompleteLayerUpload',
            'PutImage',
          ]
        : ['BatchGetImage', 'GetDownloadUrlForLayer'];
    return `Allow ${actions.map((name) => `${service}:${name}`).join(', ')} on it to the AWS role; for another account's repository its own policy must allow them too.`;
  },
  create: (image) => {
    const host = ecrHostOf(image.registry);
    const own =
      host?.service === 'ecr-public' ? image.repository.split('/').slice(1).join('/') : image.repository;
    return `Set \`create-repository: true\`, or create it first: aws ${host?.service ?? 'ecr'} create-repository --repository-name ${own} --region ${host?.region ?? ''}.`;
  },
};

/** https://cloud.google.com/artifact-registry/docs/docker/authentication, …/docs/access-control */
const GOOGLE: Vendor = {
  noLogin:
    'Set username to oauth2accesstoken and password to an access token (google-github-actions/auth with `token_format: access_token`).',
  badLogin:
    'With an access token the username is oauth2accesstoken, and the token lasts an hour; with a key file the username is _json_key.',
  denied: ({ image, action }) =>
    `Give the service account the role ${action === 'push' ? 'Artifact Registry Writer' : 'Artifact Registry Reader'}; Google answers so for a repository that does not exist too: check ${image.repository}.`,
  create: (image) => {
    const [project = '', repository = ''] = image.repository.split('/');
    const location = image.registry.replace(/-docker\.pkg\.dev$/, '');
    return `Create it first: gcloud artifacts repositories create ${repository} --project ${project} --location ${location} --repository-format docker.`;
  },
};

/** https://learn.microsoft.com/azure/container-registry/container-registry-roles */
const AZURE: Vendor = {
  noLogin: 'Put azure/login and `az acr login` before this step, or set the inputs username and password.',
  badLogin:
    "The login of `az acr login` lasts three hours: log in anew in this job. A service principal's username is its client id.",
  denied: ({ image, action, words }) =>
    /client with IP/.test(words)
      ? "The registry's firewall keeps this runner out: let its address in, or use a runner in the registry's network."
      : `Give the identity the role ${action === 'push' ? 'AcrPush' : 'AcrPull'} on the registry ${image.registry.split('.')[0]} (or Container Registry Repository ${action === 'push' ? 'Writer' : 'Reader'}, where it has permissions per repository).`,
};

/** https://docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry/ */
const GITLAB: Vendor = {
  noLogin: 'Set the inputs username and password to those of a deploy token or project access token.',
  badLogin:
    'Check both: a deploy token has a username of its own, and needs the scope write_registry to push.',
  denied: ({ image, action }) =>
    `The token needs the scope ${action === 'push' ? 'write_registry, and at least the role Developer' : 'read_registry'}; GitLab answers so too when ${image.repository} does not begin with the path of a project, or that project has no container registry.`,
};

/** https://docs.redhat.com/en/documentation/red_hat_quay, "Robot accounts" */
const QUAY: Vendor = {
  noLogin: 'Set the inputs username and password to those of a robot account.',
  badLogin: "A robot account's username is `owner+name`. Check both, and that its token was not made anew.",
  denied: ({ image, action }) =>
    `Give the robot account the permission ${action === 'push' ? 'Write' : 'Read'} on ${image.repository}; Quay answers so for a repository that does not exist too, unless its owner lets the robot create some.`,
};

/** https://goharbor.io/docs/main/working-with-projects/project-configuration/create-robot-accounts/ */
const HARBOR: Vendor = {
  noLogin: 'Set the inputs username and password to those of a robot account.',
  badLogin: "A robot account's username is `robot$project+name`. Check both, and that it has not expired.",
  denied: ({ image, action }) =>
    `Give it the right to ${action} in the project ${image.repository.split('/')[0]}; Harbor answers so for a project that does not exist too.`,
  create: (image) => `Create the project ${image.repository.split('/')[0]} in Harbor first.`,
};

/**
 * Whose registry it is: by its host, else by the name under which it speaks to its token service, for GitLab and
 * Harbor are mostly somebody's own.
 */
export function vendorOf(registry: string, service?: string): Vendor {
  if (registry === 'docker.io') return DOCKER_HUB;
  if (registry === 'ghcr.io') return GHCR;
  if (registry === 'quay.io') return QUAY;
  if (ecrHostOf(registry) !== undefined) return ECR;
  if (/(-docker\.pkg\.dev|^(.+\.)?gcr\.io)$/.test(registry)) return GOOGLE;
  if (/\.azurecr\.(io|cn|us)$/.test(registry)) return AZURE;
  if (registry === 'registry.gitlab.com' || service === 'container_registry') return GITLAB;
  return service === 'harbor-registry' ? HARBOR : OTHER;
}
