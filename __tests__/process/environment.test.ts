import { describe, expect, it } from 'vitest';
import { childEnvironment, purposesOfHelper } from '../../src/process/environment.ts';

const runner = {
  PATH: '/bin',
  HOME: '/root',
  INPUT_PASSWORD: 'secret',
  'INPUT_BUILD-ARGS': 'x',
  GITHUB_TOKEN: 'ghs_x',
  GH_TOKEN: 'ghs_x',
  ACTIONS_RUNTIME_TOKEN: 'jwt',
  ACTIONS_RESULTS_URL: 'https://results',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'jwt',
  ACTIONS_ID_TOKEN_REQUEST_URL: 'https://oidc',
  STATE_x: 'y',
  SSH_AUTH_SOCK: '/ssh',
  DOCKER_HOST: 'unix:///d',
  BUILDX_BUILDER: 'b',
  BUILDKIT_HOST: 'tcp://k',
  https_proxy: 'http://p',
  HTTPS_PROXY: 'http://p',
  AWS_SECRET_ACCESS_KEY: 'aws',
  NPM_TOKEN: 'npm',
  KUBECONFIG: '/k',
  UNSET: undefined,
};

describe("of the runner's environment", () => {
  it('docker gets its own variables and the proxies, and no secret', () => {
    expect(childEnvironment(runner, ['docker'])).toEqual({
      PATH: '/bin',
      HOME: '/root',
      DOCKER_HOST: 'unix:///d',
      BUILDX_BUILDER: 'b',
      BUILDKIT_HOST: 'tcp://k',
      https_proxy: 'http://p',
      HTTPS_PROXY: 'http://p',
      KUBECONFIG: '/k',
    });
  });
  it('git gets next to nothing', () => {
    expect(childEnvironment(runner, ['git'])).toEqual({ PATH: '/bin', HOME: '/root' });
  });
  it('the agent of ssh is there only for ssh', () => {
    expect(childEnvironment(runner, ['docker', 'ssh'])).toHaveProperty('SSH_AUTH_SOCK', '/ssh');
    expect(childEnvironment(runner, ['docker'])).not.toHaveProperty('SSH_AUTH_SOCK');
  });
  it("the cache service's token is there only for a gha cache, and the id token never", () => {
    const child = childEnvironment(runner, ['docker', 'gha-cache']);
    expect(child).toMatchObject({ ACTIONS_RUNTIME_TOKEN: 'jwt', ACTIONS_RESULTS_URL: 'https://results' });
    expect(Object.keys(child).filter((name) => name.startsWith('ACTIONS_ID_TOKEN'))).toEqual([]);
  });
  it("a cloud's credentials are there only for its helper", () => {
    expect(childEnvironment(runner, ['credential-helper', ...purposesOfHelper('ecr-login')])).toHaveProperty(
      'AWS_SECRET_ACCESS_KEY',
    );
    expect(childEnvironment(runner, ['credential-helper', ...purposesOfHelper('pass')])).not.toHaveProperty(
      'AWS_SECRET_ACCESS_KEY',
    );
  });
  it("a cluster's address and credentials are there only for a builder in it", () => {
    const inside = { ...runner, KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
    const child = childEnvironment(inside, ['docker', 'kubernetes']);
    expect(child).toMatchObject({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      AWS_SECRET_ACCESS_KEY: 'aws',
    });
    expect(Object.keys(child).filter((name) => /TOKEN|INPUT/.test(name))).toEqual([]);
    expect(Object.keys(childEnvironment(inside, ['docker']))).not.toContain('KUBERNETES_SERVICE_HOST');
  });
  it('what is set by hand wins', () => {
    expect(childEnvironment(runner, ['docker'], { DOCKER_HOST: 'x' })).toHaveProperty('DOCKER_HOST', 'x');
  });
});
