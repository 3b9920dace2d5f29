import type { Environment } from '../process/environment.ts';
import { cacheTypes, csvField, fieldsOf } from './args.ts';
import type { BuildInputs } from './inputs.ts';

/** The caches of one build, as buildx takes them. */
export interface Caches {
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Pushed beside the image's own tags: an inline cache is read from the image that bears it. */
  readonly tag?: string;
}

/** What has to be said of GitHub's cache service beyond the variables that every buildx reads by itself. */
export interface CacheService {
  /** Fields of a `type=gha` cache; none of them is secret. */
  readonly fields: readonly string[];
}

/** What the builder can write: every kind, or only the one inside the image; undefined: not known. */
export type CacheExports = 'all' | 'inline' | undefined;

export interface CacheFacts {
  readonly inputs: Pick<BuildInputs, 'cacheFrom' | 'cacheTo' | 'noCache'>;
  /** References in the registry, and the scope in GitHub's cache; undefined: no cache by default. */
  readonly plan:
    | { readonly scope: string; readonly from: readonly string[]; readonly to: string | undefined }
    | undefined;
  /** GitHub's cache service; undefined: it is not there. */
  readonly service: CacheService | undefined;
  readonly exports: CacheExports;
}

/** Kinds that know `ignore-error` (BuildKit's cache/remotecache); an inline cache is part of the image. */
const FORGIVING = new Set(['gha', 'registry', 'local', 's3', 'azblob']);

/** Whether a default would be taken, and so what builder there is has to be known. */
export function wantsDefaultCache({ inputs, plan }: Pick<CacheFacts, 'inputs' | 'plan'>): boolean {
  return (
    plan !== undefined && !inputs.noCache && inputs.cacheFrom.length === 0 && inputs.cacheTo.length === 0
  );
}

/**
 * The caches of a build: the inputs' own, or a default. GitHub's cache gets every stage (`mode=max`); the
 * registry's only what is in the image anyway (`mode=min`), since whoever may pull the image may pull the cache,
 * and intermediate stages hold sources and more. Docker's own builder with its old image store can write a cache
 * only into the image: that one gets a tag more.
 */
export function chooseCaches(facts: CacheFacts): Caches {
  const { inputs, plan, service, exports } = facts;
  const address = (entry: string): string => withAddress(entry, service);
  if (plan === undefined || !wantsDefaultCache(facts)) {
    return { from: inputs.cacheFrom.map(address), to: inputs.cacheTo.map(address).map(forgive) };
  }
  if (exports === undefined) return { from: [], to: [] };
  const { scope, to } = plan;
  if (exports === 'all' && service !== undefined) {
    const entry = address(`type=gha,scope=${scope}`);
    return { from: [entry], to: to === undefined ? [] : [forgive(`${entry},mode=max`)] };
  }
  const from = plan.from.map((ref) => `type=registry,ref=${ref}`);
  if (to === undefined) return { from, to: [] };
  if (exports === 'inline') return { from, to: ['type=inline'], tag: to };
  // Amazon's registry takes no cache that is an index, hence the manifest: moby/buildkit#3724.
  return { from, to: [forgive(`type=registry,ref=${to},mode=min,image-manifest=true,oci-mediatypes=true`)] };
}

/**
 * GitHub's cache service, when it told where it is and gave its token: only to actions, never to `run` steps. Where it
 * is depends on its version, as in actions/toolkit (packages/cache/src/internal/config.ts): a server that has only
 * version 1 may tell an ACTIONS_RESULTS_URL too, at which there is no cache.
 *
 * Of version 2 buildx knows since 0.21 alone; an older one leaves the cache out without a word. BuildKit (0.20) reads
 * its address from the entry, whatever buildx thinks of it; `url` is there because the older buildx asks for it.
 */
export function findCacheService(environment: Environment): CacheService | undefined {
  if (!environment['ACTIONS_RUNTIME_TOKEN']) return undefined;
  const { ACTIONS_CACHE_URL: first = '', ACTIONS_RESULTS_URL: second = '' } = environment;
  if (!/^(?:1|t|true)$/i.test(environment['ACTIONS_CACHE_SERVICE_V2'] ?? '')) {
    return first === '' ? undefined : { fields: [] };
  }
  return second === '' ? undefined : { fields: [`url_v2=${second}`, `url=${first || second}`] };
}

/** A cache of GitHub's with its address, unless the user wrote one. */
function withAddress(entry: string, service: CacheService | undefined): string {
  if (service === undefined || cacheTypes([entry])[0] !== 'gha') return entry;
  const named = fieldsOf(entry).some((field) => /^(?:url|url_v2|version)=/i.test(field));
  return named ? entry : [entry, ...service.fields.map(csvField)].join(',');
}

/** A cache that can not be written fails no build, unless the user said that it should. */
function forgive(entry: string): string {
  const [type = ''] = cacheTypes([entry]);
  const fields = fieldsOf(entry);
  if (!FORGIVING.has(type) || fields.some((field) => field.startsWith('ignore-error='))) return entry;
  const whole = fields.some((field) => field.includes('=')) ? entry : `type=registry,ref=${entry}`;
  return `${whole},ignore-error=true`;
}

/** Whether the user wants the build to fail with its cache. */
export function mustSucceed(entry: string): boolean {
  return fieldsOf(entry).some((field) => /^ignore-error=(?:false|0|f)$/i.test(field));
}
