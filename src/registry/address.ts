/** Where a registry answers: https, but plain HTTP on this machine itself, as docker and containerd do. */
export function addressOf(registry: string): URL {
  if (registry === 'docker.io') return new URL('https://registry-1.docker.io');
  const https = new URL(`https://${registry}`);
  return isLoopback(https.hostname) && !registry.endsWith(':443') ? new URL(`http://${registry}`) : https;
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
