import { join } from 'node:path';
import { csvField, fieldsOf } from '../args.ts';
import { isLocalContext } from '../context.ts';
import type { BuildInputs } from '../inputs.ts';
import type { BakeTarget } from './definition.ts';

/**
 * How a target is built: what the bake file says, and the step's inputs in its place where they say anything. Both
 * `no-cache` and `pull` can only be wished for, by either.
 */
export function inputsOf(target: BakeTarget, inputs: BuildInputs): BuildInputs {
  const { context, dockerfile, stage, platforms, cacheFrom, cacheTo, ssh, noCache, pull } = target;
  const local = isLocalContext(context);
  return {
    ...inputs,
    context,
    // bake takes a Dockerfile from the context on, `buildx build` from where it is started.
    file: local && !dockerfile.startsWith('/') ? join(context, dockerfile) : dockerfile,
    target: stage,
    platforms: given(inputs.platforms, platforms),
    cacheFrom: given(inputs.cacheFrom, cacheFrom),
    cacheTo: given(inputs.cacheTo, cacheTo),
    ssh: given(inputs.ssh, ssh),
    noCache: inputs.noCache || noCache,
    pull: inputs.pull || pull,
    provenance: inputs.provenance || attestation(target, 'provenance'),
    sbom: inputs.sbom || attestation(target, 'sbom'),
  };
}

function given(input: readonly string[], own: readonly string[]): readonly string[] {
  return input.length > 0 ? input : own;
}

/** `type=provenance,mode=max` in the words of the input `provenance`: `mode=max`; empty: the file asks for none. */
function attestation({ attest }: BakeTarget, type: 'provenance' | 'sbom'): string {
  const fields = attest.map(fieldsOf).findLast((each) => each.includes(`type=${type}`));
  if (fields === undefined) return '';
  const rest = fields.filter((field) => field !== `type=${type}` && field !== 'disabled=false');
  if (rest.includes('disabled=true')) return 'false';
  return rest.length === 0 ? 'true' : rest.map(csvField).join(',');
}

/** The target's output: pushed, as it says otherwise; and the kinds that it wants besides, which are not made. */
export function outputOf({ outputs }: BakeTarget): {
  readonly push: string;
  readonly dropped: readonly string[];
} {
  const fields = outputs.map((output) => (output.includes('=') ? fieldsOf(output) : [`type=local`, output]));
  const typeOf = (each: readonly string[]): string =>
    each.find((field) => field.startsWith('type='))?.slice('type='.length) ?? 'local';
  const image = fields.find((each) => ['image', 'registry'].includes(typeOf(each))) ?? [];
  const rest = image.filter((field) => !/^(?:type|push|name)=/.test(field));
  return {
    push: ['type=registry', ...rest.map(csvField)].join(','),
    dropped: [...new Set(fields.map(typeOf).filter((type) => !['image', 'registry'].includes(type)))],
  };
}

/** The file's own secrets and those of the step, which take the place of the ones with their ids. */
export function secretsOf({ secrets }: BakeTarget, ours: readonly string[]): readonly string[] {
  const id = (entry: string): string => fieldsOf(entry).find((field) => field.startsWith('id=')) ?? entry;
  const taken = new Set(ours.map(id));
  return [...secrets.filter((entry) => !taken.has(id(entry))), ...ours];
}
