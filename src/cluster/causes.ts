/** Why no answer came, told from what the network layer said. */
import type { UnreachableError } from './errors.ts';

export interface Explanation {
  readonly why: string;
  readonly advice: string;
  /** The advice where the server had answered before, so that its address is right; absent: the same. */
  readonly later?: string;
  /** Trying again can not help. */
  readonly futile?: true;
}

/** Not signed by the authority of the kubeconfig. Node then looks at no other, whatever NODE_EXTRA_CA_CERTS names. */
const OTHER_AUTHORITY: Explanation = {
  why: "its certificate is not signed by the kubeconfig's certificate authority",
  advice:
    'Take a fresh kubeconfig of this cluster, with its certificate-authority-data. Where a proxy opens TLS, add the ' +
    "proxy's authority to that (it may hold several), or name the server in NO_PROXY.",
  later:
    'Its authority was replaced while this ran, or something else answers there now. A file of certificate-authority ' +
    'is read again when that happens; certificate-authority-data must bear the old and the new authority meanwhile.',
  futile: true,
};

/** The kubeconfig names no authority. */
const UNKNOWN_AUTHORITY: Explanation = {
  why: 'its certificate is not signed by an authority that this machine knows',
  advice:
    "The kubeconfig has no certificate authority: put the cluster's into certificate-authority-data. Where a proxy " +
    'opens TLS, NODE_EXTRA_CA_CERTS can name the file of its authority.',
  later:
    "Its certificate was replaced while this ran, or something else answers there now: put the cluster's authority " +
    'into certificate-authority-data of the kubeconfig.',
  futile: true,
};

export const GONE =
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
  ERR_INVALID_CHAR: {
    why: 'nothing could be sent, since a name that goes with each request has a character that can not go there',
    advice: 'Look at as, as-uid, as-groups and as-user-extra of the user in the kubeconfig.',
    futile: true,
  },
};

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);

/** What OpenSSL says of a certificate or key that it can not read: cut off, garbled, or locked by a passphrase. */
const UNREADABLE: Explanation = {
  why: "the kubeconfig's client certificate or client key can not be read: it is cut off, damaged or encrypted",
  advice: 'Take a fresh kubeconfig of this cluster, whose key needs no passphrase.',
  futile: true,
};

const ANOTHER_CERTIFICATE =
  'Take a fresh kubeconfig, with a client certificate that the API server, or the gateway in front of it, accepts.';

const NO_CERTIFICATE: Explanation = {
  why: 'it lets nobody in without a client certificate',
  advice: `The kubeconfig gives none for its user, or one that is not taken. ${ANOTHER_CERTIFICATE}`,
  futile: true,
};

const CERTIFICATE_REFUSED: Explanation = {
  why: "it refuses the kubeconfig's client certificate",
  advice: ANOTHER_CERTIFICATE,
  futile: true,
};

/**
 * By the number of a TLS alert (RFC 8446, 6.2): the same in every version of OpenSSL, whose names for them change.
 * A server of TLS 1.2 that misses a client certificate says handshake_failure.
 */
const BY_ALERT: Readonly<Record<string, Explanation>> = {
  40: {
    why: 'it refused the TLS handshake',
    advice: `Mostly it wants a client certificate, and the kubeconfig gives none. ${ANOTHER_CERTIFICATE}`,
  },
  42: CERTIFICATE_REFUSED,
  43: CERTIFICATE_REFUSED,
  44: { ...CERTIFICATE_REFUSED, why: "it refuses the kubeconfig's client certificate as revoked" },
  45: { ...CERTIFICATE_REFUSED, why: "it refuses the kubeconfig's client certificate as expired" },
  46: CERTIFICATE_REFUSED,
  48: {
    ...CERTIFICATE_REFUSED,
    why: "it does not know the authority that signed the kubeconfig's client certificate",
  },
  49: CERTIFICATE_REFUSED,
  116: NO_CERTIFICATE,
};

/** What the network layer said, if it is known what that means; pure. */
export function causeOf(error: UnreachableError): Explanation | undefined {
  const chain = causes(error);
  if (isUntrusted(error)) return error.trusting === 'machine' ? UNKNOWN_AUTHORITY : OTHER_AUTHORITY;
  for (const { message } of chain) {
    const alert = /SSL alert number (\d+)/.exec(message)?.[1];
    const known = alert === undefined ? undefined : BY_ALERT[alert];
    if (known !== undefined) return known;
  }
  for (const code of chain.map(codeOf)) {
    const known = BY_CODE[code];
    if (known !== undefined) return known;
    if (code.startsWith('ERR_OSSL_')) return UNREADABLE;
  }
  return /within [\d.]+ s$/.test(error.message) ? TIMEOUT : undefined;
}

/** Whether the server's certificate is not one that the authority which we know vouches for. */
export function isUntrusted(error: UnreachableError): boolean {
  return causes(error).some((cause) => UNTRUSTED.has(codeOf(cause)));
}

/** The error, those that caused it, and those of each address that was tried. */
function causes(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const parts = error instanceof AggregateError ? error.errors : [];
  return [error, ...parts.flatMap((part) => causes(part, depth + 1)), ...causes(error.cause, depth + 1)];
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
