import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect as connectSocket, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ClusterAccess } from '../../src/cluster/access.ts';
import { explain } from '../../src/cluster/explain.ts';
import { namespaces } from '../../src/cluster/paths.ts';
import { authority } from './certificates.ts';
import { FakeApi, json, refusing, status } from './fake-api.ts';
import { accessTo, connected, failureOf, temporaryFolder } from './kit.ts';

const PATH = namespaces('shop');
const data = (text: string) => ({ kind: 'data', data: text }) as const;

async function sentence(access: ClusterAccess, environment = {}): Promise<string> {
  const cluster = connected(access, { environment });
  return explain(await failureOf(cluster.get(PATH)), cluster);
}

describe('TLS', () => {
  test('trusts what the CA of the kubeconfig signed, from data and from a file', async () => {
    const trusted = authority();
    const api = await FakeApi.start(trusted.issue('api'));
    for (const ca of [data(trusted.ca.cert), { kind: 'file', path: trusted.ca.certFile } as const]) {
      await connected(accessTo(api.url, { ca })).get(PATH);
    }
    expect(api.seen).toHaveLength(2);
  });

  test('trusts nobody but the CA of the kubeconfig, and says so without trying again', async () => {
    const api = await FakeApi.start(authority('somebody-else').issue('api'));
    expect(await sentence(accessTo(api.url, { ca: data(authority().ca.cert) }))).toBe(
      `Cannot reach the cluster at ${api.url}: its certificate is not signed by the kubeconfig's certificate authority ` +
        '(unable to verify the first certificate). Take a fresh kubeconfig of this cluster, with its ' +
        "certificate-authority-data. Where a proxy opens TLS, add the proxy's authority to that (it may hold " +
        'several), or name the server in NO_PROXY.',
    );
    expect(api.seen).toHaveLength(0);
  });

  test('trusts whom the machine trusts without such a CA, and says so without trying again', async () => {
    const api = await FakeApi.start(authority('somebody-else').issue('api'));
    expect(await sentence(accessTo(api.url))).toBe(
      `Cannot reach the cluster at ${api.url}: its certificate is not signed by an authority that this machine knows ` +
        '(unable to verify the first certificate). The kubeconfig has no certificate authority: put the ' +
        "cluster's into certificate-authority-data. Where a proxy opens TLS, NODE_EXTRA_CA_CERTS can name the file of " +
        'its authority.',
    );
    expect(api.seen).toHaveLength(0);
  });

  test("trusts a proxy that opens TLS by its authority beside the cluster's", async () => {
    const [cluster, proxy] = [authority('cluster'), authority('proxy')];
    const ca = data(cluster.ca.cert + proxy.ca.cert);
    for (const one of [cluster, proxy]) {
      const api = await FakeApi.start(one.issue('api'));
      await connected(accessTo(api.url, { ca })).get(PATH);
      expect(api.seen).toHaveLength(1);
    }
  });

  test('an authority in a file without a certificate is no reason to trust every authority of the machine', async () => {
    const file = join(temporaryFolder(), 'ca.crt');
    writeFileSync(file, '');
    const api = await FakeApi.start(authority().issue('api'));
    expect(await sentence(accessTo(api.url, { ca: { kind: 'file', path: file } }))).toBe(
      `The file ${file}, which the input kubeconfig names as the certificate authority, holds no certificate (PEM).`,
    );
    expect(api.seen).toHaveLength(0);
  });

  test('reads the file of an authority again when the server has another, and trusts no third', async () => {
    const [old, next, third] = [authority('ca'), authority('ca'), authority('ca')];
    const file = join(temporaryFolder(), 'ca.crt');
    writeFileSync(file, old.ca.cert);
    const api = await FakeApi.start(old.issue('api'));
    const cluster = connected(accessTo(api.url, { ca: { kind: 'file', path: file } }));
    await cluster.get(PATH);
    api.present(next.issue('api'));
    writeFileSync(file, next.ca.cert);
    await Promise.all([cluster.get(PATH), cluster.get(PATH), cluster.get(PATH)]);
    expect(api.seen).toHaveLength(4);
    api.present(third.issue('api'));
    expect(explain(await failureOf(cluster.get(PATH)), cluster)).toContain(
      "can no longer be reached: its certificate is not signed by the kubeconfig's certificate authority",
    );
    expect(api.seen).toHaveLength(4);
  });

  test('trusts anybody only where that was allowed', async () => {
    const api = await FakeApi.start(authority('somebody-else').issue('api'));
    await connected(accessTo(api.url, { insecure: true })).get(PATH);
    expect(api.seen).toHaveLength(1);
  });

  test('wants the name in the certificate, or the one that tls-server-name gives', async () => {
    const trusted = authority();
    const api = await FakeApi.start(trusted.issue('api', { names: 'DNS:kubernetes.default.svc' }));
    const access = accessTo(api.url, { ca: data(trusted.ca.cert) });
    expect(await sentence(access)).toBe(
      `Cannot reach the cluster at ${api.url}: the server's certificate is for another name (Hostname/IP does not match ` +
        "certificate's altnames: IP: 127.0.0.1 is not in the cert's list:). Use a name that the certificate bears, or " +
        'set tls-server-name in the kubeconfig to one.',
    );
    await connected({ ...access, tlsServerName: 'kubernetes.default.svc' }).get(PATH);
    // A name in the address must not win over the one that was configured.
    const named = {
      ...access,
      server: `https://localhost:${api.port}`,
      tlsServerName: 'kubernetes.default.svc',
    };
    await connected(named).get(PATH);
    expect(api.seen).toHaveLength(2);
  });

  test('says that the server certificate has expired', async () => {
    const trusted = authority();
    const api = await FakeApi.start(trusted.issue('api', { to: '20210101000000Z' }));
    expect(await sentence(accessTo(api.url, { ca: data(trusted.ca.cert) }))).toBe(
      `Cannot reach the cluster at ${api.url}: the server's own certificate has expired (certificate has expired). Renew ` +
        "the API server's certificate, or set this machine's clock if that is wrong.",
    );
  });

  test('says that what listens there speaks no TLS', async () => {
    const api = await FakeApi.start();
    expect(await sentence(accessTo(`https://127.0.0.1:${api.port}`))).toMatch(
      /: what listens there does not speak TLS \(.*wrong version number.*\)\. Check the port in the server address of the kubeconfig\.$/s,
    );
  });

  test('says that the client certificate and key do not belong together', async () => {
    const trusted = authority();
    const api = await FakeApi.start(trusted.issue('api'));
    const credential = {
      kind: 'certificate',
      certificate: data(trusted.issue('one').cert),
      key: data(trusted.issue('other').key),
    } as const;
    expect(await sentence(accessTo(api.url, { ca: data(trusted.ca.cert), credential }))).toMatch(
      /: the kubeconfig's client certificate and client key do not belong together \(.*\)\. Take a fresh kubeconfig of this cluster\.$/,
    );
  });

  test.each([
    ['cut off', (key: string) => key.slice(0, 100)],
    ['garbled', (key: string) => key.replace(/\n./, '\n')],
  ])('says that the client key is %s', async (_, spoil) => {
    const trusted = authority();
    const api = await FakeApi.start(trusted.issue('api'));
    const { cert, key } = trusted.issue('jane');
    const credential = { kind: 'certificate', certificate: data(cert), key: data(spoil(key)) } as const;
    expect(await sentence(accessTo(api.url, { ca: data(trusted.ca.cert), credential }))).toMatch(
      /: the kubeconfig's client certificate or client key can not be read: it is cut off, damaged or encrypted \(.*\)\. Take a fresh kubeconfig of this cluster, whose key needs no passphrase\.$/,
    );
    expect(api.seen).toHaveLength(0);
  });

  test('shows its client certificate, and names the day on which that expired', async () => {
    const trusted = authority();
    const api = await FakeApi.start({
      ...trusted.issue('api'),
      ca: trusted.ca.cert,
      requestCert: true,
      rejectUnauthorized: false,
    });
    const names: string[] = [];
    api.always = (response) => {
      names.push(String((response.socket as TLSSocket).getPeerCertificate().subject?.CN));
      json(response, 200, { kind: 'Deployment', metadata: {} });
    };
    const as = (name: string, to?: string) => {
      const { cert, key } = trusted.issue(name, to === undefined ? {} : { to });
      const credential = { kind: 'certificate', certificate: data(cert), key: data(key) } as const;
      return accessTo(api.url, { ca: data(trusted.ca.cert), credential });
    };
    await connected(as('jane')).get(PATH);
    expect(names).toEqual(['jane']);
    api.always = refusing(401, 'Unauthorized', 'Unauthorized');
    expect(await sentence(as('old', '20210203040506Z'))).toBe(
      `The cluster at ${api.url} does not accept the credentials of the kubeconfig (401): the client certificate expired ` +
        'on 2021-02-03 04:05 UTC. Take a fresh kubeconfig, or check the login that it runs.',
    );
  });

  test('reads a client certificate again that was rotated, and opens a new connection for it', async () => {
    const trusted = authority();
    const api = await FakeApi.start({
      ...trusted.issue('api'),
      ca: trusted.ca.cert,
      requestCert: true,
      rejectUnauthorized: false,
    });
    const folder = temporaryFolder();
    const write = (name: string) => {
      const { cert, key } = trusted.issue(name);
      writeFileSync(join(folder, 'crt'), cert);
      writeFileSync(join(folder, 'key'), key);
    };
    write('first');
    const names: string[] = [];
    api.always = (response) => {
      const name = String((response.socket as TLSSocket).getPeerCertificate().subject?.CN);
      names.push(name);
      if (name === 'first' && names.length > 1) status(response, 401, 'Unauthorized', 'Unauthorized');
      else json(response, 200, { kind: 'Deployment', metadata: {} });
    };
    const credential = {
      kind: 'certificate',
      certificate: { kind: 'file', path: join(folder, 'crt') },
      key: { kind: 'file', path: join(folder, 'key') },
    } as const;
    const cluster = connected(accessTo(api.url, { ca: data(trusted.ca.cert), credential }));
    await cluster.get(PATH);
    write('second');
    await cluster.get(PATH);
    expect(names).toEqual(['first', 'first', 'second']);
  });
});

