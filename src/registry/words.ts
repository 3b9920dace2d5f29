import { familiarName, type ImageName, repositoryName } from '../model/image.ts';
import { vendorOf } from './vendors.ts';

/** What a registry forbids, and with which login it was asked. */
export interface Refusal {
  readonly image: ImageName;
  readonly action: 'pull' | 'push';
  /** undefined: without a login. */
  readonly login: { readonly username?: string; readonly origin: string } | undefined;
  /** The registry's own words, not yet trusted. */
  readonly words: string;
  /** How it names itself to its token service. */
  readonly service?: string | undefined;
}

/** The login itself was not accepted. */
export function loginRefused(refusal: Refusal): string {
  const { image, login, words, service } = refusal;
  if (login === undefined) return accessDenied({ ...refusal, action: 'pull' });
  const who = login.username === undefined ? '' : ` as "${login.username}"`;
  return `${image.registry} refused the login${who} from ${login.origin}${quote(words)}. ${vendorOf(image.registry, service).badLogin}`;
}

/** The login is good, or there is none, and it does not suffice. */
export function accessDenied({ image, action, login, words, service }: Refusal): string {
  const vendor = vendorOf(image.registry, service);
  const what = action === 'push' ? `a push to ${repositoryName(image)}` : `to show ${familiarName(image)}`;
  if (login === undefined) {
    return `${image.registry} refused ${what} without a login${quote(words)}. ${vendor.noLogin}`;
  }
  const who = login.username === undefined ? '' : ` to "${login.username}"`;
  return `${image.registry} refused ${what}${who}${quote(words)}. ${vendor.denied({ image, action, words })}`;
}

export function missingRepository(image: ImageName, service?: string): string {
  const create = vendorOf(image.registry, service).create?.(image) ?? 'Create it first.';
  return `${image.registry} has no repository "${image.repository}", and makes none by a push. ${create}`;
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

/** A stranger's words, short and on one line, so that they can stand in a sentence. */
export function short(words: string): string {
  return words
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
}

export function quote(words: string): string {
  const said = short(words);
  return said === '' ? '' : `: "${said}"`;
}
