import { describe, expect, test } from 'vitest';
import { chooseProxy } from '../../src/cluster/pool.ts';
import { isExempt, isLoopback, proxyFor } from '../../src/process/proxy.ts';

const SERVER = new URL('https://k8s.example.com:6443');

describe('proxyFor', () => {
  test.each([
    ['none is set', {}, undefined],
    ['HTTPS_PROXY', { HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128'],
    ['https_proxy', { https_proxy: 'http://proxy:3128' }, 'http://proxy:3128'],
    ['without a scheme', { HTTPS_PROXY: 'proxy:3128' }, 'http://proxy:3128'],
    ['HTTP_PROXY is for http:// only', { HTTP_PROXY: 'http://proxy:3128' }, undefined],
    ['an empty one is none', { HTTPS_PROXY: '', https_proxy: ' ' }, undefined],
    ['NO_PROXY names the host', { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'k8s.example.com' }, undefined],
    [
      'NO_PROXY names another',
      { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'other.com' },
      'http://proxy:3128',
    ],
  ])('%s', (_, environment, wanted) => {
    expect(proxyFor(SERVER, environment)?.url).toBe(wanted);
  });

  test("the kubeconfig's proxy-url wins, whatever NO_PROXY says", () => {
    const environment = { HTTPS_PROXY: 'http://other:1', NO_PROXY: '*' };
    expect(chooseProxy({ server: SERVER.href, proxyUrl: 'socks5://bastion:1080' }, environment)).toEqual({
      url: 'socks5://bastion:1080',
      origin: 'the kubeconfig (proxy-url)',
    });
  });
});

describe('NO_PROXY', () => {
  test.each<[string, string, boolean]>([
    ['https://k8s.example.com:6443', '*', true],
    ['https://k8s.example.com:6443', 'example.com', true],
    ['https://k8s.example.com:6443', '.example.com', true],
    ['https://k8s.example.com:6443', '*.example.com', true],
    ['https://K8S.Example.com.:6443', 'EXAMPLE.COM', true],
    ['https://k8s.example.com:6443', 'a.com, example.com ,b.com', true],
    ['https://k8s.example.com:6443', 'a.com example.com', true],
    ['https://k8s.example.com:6443', 'k8s.example.com:6443', true],
    ['https://k8s.example.com:6443', 'k8s.example.com:443', false],
    ['https://k8s.example.com', 'k8s.example.com:443', true],
    ['https://k8sexample.com', 'example.com', false],
    ['https://example.com', '.example.com', false],
    ['https://example.com', '*.example.com', false],
    ['https://10.1.2.3:6443', '10.0.0.0/8', true],
    ['https://11.1.2.3:6443', '10.0.0.0/8', false],
    ['https://10.1.2.3:6443', '10.1.2.3', true],
    ['https://10.1.2.3:6443', '10.1.2.3:6443', true],
    ['https://10.1.2.3:6443', '10.1.2', false],
    ['https://[fd00::1]:6443', 'fd00::/8', true],
    ['https://[fd00::1]:6443', 'fd00::1', true],
    ['https://[fd00::1]:6443', '[fd00::1]:6443', true],
    ['https://[fd00::1]:6443', '10.0.0.0/8', false],
    ['https://10.1.2.3:6443', '10.0.0.0/99', false],
    ['https://10.1.2.3:6443', 'nonsense/8', false],
    ['https://k8s.example.com', '', false],
    ['https://127.0.0.1:6443', '', true],
    ['https://localhost:6443', '', true],
    ['https://[::1]:6443', '', true],
  ])('%s with "%s": straight %s', (server, exceptions, straight) => {
    expect(isExempt(new URL(server), exceptions)).toBe(straight);
  });
});

test.each<[string, boolean]>([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['[::1]', true],
  ['localhost', true],
  ['kind.localhost', true],
  ['localhost.example.com', false],
  ['128.0.0.1', false],
  ['127.0.0.1.example.com', false],
  ['0.0.0.0', false],
])('%s is loopback: %s', (host, wanted) => {
  expect(isLoopback(host)).toBe(wanted);
});
