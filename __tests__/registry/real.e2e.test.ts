import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { parseImage } from '../../src/model/image.ts';
import type { Login } from '../../src/registry/credentials.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { pushImage } from '../cluster/image.ts';
import { type RegistryOptions, startRegistry } from '../cluster/registry.ts';
import { compile } from '../harness/images.ts';
import { realClock, recordingLog } from '../process/fakes.ts';
import { registryError } from './answers.ts';
import { startTokenServer } from './token-server.ts';

/** The distribution registry itself, in each of the forms in which people run it. */

const skipped = inject('setup') === undefined;
const folder = mkdtempSync(join(tmpdir(), 'steadyship-registries-'));
const closers: (() => Promise<unknown> | unknown)[] = [
  () => rmSync(folder, { recursive: true, force: true }),
];
const hosts = { open: '', token: '', closed: '', mirror: '' };
const octocat = { user: 'octocat', password: 'pa:ss' };
let digest: string;

afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

beforeAll(async () => {
  if (skipped) return;
  const start = async (name: keyof typeof hosts, options: Partial<RegistryOptions> = {}): Promise<string> => {
    const dir = join(folder, name);
    mkdirSync(dir, { recursive: true });
    const { host, stop } = await startRegistry({ dir, ...options });
    closers.push(stop);
    hosts[name] = host;
    return host;
  };
  const tokens = await startTokenServer(folder, {
    'octocat:pa:ss': ['pull', 'push'],
    'reader:r': ['pull'],
    anonymous: [],
  });
  closers.push(tokens.stop);
  const { app } = await compile();
  const push = (host: string, login?: typeof octocat): Promise<string> =>
    pushImage({ reference: `${host}/acme/shop:v1`, program: app, args: [], ...(login && { login }) });
  const open = await start('open');
  digest = await push(open);
  await start('mirror', { mirrorOf: `http://${open}` });
  await start('closed', { htpasswd: octocat });
  await push(hosts.closed, octocat);
  // The same data behind two doors: what is pushed through the open one is there behind the other.
  await start('token', { dir: join(folder, 'open'), token: tokens.token });
});

function open(host: string, login?: { readonly user: string; readonly password: string }) {
  const logins: readonly Login[] =
    login === undefined ? [] : [{ registry: host, username: login.user, password: login.password }];
  const log = recordingLog();
  const environment = { DOCKER_CONFIG: '/nonexistent' };
  const registry = openRegistry({ logins, environment, log, clock: realClock });
  onTestFinished(() => registry.close());
  return { registry, log, image: parseImage(`${host}/acme/shop:v1`).image };
}

describe.skipIf(skipped)('a registry with a token service', () => {
  it('shows and takes images for a user who may both, and the token is masked', async () => {
    const { registry, image, log } = open(hosts.token, octocat);
    expect(await registry.resolve(image)).toMatchObject({ exists: true, digest });
    expect(await registry.digestOf(image)).toBe(digest);
    await registry.checkPush(image);
    expect(log.secrets.some((secret) => /^eyJ[^.]+\.eyJ[^.]+\.[^.]+$/.test(secret))).toBe(true);
    expect(log.secrets.join(' ')).not.toContain(hosts.token);
  });
  it('refuses the push of a reader, who may read', async () => {
    const { registry, image } = open(hosts.token, { user: 'reader', password: 'r' });
    expect(await registry.resolve(image)).toMatchObject({ digest });
    const error = await registryError(() => registry.checkPush(image));
    expect([error.failure, error.message]).toEqual([
      'denied',
      `${hosts.token} refused a push to ${hosts.token}/acme/shop to "reader": "authentication required". Log in as somebody who may write to acme/shop (inputs username and password), or give this user the right.`,
    ]);
  });
  it('refuses a wrong login in the words of the token service', async () => {
    const { registry, image } = open(hosts.token, { user: 'octocat', password: 'wrong' });
    const error = await registryError(() => registry.checkPush(image));
    expect([error.failure, error.message]).toEqual([
      'unauthorized',
      `${hosts.token} refused the login as "octocat" from the inputs username and password: "incorrect username or password". Check both for the right registry and for a token that has expired or was revoked.`,
    ]);
  });
  it('shows nothing to somebody without a login', async () => {
    const { registry, image } = open(hosts.token);
    expect((await registryError(() => registry.resolve(image))).message).toBe(
      `${hosts.token} refused to show ${hosts.token}/acme/shop:v1 without a login: "authentication required". Set the inputs username and password.`,
    );
    expect(await registry.canPullAnonymously(image)).toBe(false);
  });
});

describe.skipIf(skipped)('a registry with passwords of its own', () => {
  it('shows and takes images for its user, and nothing for others', async () => {
    const { registry, image } = open(hosts.closed, octocat);
    expect(await registry.resolve(image)).toMatchObject({ digest });
    await registry.checkPush(image);
    const wrong = open(hosts.closed, { ...octocat, password: 'wrong' });
    expect((await registryError(() => wrong.registry.resolve(image))).failure).toBe('unauthorized');
    expect((await registryError(() => open(hosts.closed).registry.resolve(image))).failure).toBe(
      'unauthorized',
    );
  });
});

describe.skipIf(skipped)('a mirror', () => {
  it('shows what the registry behind it has, by the same digest', async () => {
    const { registry, image } = open(hosts.mirror);
    expect(await registry.resolve(image)).toMatchObject({ exists: true, digest });
    expect(await registry.resolve({ ...image, tag: 'none' })).toEqual({ exists: false });
  });
  it('takes no push, and says so before the build', async () => {
    const { registry, image } = open(hosts.mirror);
    const error = await registryError(() => registry.checkPush(image));
    expect([error.failure, error.message]).toEqual([
      'read-only',
      `${hosts.mirror} takes no pushes: it is a mirror or read-only. Name the registry itself in the input image.`,
    ]);
  });
});
