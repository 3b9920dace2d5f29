import { describe, expect, it } from 'vitest';
import { openRegistry } from '../../src/registry/registry.ts';
import { hastyClock, recordingLog } from '../process/fakes.ts';
import { INDEX, image, MANIFEST, refusal, registryError } from './answers.ts';
import { type Answer, wire } from './wire.ts';

describe('a login', () => {
  const login = (host: string) => [{ registry: host, username: 'octocat', password: 'pa:ss' }];
  const basic = `Basic ${Buffer.from('octocat:pa:ss').toString('base64')}`;

  /** A registry with a token service, as most are. */
  async function withTokens(onToken: (authorization: string | undefined) => Answer, password = true) {
    const logins: { registry: string; username: string; password: string }[] = [];
    const setUp = await wire(
      ({ url, authorization, method }, _, host) => {
        if (url.startsWith('/token')) return onToken(authorization);
        if (authorization === 'Bearer good')
          return method === 'POST' ? { status: 202, headers: { location: '/v2/up?x=1' } } : { body: INDEX };
        const scope = `repository:acme/shop:${method === 'POST' ? 'pull,push' : 'pull'}`;
        return {
          ...refusal(401, 'UNAUTHORIZED', 'authentication required'),
          headers: {
            'www-authenticate': `Bearer realm="http://${host}/token?a=b",service="reg",scope="${scope}"`,
          },
        };
      },
      { logins },
    );
    if (password) logins.push(...login(setUp.host));
    return setUp;
  }

  it('is traded for a token, which is masked and used again', async () => {
    const { registry, host, asked, log } = await withTokens(() => ({
      body: { token: 'good', expires_in: 300 },
    }));
    await registry.resolve(image(host));
    await registry.resolve(image(host));
    expect(asked.map(({ url, authorization }) => [url, authorization])).toEqual([
      ['/v2/acme/shop/manifests/v1', undefined],
      ['/token?a=b&service=reg&scope=repository%3Aacme%2Fshop%3Apull', basic],
      ['/v2/acme/shop/manifests/v1', 'Bearer good'],
      ['/v2/acme/shop/manifests/v1', 'Bearer good'],
    ]);
    expect(log.secrets).toContain('good');
  });
  it('by a refresh token is traded for one by a form', async () => {
    const setUp = await withTokens(() => ({ body: { access_token: 'good' } }), false);
    const registry = openRegistry({
      logins: [],
      environment: {
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [setUp.host]: { identitytoken: 'refresh' } } }),
      },
      log: recordingLog(),
      clock: hastyClock(),
    });
    await registry.resolve(image(setUp.host));
    await registry.close();
    expect(setUp.asked[1]).toMatchObject({
      method: 'POST',
      body: 'grant_type=refresh_token&client_id=steadyship&scope=repository%3Aacme%2Fshop%3Apull&refresh_token=refresh&service=reg',
    });
  });
  it('that the token service refuses is told with its words, and not tried again', async () => {
    const { registry, host, asked } = await withTokens(() =>
      refusal(401, 'UNAUTHORIZED', 'incorrect username or password'),
    );
    const error = await registryError(() => registry.resolve(image(host)));
    expect([error.failure, error.message]).toEqual([
      'unauthorized',
      `${host} refused the login as "octocat" from the inputs username and password: "incorrect username or password". Check both for the right registry and for a token that has expired or was revoked.`,
    ]);
    expect(asked).toHaveLength(2);
  });
  it('that does not suffice is a denial, not an absence', async () => {
    const { registry, host } = await withTokens(() => ({ body: { token: 'too little' } }));
    const error = await registryError(() => registry.resolve(image(host)));
    expect([error.failure, error.message]).toEqual([
      'denied',
      `${host} refused to show ${host}/acme/shop:v1 to "octocat": "authentication required". Log in as somebody who may read acme/shop (inputs username and password), or give this user the right.`,
    ]);
  });
  it('that is missing is told', async () => {
    const { registry, host } = await withTokens(() => refusal(401, 'UNAUTHORIZED'), false);
    expect((await registryError(() => registry.resolve(image(host)))).message).toBe(
      `${host} refused to show ${host}/acme/shop:v1 without a login: "UNAUTHORIZED". Set the inputs username and password.`,
    );
  });
  it('is sent as it is to a registry that wants that', async () => {
    const logins: { registry: string; username: string; password: string }[] = [];
    const { registry, host, asked } = await wire(
      ({ authorization }) =>
        authorization === basic
          ? { body: INDEX }
          : { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
      { logins },
    );
    logins.push(...login(host));
    expect(await registry.resolve(image(host))).toMatchObject({ exists: true });
    expect(asked).toHaveLength(2);
  });
  it('is not sent to an address in clear text', async () => {
    const logins: { registry: string; username: string; password: string }[] = [];
    const { registry, host } = await wire(
      () => ({ status: 401, headers: { 'www-authenticate': 'Bearer realm="http://example.com/token"' } }),
      { logins },
    );
    logins.push(...login(host));
    expect((await registryError(() => registry.resolve(image(host)))).message).toBe(
      `${host} wants the login sent to "http://example.com/token", which is no https address: it was not sent.`,
    );
  });
  it('is not sent on to another host', async () => {
    const other = await wire(() => ({ body: { os: 'linux', architecture: 'amd64' } }));
    const logins: { registry: string; username: string; password: string }[] = [];
    const { registry, host } = await wire(
      ({ url, authorization }) => {
        if (authorization === undefined)
          return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
        return url.includes('/manifests/')
          ? { body: MANIFEST }
          : { status: 307, headers: { location: `http://${other.host}/store` } };
      },
      { logins },
    );
    logins.push(...login(host));
    await registry.resolve(image(host));
    expect(other.asked).toMatchObject([{ url: '/store', authorization: undefined }]);
  });
  it('is asked for again when a token has ended early', async () => {
    let tokens = 0;
    const { registry, host } = await withTokens(() => ({
      body: { token: tokens++ === 0 ? 'ended' : 'good' },
    }));
    await registryError(() => registry.resolve(image(host)));
    expect(await registry.resolve(image(host))).toMatchObject({ exists: true });
  });
});

it('a login that would do does not make an image public', async () => {
  const logins: { registry: string; username: string; password: string }[] = [];
  const { registry, host } = await wire(
    ({ authorization }) =>
      authorization === undefined ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } : {},
    { logins },
  );
  logins.push({ registry: host, username: 'a', password: 'b' });
  expect(await registry.has(image(host))).toBe(true);
  expect(await registry.canPullAnonymously(image(host))).toBe(false);
});
