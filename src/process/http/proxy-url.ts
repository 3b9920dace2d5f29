const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'socks:', 'socks5:', 'socks5h:']);

/**
 * The address of a proxy, checked before anything is sent.
 *
 * @throws Error that does not repeat it: it may bear a password
 */
export function parseProxyUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || !SCHEMES.has(url.protocol)) throw new Error('no URL of a proxy');
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    throw new Error('a user name or password that is not percent-encoded');
  }
  return url;
}