/** A proxy that tunnels, and what it was asked for. */
async function tunnel(answer = 200): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const proxy: Server = createServer();
  proxy.on('connect', (request, client, head) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    if (answer !== 200) {
      client.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
      return;
    }
    const port = Number(request.url?.split(':').at(-1));
    const server = connectSocket(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      server.write(head);
      server.pipe(client).pipe(server);
    });
    server.on('error', () => client.destroy());
    client.on('error', () => server.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

/** The least of RFC 1928: no login, CONNECT to a name. */
async function socks(): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const proxy = createTcpServer((client) => {
    client.on('error', () => {});
    client.once('data', () => {
      client.write(Buffer.from([5, 0]));
      client.once('data', (request) => {
        const length = request[4] ?? 0;
        const port = request.readUInt16BE(5 + length);
        asked.push(`${request.subarray(5, 5 + length)}:${port}`);
        const server = connectSocket(port, '127.0.0.1', () => {
          client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
          server.pipe(client).pipe(server);
        });
        server.on('error', () => client.destroy());
        client.on('close', () => server.destroy());
      });
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  return { url: `socks5://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

describe('a proxy', () => {
  // Loopback addresses are never proxied by HTTPS_PROXY: a name that only the proxy knows stands for a cluster.
  const remote = async () => {
    const trusted = authority();
    const api = await FakeApi.start(trusted.issue('api', { names: 'DNS:k8s.example.test' }));
    return { api, access: accessTo(`https://k8s.example.test:${api.port}`, { ca: data(trusted.ca.cert) }) };
  };

  test('of the environment is used, with its password', async () => {
    const { api, access } = await remote();
    const { url, asked } = await tunnel();
    const environment = { HTTPS_PROXY: url.replace('//', '//jane:s3cret@'), NO_PROXY: 'other.test' };
    await connected(access, { environment }).get(PATH);
    expect(asked).toEqual([
      `k8s.example.test:${api.port} Basic ${Buffer.from('jane:s3cret').toString('base64')}`,
    ]);
  });

  test('of the kubeconfig is used, even for loopback', async () => {
    const api = await FakeApi.start();
    const trusted = authority();
    const secure = await FakeApi.start(trusted.issue('api'));
    const { url, asked } = await tunnel();
    await connected(accessTo(secure.url, { proxyUrl: url, ca: data(trusted.ca.cert) })).get(PATH);
    expect(asked).toEqual([`127.0.0.1:${secure.port}`]);
    expect(api.seen).toHaveLength(0);
  });

  test('honours tls-server-name', async () => {
    const { access } = await remote();
    const { url } = await tunnel();
    const moved = {
      ...access,
      server: access.server.replace('k8s.example.test', 'bastion.test'),
      proxyUrl: url,
    };
    await connected({ ...moved, tlsServerName: 'k8s.example.test' }).get(PATH);
    expect(await sentence(moved)).toContain("the server's certificate is for another name");
  });

  test('is passed by where NO_PROXY says so', async () => {
    const { access } = await remote();
    const { url, asked } = await tunnel();
    const environment = { HTTPS_PROXY: url, NO_PROXY: '.example.test' };
    expect(await sentence(access, environment)).toContain('k8s.example.test');
    expect(asked).toEqual([]);
  });

  test('may speak SOCKS 5', async () => {
    const { api, access } = await remote();
    const { url, asked } = await socks();
    await connected({ ...access, proxyUrl: url }).get(PATH);
    expect(asked).toEqual([`k8s.example.test:${api.port}`]);
    expect(api.seen).toHaveLength(1);
  });

  test('that refuses is named', async () => {
    const { access } = await remote();
    const { url } = await tunnel(407);
    expect(await sentence({ ...access, proxyUrl: url })).toBe(
      `Cannot reach the cluster at ${access.server}: the proxy asks for a user name and ` +
        'password (407). Check HTTPS_PROXY, or proxy-url in the kubeconfig; NO_PROXY names the servers that need no proxy.',
    );
  });

  test.each(['jane:s3cret@::nonsense', 'http://jane:50%off@proxy:3128'])(
    'whose address is nonsense (%s) is a mistake of the user, and its password is not repeated',
    async (proxyUrl) => {
      const { access } = await remote();
      expect(await sentence({ ...access, proxyUrl })).toBe(
        `The proxy given by the kubeconfig (proxy-url) for ${access.server} is no usable URL; it must look like ` +
          'http://proxy.example.com:3128 (http, https or socks5).',
      );
    },
  );
});
