import type { Environment } from '../process/environment.ts';
import { cacheTypes, fieldsOf } from './args.ts';
import type { BuildInputs } from './inputs.ts';

/** The caches of one build, as buildx takes them. */
export interface Caches {
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Pushed beside the image's own tags: an inline cache is read from the image that bears it. */
  readonly tag?: string;
}

/** What the builder can write: every kind, or only the one inside the image; undefined: not known. */
export type CacheExports = 'all' | 'inline' | undefined;

export interface CacheFacts {
  readonly inputs: Pick<BuildInputs, 'cacheFrom' | 'cacheTo' | 'noCache'>;
  /** References in the registry, and the scope in GitHub's cache; undefined: no cache by default. */
  readonly plan:
    | { readonly scope: string; readonly from: readonly string[]; readonly to: string | undefined }
    | undefined;
  /** GitHub's cache service is there. */
  readonly service: boolean;
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
  if (plan === undefined || !wantsDefaultCache(facts)) {
    return { from: inputs.cacheFrom, to: inputs.cacheTo.map(forgive) };
  }
  if (exports === undefined) return { from: [], to: [] };
  const { scope, to } = plan;
  if (exports === 'all' && service) {
    const entry = `type=gha,scope=${scope}`;
    return { from: [entry], to: to === undefined ? [] : [forgive(`${entry},mode=max`)] };
  }
  const from = plan.from.map((ref) => `type=registry,ref=${ref}`);
  if (to === undefined) return { from, to: [] };
  if (exports === 'inline') return { from, to: ['type=inline'], tag: to };
  // Amazon's registry takes no cache that is an index, hence the manifest: moby/buildkit#3724.
  return { from, to: [forgive(`type=registry,ref=${to},mode=min,image-manifest=true,oci-mediatypes=true`)] };
}

/** Whether GitHub's cache service told where it is and gave its token: only to actions, never to `run` steps. */
export function hasCacheService(environment: Environment): boolean {
  const told = environment['ACTIONS_RESULTS_URL'] || environment['ACTIONS_CACHE_URL'];
  return Boolean(environment['ACTIONS_RUNTIME_TOKEN'] && told);
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
