/**
 * undici's barrel takes 60 ms and 29 MB to load and brings fetch, caches and WebSockets; these two take 25 ms
 * and 15 MB. The package has no `exports` map, so the files can be named; their types are the barrel's.
 */
declare module 'undici/lib/dispatcher/env-http-proxy-agent.js' {
  import { EnvHttpProxyAgent } from 'undici';
  export default EnvHttpProxyAgent;
}

/** The barrel makes this a method of every dispatcher: it takes its dispatcher as `this`. */
declare module 'undici/lib/api/api-request.js' {
  import type { Dispatcher } from 'undici';
  export default function request(
    this: Dispatcher,
    options: Dispatcher.RequestOptions,
  ): Promise<Dispatcher.ResponseData>;
}
