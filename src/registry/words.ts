import { familiarName, type ImageName, repositoryName } from '../model/image.ts';

/** What a registry forbids, and with which login it was asked. */
export interface Refusal {
  readonly image: ImageName;
  readonly action: 'pull' | 'push';
  /** undefined: without a login. */
  readonly login: { readonly username?: string; readonly origin: string } | undefined;
  /** The registry's own words, not yet trusted. */
  readonly words: string;
}

/** The login itself was not accepted. */
export function loginRefused({ image, login, words }: Refusal): string {
  if (login === undefined) return accessDenied({ image, action: 'pull', login, words });
  const who = login.username === undefined ? '' : ` as "${login.username}"`;
  const advice =
    image.registry === 'ghcr.io'
      ? `For ghcr.io the job's own token does: username \${{ github.actor }} and password \${{ github.token }}.`
      : 'Check both for the right registry and for a token that has expired or was revoked.';
  return `${image.registry} refused the login${who} from ${login.origin}${quote(words)}. ${advice}`;
}

/** The login is good, or there is none, and it does not suffice. */
export function accessDenied(refusal: Refusal): string {
  const { image, action, login, words } = refusal;
  const repository = repositoryName(image);
  const what = action === 'push' ? `a push to ${repository}` : `to show ${familiarName(image)}`;
  if (login === undefined) {
    return `${image.registry} refused ${what} without a login${quote(words)}. Set the inputs username and password.`;
  }
  const who = login.username === undefined ? '' : ` to "${login.username}"`;
  const refused = `${image.registry} refused ${what}${who}${quote(words)}.`;
  if (image.registry === 'ghcr.io') return `${refused} ${ghcrAdvice(refusal)}`;
  const right = action === 'push' ? 'write to' : 'read';
  return `${refused} Log in as somebody who may ${right} ${image.repository} (inputs username and password), or give this user the right.`;
}

/**
 * ghcr.io's refusals and what each is cured by, as people met them:
 * https://github.com/docker/build-push-action/issues/606, https://github.com/actions/runner/issues/1039.
 */
function ghcrAdvice({ image, action, words }: Refusal): string {
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
}

export function missingRepository(image: ImageName): string {
  const create = /\.dkr[.-]ecr[.-]/.test(image.registry)
    ? `aws ecr create-repository --repository-name ${image.repository}`
    : undefined;
  return `${image.registry} has no repository "${image.repository}", and makes none by a push. Create it first${create ? `: ${create}` : ''}.`;
}

/** Codes and messages of the OCI error body; other bodies (a proxy's HTML page) say nothing worth quoting. */
export function wordsOf(body: Buffer): string {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    if (typeof json !== 'object' || json === null) return '';
    if ('errors' in json && Array.isArray(json.errors)) return oneError(json.errors[0]);
    // Docker Hub's token service answers {"details": …}, others follow OAuth.
    if ('details' in json && typeof json.details === 'string') return json.details;
    if ('error_description' in json && typeof json.error_description === 'string')
      return json.error_description;
    return 'message' in json && typeof json.message === 'string' ? json.message : '';
  } catch {
    return '';
  }
}

function oneError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const message = 'message' in error && typeof error.message === 'string' ? error.message : '';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return message || code;
}

/** The registry's words, short and on one line, so that they can stand in a sentence. */
function quote(words: string): string {
  const short = words
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
  return short === '' ? '' : `: "${short}"`;
}
