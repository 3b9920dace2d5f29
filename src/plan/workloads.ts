import { isLabel, isSubdomain } from '../model/names.ts';
import type { WorkloadKind } from '../model/observation.ts';
import type { WorkloadRef } from '../model/workload.ts';

/** The names under which kubectl knows the kinds. */
const KINDS: ReadonlyMap<string, WorkloadKind> = new Map([
  ...namesOf('Deployment', 'deploy'),
  ...namesOf('StatefulSet', 'sts'),
  ...namesOf('DaemonSet', 'ds'),
]);

function namesOf(kind: WorkloadKind, short: string): readonly (readonly [string, WorkloadKind])[] {
  const name = kind.toLowerCase();
  return [short, name, `${name}s`, `${name}.apps`, `${name}s.apps`].map((each) => [each, kind]);
}

/** What one entry of `workloads` came to: a reference whose namespace may still be open, or a mistake. */
export type ParsedWorkload =
  | { readonly ref: Omit<WorkloadRef, 'namespace'> & { readonly namespace: string | undefined } }
  | { readonly mistake: string };

/** Of a bake file's target. A service of a compose file may bear dots, which bake makes underscores of. */
const TARGET = /^[\w.-]+$/;

/**
 * Reads the input `workloads`: entries on lines or between commas, each `kind/name`, `kind/name:container`
 * or `namespace/kind/name`, and behind a `=` the target of a bake file. A `#` starts a comment line.
 */
export function parseWorkloads(text: string): readonly ParsedWorkload[] {
  return text
    .split('\n')
    .filter((line) => !line.trim().startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseWorkload);
}

function parseWorkload(entry: string): ParsedWorkload {
  const say = (why: string): ParsedWorkload => ({
    mistake: `workloads: ${JSON.stringify(entry)} ${why}. Write kind/name, kind/name:container or namespace/kind/name, for example deployment/web.`,
  });
  const equals = entry.indexOf('=');
  const target = equals === -1 ? undefined : entry.slice(equals + 1).trim();
  const workload = equals === -1 ? entry : entry.slice(0, equals).trim();
  const colon = workload.indexOf(':');
  const path = colon === -1 ? workload : workload.slice(0, colon);
  const container = colon === -1 ? undefined : workload.slice(colon + 1);
  const parts = path.split('/');
  if (parts.length === 1) return say('names no kind');
  if (parts.length > 3) return say('has too many slashes');
  const [name, word, namespace] = [...parts].reverse();
  const kind = KINDS.get(word?.toLowerCase() ?? '');
  if (kind === undefined) {
    return say(
      `is of the kind ${JSON.stringify(word)}, which is not gated; the kinds that are: deployment, statefulset, daemonset`,
    );
  }
  if (name === undefined || !isSubdomain(name)) {
    return say(`bears ${JSON.stringify(name)}, which can not be the name of an object (RFC 1123)`);
  }
  if (namespace !== undefined && !isLabel(namespace)) {
    return say(`bears ${JSON.stringify(namespace)}, which can not be the name of a namespace (RFC 1123)`);
  }
  if (container !== undefined && !isLabel(container)) {
    return say(`bears ${JSON.stringify(container)}, which can not be the name of a container (RFC 1123)`);
  }
  if (target !== undefined && !TARGET.test(target)) {
    return say(
      `bears ${JSON.stringify(target)} behind the "=", which can not be the name of a bake file's target (letters, digits, "_" and "-")`,
    );
  }
  return { ref: { kind, namespace, name, container, target: target?.replaceAll('.', '_') } };
}

/**
 * One sentence for each workload or container that is named twice, or both with and without a container.
 * Workloads whose namespace is still open are all in the same one, whichever that will be.
 */
export function duplicateWorkloads(
  refs: readonly (Omit<WorkloadRef, 'namespace'> & { readonly namespace: string | undefined })[],
): readonly string[] {
  const seen = new Map<string, Map<string | undefined, string | undefined>>();
  const mistakes = new Set<string>();
  for (const ref of refs) {
    const path = `${ref.kind.toLowerCase()}/${ref.name}`;
    const key = ref.namespace === undefined ? path : `${ref.namespace}/${path}`;
    const containers = seen.get(key) ?? new Map<string | undefined, string | undefined>();
    if (containers.has(ref.container)) {
      const what = ref.container === undefined ? key : `${key}:${ref.container}`;
      const several = ref.container === undefined && containers.get(undefined) !== ref.target;
      mistakes.add(
        several
          ? `workloads: ${key} is named twice, with targets ${containers.get(undefined)} and ${ref.target}. Name the container of each, for example ${key}:${ref.target}=${ref.target}.`
          : `workloads: ${what} is named twice. Name it once.`,
      );
    } else if (containers.size > 0 && (ref.container === undefined || containers.has(undefined))) {
      mistakes.add(
        `workloads: ${key} is named both with and without a container. Name the container each time, or not at all.`,
      );
    }
    seen.set(key, containers.set(ref.container, ref.target));
  }
  return [...mistakes];
}
