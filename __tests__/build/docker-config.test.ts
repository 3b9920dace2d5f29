import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDockerConfig } from '../../src/build/docker-config.ts';
import { failureOf, recordingLog, temporaryFolder } from '../process/fakes.ts';

const LOGIN = { registry: 'ghcr.io', username: 'octocat', password: 'pa:ss' };
const AUTH = Buffer.from('octocat:pa:ss').toString('base64');

async function open(
  config: string | undefined,
  { logins = [LOGIN], files = [] as string[], environment = {} } = {},
) {
  const home = temporaryFolder();
  const docker = join(home, '.docker');
  for (const file of files) {
    mkdirSync(join(docker, file, '..'), { recursive: true });
    writeFileSync(join(docker, file), 'x');
  }
  if (config !== undefined) {
    mkdirSync(docker, { recursive: true });
    writeFileSync(join(docker, 'config.json'), config);
  }
  const log = recordingLog();
  const opened = await openDockerConfig({
    logins,
    environment: { HOME: home, RUNNER_TEMP: home, ...environment },
    log,
  });
  const json = JSON.parse(readFileSync(join(opened.directory, 'config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  return { opened, json, docker, log };
}

describe("docker's configuration for a run", () => {
  it('holds our login where only we can read it, and is gone afterwards', async () => {
    const { opened, json, log } = await open(undefined);
    expect(json).toEqual({ auths: { 'ghcr.io': { auth: AUTH } }, credHelpers: { 'ghcr.io': '' } });
    expect(statSync(opened.directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(opened.directory, 'config.json')).mode & 0o777).toBe(0o600);
    expect(log.secrets).toEqual(['pa:ss', AUTH]);
    expect(opened.environment).toEqual({ DOCKER_CONFIG: opened.directory });
    await opened.close();
    expect(existsSync(opened.directory)).toBe(false);
  });
  it("keeps what the user configured, and the user's own file as it is", async () => {
    const theirs = JSON.stringify({
      auths: { 'quay.io': { auth: 'eDp5' } },
      credsStore: 'desktop',
      credHelpers: { 'gcr.io': 'gcloud' },
      proxies: { default: { httpProxy: 'http://p' } },
      currentContext: 'remote',
      somethingNew: 1,
    });
    const { opened, json, docker } = await open(theirs);
    expect(json).toEqual({
      auths: { 'quay.io': { auth: 'eDp5' }, 'ghcr.io': { auth: AUTH } },
      credsStore: 'desktop',
      // Without the empty name docker would ask `desktop`, and never see our login.
      credHelpers: { 'gcr.io': 'gcloud', 'ghcr.io': '' },
      proxies: { default: { httpProxy: 'http://p' } },
      currentContext: 'remote',
      somethingNew: 1,
    });
    expect(opened.helpers).toEqual(['gcloud', 'desktop']);
    await opened.close();
    expect(readFileSync(join(docker, 'config.json'), 'utf8')).toBe(theirs);
  });
  it('links contexts, plugins and certificates, and leaves builders where they are', async () => {
    const { opened, docker } = await open('{}', {
      files: [
        'contexts/meta/x',
        'cli-plugins/docker-buildx',
        'ca.pem',
        'buildx/instances/mine',
        '.token_seed',
      ],
    });
    for (const name of ['contexts', 'cli-plugins', 'ca.pem']) {
      expect(readlinkSync(join(opened.directory, name))).toBe(join(docker, name));
    }
    expect(existsSync(join(opened.directory, '.token_seed'))).toBe(false);
    expect(opened.environment['BUILDX_CONFIG']).toBe(join(docker, 'buildx'));
    await opened.close();
    // What is removed is the link, not what it leads to.
    expect(existsSync(join(docker, 'cli-plugins', 'docker-buildx'))).toBe(true);
  });
  it('logs in to Docker Hub under all of its names', async () => {
    const { opened, json } = await open('{"credsStore":"desktop"}', {
      logins: [{ ...LOGIN, registry: 'docker.io' }],
    });
    expect(Object.keys(json['auths'] as object)).toEqual([
      'https://index.docker.io/v1/',
      'docker.io',
      'index.docker.io',
      'registry-1.docker.io',
    ]);
    expect(json['credHelpers']).toMatchObject({ 'https://index.docker.io/v1/': '' });
    await opened.close();
  });
  it('takes logins that came by DOCKER_AUTH_CONFIG', async () => {
    const { opened, json } = await open('{"credsStore":"desktop"}', {
      logins: [],
      environment: { DOCKER_AUTH_CONFIG: '{"auths":{"quay.io":{"auth":"eDp5"}}}' },
    });
    expect(json).toEqual({
      credsStore: 'desktop',
      auths: { 'quay.io': { auth: 'eDp5' } },
      credHelpers: { 'quay.io': '' },
    });
    await opened.close();
  });
  it('that is no JSON is told without its content', async () => {
    const error = await failureOf(() => open('{"auths": secret'));
    expect(error.message).toMatch(
      /^Docker's configuration \S+\/\.docker\/config\.json is no JSON object\. Mend it, or remove it and log in again\.$/,
    );
  });
  it('knows with what it logs in', async () => {
    const { opened, docker } = await open(
      '{"auths":{"https://quay.io/v1/":{"auth":"eDp5"}},"credHelpers":{"gcr.io":"gcloud"}}',
    );
    expect(['ghcr.io', 'quay.io', 'gcr.io', 'other.io'].map(opened.loginOf)).toEqual([
      { username: 'octocat', origin: 'the inputs username and password' },
      { origin: join(docker, 'config.json') },
      { origin: 'docker-credential-gcloud' },
      undefined,
    ]);
    await opened.close();
  });
});
