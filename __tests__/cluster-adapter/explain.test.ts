import { describe, expect, test } from 'vitest';
import { ApiError, UnreachableError } from '../../src/cluster/client.ts';
import { explain, isFutile } from '../../src/cluster/explain.ts';
import { UserError } from '../../src/model/error.ts';
import { ProxyError } from '../../src/process/http/error.ts';

const CLUSTER = { server: 'https://k8s.example.com:6443' };
const REQUEST = { verb: 'get', path: '/api/v1/namespaces/shop' };

function network(code: string, message: string, lastHeard?: Date): UnreachableError {
  const cause = Object.assign(new Error(message), { code });
  return new UnreachableError(REQUEST, message, false, { cause, lastHeard });
}

/** In OpenSSL's words. */
const alert = (words: string, number: number) =>
  `800CC681977F0000:error:0A000415:SSL routines:ssl3_read_bytes:${words}:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number ${number}\n`;

function byMachine(message: string, lastHeard?: Date): UnreachableError {
  const cause = Object.assign(new Error(message), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  return new UnreachableError(REQUEST, message, false, { cause, lastHeard, trusting: 'machine' });
}

const HEARD = new Date('2026-01-02T03:04:05.678Z');

function byProxy(cause: ProxyError, lastHeard?: Date): UnreachableError {
  return new UnreachableError(REQUEST, cause.message, false, { cause, lastHeard });
}

const PROXY_AWAY = ProxyError.unreachable(
  'proxy.example.com:3128',
  Object.assign(new Error('connect ECONNREFUSED 10.0.0.9:3128'), { code: 'ECONNREFUSED' }),
);

function answer(status: number, reason: string, message: string, hint?: string): ApiError {
  return new ApiError(REQUEST, { status, reason, message, hint });
}

describe('explain', () => {
  test.each<[string, unknown, string]>([
    [
      'refused',
      network('ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:6443'),
      'Cannot reach the cluster at https://k8s.example.com:6443: the connection was refused, so nothing listens there (connect ECONNREFUSED 10.0.0.1:6443). Check the server address in the kubeconfig, and that the API server is running.',
    ],
    [
      'unknown to DNS',
      network('ENOTFOUND', 'getaddrinfo ENOTFOUND k8s.example.com'),
      "Cannot reach the cluster at https://k8s.example.com:6443: its name is not known to DNS (getaddrinfo ENOTFOUND k8s.example.com). Check the server address in the kubeconfig; a private cluster's name is known only inside its network, which then needs a self-hosted runner.",
    ],
    [
      'DNS does not answer',
      network('EAI_AGAIN', 'getaddrinfo EAI_AGAIN k8s.example.com'),
      "Cannot reach the cluster at https://k8s.example.com:6443: its name could not be looked up, DNS did not answer (getaddrinfo EAI_AGAIN k8s.example.com). Check this runner's DNS, and the server address in the kubeconfig.",
    ],
    [
      'connecting takes too long',
      network('ETIMEDOUT', 'no connection to k8s.example.com:6443 within 10 s'),
      "Cannot reach the cluster at https://k8s.example.com:6443: it did not answer in time (no connection to k8s.example.com:6443 within 10 s). Check the server address, and that a firewall or the cluster's list of authorised networks lets this runner in; a private cluster needs a self-hosted runner in its network.",
    ],
    [
      'an answer takes too long',
      new UnreachableError(REQUEST, 'no whole answer within 15 s', true),
      "Cannot reach the cluster at https://k8s.example.com:6443: it did not answer in time (no whole answer within 15 s). Check the server address, and that a firewall or the cluster's list of authorised networks lets this runner in; a private cluster needs a self-hosted runner in its network.",
    ],
    [
      'no route',
      network('EHOSTUNREACH', 'connect EHOSTUNREACH 10.0.0.1:6443'),
      'Cannot reach the cluster at https://k8s.example.com:6443: there is no network route to it (connect EHOSTUNREACH 10.0.0.1:6443). Check the server address in the kubeconfig and that this runner is in a network that can reach it.',
    ],
    [
      'every address of a name failed',
      new UnreachableError(REQUEST, '', false, {
        cause: new AggregateError([
          Object.assign(new Error('connect ECONNREFUSED ::1:6443'), { code: 'ECONNREFUSED' }),
        ]),
      }),
      'Cannot reach the cluster at https://k8s.example.com:6443: the connection was refused, so nothing listens there (connect ECONNREFUSED ::1:6443). Check the server address in the kubeconfig, and that the API server is running.',
    ],
    [
      'cut',
      network('ECONNRESET', 'read ECONNRESET'),
      'Cannot reach the cluster at https://k8s.example.com:6443: the connection was cut before the whole answer was here (read ECONNRESET). Try again; if it stays, look at the load balancer or proxy in front of the API server.',
    ],
    [
      'untrusted',
      network('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate'),
      "Cannot reach the cluster at https://k8s.example.com:6443: its certificate is not signed by the kubeconfig's certificate authority (unable to verify the first certificate). Take a fresh kubeconfig of this cluster, with its certificate-authority-data. Where a proxy opens TLS, add the proxy's authority to that (it may hold several), or name the server in NO_PROXY.",
    ],
    [
      'untrusted, without an authority in the kubeconfig',
      byMachine('unable to verify the first certificate'),
      "Cannot reach the cluster at https://k8s.example.com:6443: its certificate is not signed by an authority that this machine knows (unable to verify the first certificate). The kubeconfig has no certificate authority: put the cluster's into certificate-authority-data. Where a proxy opens TLS, NODE_EXTRA_CA_CERTS can name the file of its authority.",
    ],
    [
      'untrusted after it was trusted, without an authority in the kubeconfig',
      byMachine('unable to verify the first certificate', HEARD),
      "The cluster at https://k8s.example.com:6443 answered until 03:04:05 UTC, but can no longer be reached: its certificate is not signed by an authority that this machine knows (unable to verify the first certificate). Its certificate was replaced while this ran, or something else answers there now: put the cluster's authority into certificate-authority-data of the kubeconfig.",
    ],
    [
      'a client certificate is wanted',
      network('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', alert('tlsv13 alert certificate required', 116)),
      'Cannot reach the cluster at https://k8s.example.com:6443: it lets nobody in without a client certificate (tlsv13 alert certificate required). The kubeconfig gives none for its user, or one that is not taken. Take a fresh kubeconfig, with a client certificate that the API server, or the gateway in front of it, accepts.',
    ],
    [
      'a client certificate is wanted, by TLS 1.2',
      network('EPROTO', `write EPROTO ${alert('sslv3 alert handshake failure', 40)}`),
      'Cannot reach the cluster at https://k8s.example.com:6443: it refused the TLS handshake (sslv3 alert handshake failure). Mostly it wants a client certificate, and the kubeconfig gives none. Take a fresh kubeconfig, with a client certificate that the API server, or the gateway in front of it, accepts.',
    ],
    [
      'the client certificate has expired',
      network('ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', alert('sslv3 alert certificate expired', 45)),
      "Cannot reach the cluster at https://k8s.example.com:6443: it refuses the kubeconfig's client certificate as expired (sslv3 alert certificate expired). Take a fresh kubeconfig, with a client certificate that the API server, or the gateway in front of it, accepts.",
    ],
    [
      'the client certificate expired in the meantime, by TLS 1.2',
      network('EPROTO', `write EPROTO ${alert('sslv3 alert certificate expired', 45)}`, HEARD),
      "The cluster at https://k8s.example.com:6443 answered until 03:04:05 UTC, but can no longer be reached: it refuses the kubeconfig's client certificate as expired (sslv3 alert certificate expired). Take a fresh kubeconfig, with a client certificate that the API server, or the gateway in front of it, accepts.",
    ],
    [
      'the client certificate is of an unknown authority',
      network('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', alert('tlsv1 alert unknown ca', 48)),
      "Cannot reach the cluster at https://k8s.example.com:6443: it does not know the authority that signed the kubeconfig's client certificate (tlsv1 alert unknown ca). Take a fresh kubeconfig, with a client certificate that the API server, or the gateway in front of it, accepts.",
    ],
    [
      'an alert that is not about a certificate',
      network('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'tlsv1 alert internal error: SSL alert number 80'),
      'No usable answer from the cluster at https://k8s.example.com:6443: get /api/v1/namespaces/shop: tlsv1 alert internal error: SSL alert number 80. Check that the server address in the kubeconfig is that of a Kubernetes API server.',
    ],
    [
      'a key that is cut off',
      network('ERR_OSSL_UNSUPPORTED', 'error:1E08010C:DECODER routines::unsupported'),
      "Cannot reach the cluster at https://k8s.example.com:6443: the kubeconfig's client certificate or client key can not be read: it is cut off, damaged or encrypted (error:1E08010C:DECODER routines::unsupported). Take a fresh kubeconfig of this cluster, whose key needs no passphrase.",
    ],
    [
      'a name that no header can bear',
      network('ERR_INVALID_CHAR', 'Invalid character in header content ["impersonate-user"]'),
      'Cannot reach the cluster at https://k8s.example.com:6443: nothing could be sent, since a name that goes with each request has a character that can not go there (Invalid character in header content ["impersonate-user"]). Look at as, as-uid, as-groups and as-user-extra of the user in the kubeconfig.',
    ],
    [
      'expired server certificate',
      network('CERT_HAS_EXPIRED', 'certificate has expired'),
      "Cannot reach the cluster at https://k8s.example.com:6443: the server's own certificate has expired (certificate has expired). Renew the API server's certificate, or set this machine's clock if that is wrong.",
    ],
    [
      'the proxy wants a login',
      byProxy(ProxyError.refused(407)),
      'Cannot reach the cluster at https://k8s.example.com:6443: the proxy asks for a user name and password (407). Check HTTPS_PROXY, or proxy-url in the kubeconfig; NO_PROXY names the servers that need no proxy.',
    ],
    [
      'the proxy does not get through',
      byProxy(ProxyError.refused(502)),
      'Cannot reach the cluster at https://k8s.example.com:6443: the proxy answered 502 when it was asked for a tunnel. Check HTTPS_PROXY, or proxy-url in the kubeconfig; NO_PROXY names the servers that need no proxy.',
    ],
    [
      'the proxy is away',
      byProxy(PROXY_AWAY),
      'Cannot reach the cluster at https://k8s.example.com:6443: the proxy proxy.example.com:3128 can not be reached (connect ECONNREFUSED 10.0.0.9:3128). Check HTTPS_PROXY, or proxy-url in the kubeconfig; NO_PROXY names the servers that need no proxy.',
    ],
    [
      'the proxy went away',
      byProxy(PROXY_AWAY, HEARD),
      'The cluster at https://k8s.example.com:6443 answered until 03:04:05 UTC, but can no longer be reached: the proxy proxy.example.com:3128 can not be reached (connect ECONNREFUSED 10.0.0.9:3128). Check HTTPS_PROXY, or proxy-url in the kubeconfig; NO_PROXY names the servers that need no proxy.',
    ],
    [
      'something else answers',
      new UnreachableError(REQUEST, 'the answer is no JSON: Sign in to ACME WiFi', true),
      'No usable answer from the cluster at https://k8s.example.com:6443: get /api/v1/namespaces/shop: the answer is no JSON: Sign in to ACME WiFi. Check that the server address in the kubeconfig is that of a Kubernetes API server.',
    ],
    [
      'refused after it had answered: its address is right',
      network('ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:6443', HEARD),
      'The cluster at https://k8s.example.com:6443 answered until 03:04:05 UTC, but can no longer be reached: the connection was refused, so nothing listens there (connect ECONNREFUSED 10.0.0.1:6443). Look at the API server and at the load balancer and network in front of it, then run this again.',
    ],
    [
      'no route any more',
      network('ENETUNREACH', 'connect ENETUNREACH 10.0.0.1:6443', HEARD),
      'The cluster at https://k8s.example.com:6443 answered until 03:04:05 UTC, but can no longer be reached: there is no network route to it (connect ENETUNREACH 10.0.0.1:6443). Check whether this runner has lost its network or VPN, then run this again.',
    ],
    [
      'an answer takes too long, after others that came',
      new UnreachableError(REQUEST, 'no whole answer within 15 s', true, { lastHeard: HEARD }),
      'The cluster at https://k8s.example.com:6443 answered until 03:04:05 UTC, but can no longer be reached: it did not answer in time (no whole answer within 15 s). Look at the API server and at the load balancer and network in front of it, then run this again.',
    ],
    [
      'untrusted after it was trusted',
      network('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', HEARD),
      "The cluster at https://k8s.example.com:6443 answered until 03:04:05 UTC, but can no longer be reached: its certificate is not signed by the kubeconfig's certificate authority (unable to verify the first certificate). Its authority was replaced while this ran, or something else answers there now. A file of certificate-authority is read again when that happens; certificate-authority-data must bear the old and the new authority meanwhile.",
    ],
    [
      'something that nobody knows, after it had answered',
      new UnreachableError(REQUEST, 'the answer broke off: other side closed', true, { lastHeard: HEARD }),
      'The cluster at https://k8s.example.com:6443 answered until 03:04:05 UTC, and then gave no usable answer: get /api/v1/namespaces/shop: the answer broke off: other side closed. Look at the API server and at the load balancer and network in front of it, then run this again.',
    ],
    [
      '401',
      answer(401, 'Unauthorized', 'Unauthorized'),
      'The cluster at https://k8s.example.com:6443 does not accept the credentials of the kubeconfig (401): Unauthorized. Take a fresh kubeconfig, or check the login that it runs.',
    ],
    [
      '401 with an expired client certificate',
      answer(401, 'Unauthorized', 'Unauthorized', 'the client certificate expired on 2026-01-02 03:04 UTC'),
      'The cluster at https://k8s.example.com:6443 does not accept the credentials of the kubeconfig (401): the client certificate expired on 2026-01-02 03:04 UTC. Take a fresh kubeconfig, or check the login that it runs.',
    ],
    [
      '403',
      answer(403, 'Forbidden', 'deployments.apps "web" is forbidden: User "ci" cannot get resource'),
      'The cluster at https://k8s.example.com:6443 forbids it (403): deployments.apps "web" is forbidden: User "ci" cannot get resource. Grant this user the Role that the README lists.',
    ],
    [
      '404',
      answer(404, 'NotFound', 'namespaces "shop" not found'),
      'The cluster at https://k8s.example.com:6443 has no such thing (404, /api/v1/namespaces/shop): namespaces "shop" not found.',
    ],
    [
      '429',
      answer(429, 'TooManyRequests', 'too many requests, please try again later.'),
      'The cluster at https://k8s.example.com:6443 is overloaded and asks to come back later (429): too many requests, please try again later. Run it again.',
    ],
    [
      '422',
      answer(422, 'Invalid', 'Deployment.apps "web" is invalid'),
      'The cluster at https://k8s.example.com:6443 answered 422 to "get /api/v1/namespaces/shop": Deployment.apps "web" is invalid.',
    ],
    [
      '500',
      answer(500, 'InternalError', 'etcdserver: leader changed'),
      'The cluster at https://k8s.example.com:6443 answered 500 to "get /api/v1/namespaces/shop": etcdserver: leader changed. Look at the health of the API server, and run it again.',
    ],
    [
      '500, and a webhook is the one that is away',
      answer(500, 'InternalError', 'failed calling webhook "policy.acme.io": failed to call webhook: EOF'),
      'The cluster at https://k8s.example.com:6443 answered 500 to "get /api/v1/namespaces/shop": failed calling webhook "policy.acme.io": failed to call webhook: EOF. Bring the admission webhook policy.acme.io back, or take its registration away, and run it again.',
    ],
    ['a mistake of the user', new UserError('Say what you mean.'), 'Say what you mean.'],
    ['a surprise', new TypeError('x is not a function'), 'x is not a function'],
  ])('%s', (_, error, sentence) => {
    expect(explain(error, CLUSTER)).toBe(sentence);
  });
});

test('a certificate stays untrusted however often one asks; a connection may come back', () => {
  expect(isFutile(network('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'))).toBe(
    true,
  );
  expect(isFutile(network('ERR_TLS_CERT_ALTNAME_INVALID', 'not in the list'))).toBe(true);
  expect(isFutile(byMachine('unable to verify the first certificate'))).toBe(true);
  expect(isFutile(network('ERR_OSSL_BAD_DECRYPT', 'error:1C800064:Provider routines::bad decrypt'))).toBe(
    true,
  );
  expect(isFutile(network('ERR_INVALID_CHAR', 'Invalid character in header content'))).toBe(true);
  expect(isFutile(network('EPROTO', `write EPROTO ${alert('tlsv1 alert unknown ca', 48)}`))).toBe(true);
  expect(isFutile(network('EPROTO', `write EPROTO ${alert('sslv3 alert handshake failure', 40)}`))).toBe(
    false,
  );
  // One that was trusted a moment ago may be in the middle of being replaced.
  expect(isFutile(network('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed', HEARD))).toBe(false);
  expect(isFutile(network('ECONNREFUSED', 'connect ECONNREFUSED'))).toBe(false);
  expect(isFutile(new UnreachableError(REQUEST, 'no whole answer within 15 s', true))).toBe(false);
});
