/** Whatever goes wrong on the way to a cluster, in one sentence or two: what, where, why, what to do. */
import { messageOf, UserError } from '../model/error.ts';
import { reviveWebhook } from '../model/webhook.ts';
import { ProxyError, wordsOf } from '../process/http/error.ts';
import { causeOf, GONE } from './causes.ts';
import { ApiError, UnreachableError } from './errors.ts';

/**
 * No answer will ever come of it: the certificate stays untrusted, the key broken. What had answered before may do so
 * again: an authority is being replaced, one of several API servers is behind the others.
 */
export function isFutile(error: UnreachableError): boolean {
  return error.lastHeard === undefined && (causeOf(error)?.futile === true || asksForLogin(error.cause));
}

function asksForLogin(cause: unknown): boolean {
  return cause instanceof ProxyError && cause.status === 407;
}

/** Pure; never repeats a credential, for it only quotes the server and the network layer. */
export function explain(error: unknown, cluster: { readonly server: string }): string {
  if (error instanceof UserError) return error.message;
  if (error instanceof ApiError) return explainAnswer(error, cluster.server);
  if (!(error instanceof UnreachableError)) return messageOf(error);
  const { lastHeard, cause } = error;
  if (cause instanceof ProxyError) {
    const since =
      lastHeard === undefined
        ? `Cannot reach the cluster at ${cluster.server}`
        : `The cluster at ${cluster.server} answered until ${timeOfDay(lastHeard)}, but can no longer be reached`;
    return `${since}: ${cause.message}. Check HTTPS_PROXY, or proxy-url in the kubeconfig; NO_PROXY names the servers that need no proxy.`;
  }
  const known = causeOf(error);
  if (known !== undefined && lastHeard !== undefined) {
    return (
      `The cluster at ${cluster.server} answered until ${timeOfDay(lastHeard)}, but can no longer be reached: ` +
      `${known.why} (${detail(error)}). ${known.later ?? known.advice}`
    );
  }
  if (known !== undefined) {
    return `Cannot reach the cluster at ${cluster.server}: ${known.why} (${detail(error)}). ${known.advice}`;
  }
  if (lastHeard !== undefined) {
    return (
      `The cluster at ${cluster.server} answered until ${timeOfDay(lastHeard)}, and then gave no usable answer: ` +
      `${error.message}. ${GONE}`
    );
  }
  return (
    `No usable answer from the cluster at ${cluster.server}: ${error.message}. ` +
    'Check that the server address in the kubeconfig is that of a Kubernetes API server.'
  );
}

/** As the runner stamps its log. */
function timeOfDay(date: Date): string {
  return `${date.toISOString().slice(11, 19)} UTC`;
}

function explainAnswer(error: ApiError, server: string): string {
  const said = error.serverMessage.replace(/\.$/, '');
  switch (error.status) {
    case 401:
      return (
        `The cluster at ${server} does not accept the credentials of the kubeconfig (401): ` +
        `${error.hint ?? said}. Take a fresh kubeconfig, or check the login that it runs.`
      );
    case 403:
      if (said.includes('User "system:anonymous"')) {
        return `The kubeconfig gives no credentials that the cluster at ${server} knows, so it takes the run for an anonymous one and forbids it (403). Take a fresh kubeconfig, with a token or a client certificate.`;
      }
      return `The cluster at ${server} forbids it (403): ${said}. Grant this user the Role that the README lists.`;
    case 404:
      return `The cluster at ${server} has no such thing (404, ${error.path}): ${said}.`;
    case 410:
      return `The cluster at ${server} no longer has the state asked for (410): ${said}. Run it again.`;
    case 429:
      return `The cluster at ${server} is overloaded and asks to come back later (429): ${said}. Run it again.`;
    default:
      return (
        `The cluster at ${server} answered ${error.status} to "${error.verb} ${error.path}": ${said}.` +
        (error.status >= 500
          ? ` ${reviveWebhook(said) ?? 'Look at the health of the API server'}, and run it again.`
          : '')
      );
  }
}

/** The network layer's words, which name the address; without our verb and path in front. */
function detail(error: UnreachableError): string {
  const words = wordsOf(error.cause instanceof Error ? error.cause : error);
  // Node's advice about its own options is none to somebody who runs an action.
  return (
    words
      .replace(`${error.verb} ${error.path}: `, '')
      .replace(/; if the root CA is installed locally.*$/s, '')
      // Nor are the addresses and files in OpenSSL's source.
      .replace(/^.*:error:[^:]*:[^:]*:[^:]*:([^:]+):.*$/s, '$1')
      .replace(/\s+/g, ' ')
      .trim()
  );
}
