/** Whatever goes wrong on the way to a cluster, in one sentence or two: what, where, why, what to do. */
import { messageOf, UserError } from '../model/error.ts';
import { reviveWebhook } from '../model/webhook.ts';
import { ProxyError, wordsOf } from '../process/http/error.ts';
import { ApiError, UnreachableError } from './errors.ts';

interface Explanation {
  readonly why: string;
  readonly advice: string;
  /** The advice where the server had answered before, so that its address is right; absent: the same. */
  readonly later?: string;
  /** Trying again can not help. */
  readonly futile?: true;
}

const CERTIFICATE: Explanation = {
  why: "its certificate is not signed by the kubeconfig's certificate authority",
  advice:
    'Take a fresh kubeconfig of this cluster, with its certificate-authority-data; a proxy that opens TLS ' +
    'needs NODE_EXTRA_CA_CERTS.',
  later:
    'Its authority was replaced while this ran, or something else answers there now. A file of certificate-authority ' +
    'is read again when that happens; certificate-authority-data must bear the old and the new authority meanwhile.',
  futile: true,
};

const GONE =
  'Look at the API server and at the load balancer and network in front of it, then run this again.';

const NETWORK: Explanation = {
  why: 'there is no network route to it',
  advice:
    'Check the server address in the kubeconfig and that this runner is in a network that can reach it.',
  later: 'Check whether this runner has lost its network or VPN, then run this again.',
};

const TIMEOUT: Explanation = {
  why: 'it did not answer in time',
  advice:
    "Check the server address, and that a firewall or the cluster's list of authorised networks lets this " +
    'runner in; a private cluster needs a self-hosted runner in its network.',
  later: GONE,
};

const BROKEN: Explanation = {
  why: 'the connection was cut before the whole answer was here',
  advice: 'Try again; if it stays, look at the load balancer or proxy in front of the API server.',
};

/** By the `code` of Node and OpenSSL. */
const BY_CODE: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: {
    why: 'the connection was refused, so nothing listens there',
    advice: 'Check the server address in the kubeconfig, and that the API server is running.',
    later: GONE,
  },
  ENOTFOUND: {
    why: 'its name is not known to DNS',
    advice:
      "Check the server address in the kubeconfig; a private cluster's name is known only inside its network, " +
      'which then needs a self-hosted runner.',
    later: "Check this runner's DNS, and whether the cluster's name was taken away, then run this again.",
  },
  EAI_AGAIN: {
    why: 'its name could not be looked up, DNS did not answer',
    advice: "Check this runner's DNS, and the server address in the kubeconfig.",
    later: "Check this runner's DNS, then run this again.",
  },
  EHOSTUNREACH: NETWORK,
  ENETUNREACH: NETWORK,
  ETIMEDOUT: TIMEOUT,
  ECONNRESET: BROKEN,
  EPIPE: BROKEN,
  DEPTH_ZERO_SELF_SIGNED_CERT: CERTIFICATE,
  SELF_SIGNED_CERT_IN_CHAIN: CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CERTIFICATE,
  CERT_SIGNATURE_FAILURE: CERTIFICATE,
  CERT_UNTRUSTED: CERTIFICATE,
  CERT_HAS_EXPIRED: {
    why: "the server's own certificate has expired",
    advice: "Renew the API server's certificate, or set this machine's clock if that is wrong.",
    futile: true,
  },
  CERT_NOT_YET_VALID: {
    why: "the server's certificate is not valid yet",
    advice: "Set this machine's clock.",
    futile: true,
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    why: "the server's certificate is for another name",
    advice: 'Use a name that the certificate bears, or set tls-server-name in the kubeconfig to one.',
    futile: true,
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    why: 'what listens there does not speak TLS',
    advice: 'Check the port in the server address of the kubeconfig.',
    futile: true,
  },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: {
    why: 'what listens there does not speak TLS',
    advice: 'Check the port in the server address of the kubeconfig.',
    futile: true,
  },
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: {
    why: "the kubeconfig's client certificate and client key do not belong together",
    advice: 'Take a fresh kubeconfig of this cluster.',
    futile: true,
  },
  ERR_OSSL_PEM_NO_START_LINE: {
    why: 'a certificate or key of the kubeconfig is not PEM',
    advice: 'Take a fresh kubeconfig of this cluster.',
    futile: true,
  },
};

/**
 * No answer will ever come of it: the certificate stays untrusted, the key broken. What had answered before may do so
 * again: an authority is being replaced, one of several API servers is behind the others.
 */
export function isFutile(error: UnreachableError): boolean {
  return error.lastHeard === undefined && (found(error)?.futile === true || asksForLogin(error.cause));
}

function asksForLogin(cause: unknown): boolean {
  return cause instanceof ProxyError && cause.status === 407;
}

/** Whether the server's certificate is not one that the authority which we know vouches for. */
export function isUntrusted(error: UnreachableError): boolean {
  return found(error) === CERTIFICATE;
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
  const known = found(error);
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

function found(error: UnreachableError): Explanation | undefined {
  for (const code of codes(error)) {
    const known = BY_CODE[code];
    if (known !== undefined) return known;
  }
  return /within [\d.]+ s$/.test(error.message) ? TIMEOUT : undefined;
}

/** The codes along the chain of causes, and of each address that was tried. */
function codes(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const { code } = error as { code?: unknown };
  const parts = error instanceof AggregateError ? error.errors : [];
  return [
    ...(typeof code === 'string' ? [code] : []),
    ...parts.flatMap((part) => codes(part, depth + 1)),
    ...codes(error.cause, depth + 1),
  ];
}

/** The network layer's words, which name the address; without our verb and path in front. */
function detail(error: UnreachableError): string {
  const words = wordsOf(error.cause instanceof Error ? error.cause : error);
  // Node's advice about its own options is none to somebody who runs an action.
  return words
    .replace(`${error.verb} ${error.path}: `, '')
    .replace(/; if the root CA is installed locally.*$/s, '')
    .replace(/\s+/g, ' ')
    .trim();
}
