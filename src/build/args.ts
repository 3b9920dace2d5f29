import { parse } from 'csv-parse/sync';
import type { BuildInputs } from './inputs.ts';
import type { SecretSource } from './secrets.ts';

/** All that decides the command line of a build. */
export interface BuildCommand {
  readonly inputs: BuildInputs;
  /** Full references. */
  readonly tags: readonly string[];
  /** Ours: a label of the same name among the inputs wins. */
  readonly labels: Readonly<Record<string, string>>;
  readonly secrets: readonly SecretSource[];
  readonly metadataFile: string;
  /** Instead of the inputs' builder: one that was made for this build. */
  readonly builder?: string;
  /** `builder-id` of a provenance that names none. */
  readonly runUrl?: string;
  /** Everybody may read the repository: a provenance may then tell how all of it was built. */
  readonly isPublic?: boolean;
}

/**
 * The arguments of buildx. The options mean what build-push-action makes of the inputs of these names
 * (its src/context.ts); every value is an argument of its own, and no shell ever sees it.
 */
export function buildArguments(command: BuildCommand): string[] {
  const { inputs, tags, labels, secrets } = command;
  const builder = command.builder ?? inputs.builder;
  const each = (option: string, values: readonly string[]): string[] =>
    values.map((value) => `${option}=${value}`);
  const one = (option: string, value: string): string[] => (value === '' ? [] : [`${option}=${value}`]);
  return [
    'build',
    // The runner has no terminal; said outright, because buildx asks the environment too.
    '--progress=plain',
    '--push',
    `--metadata-file=${command.metadataFile}`,
    ...one('--builder', builder),
    ...one('--file', inputs.file),
    ...one('--target', inputs.target),
    ...one('--platform', inputs.platforms.join(',')),
    ...each('--build-arg', inputs.buildArgs),
    ...each('--build-context', inputs.buildContexts),
    ...each('--secret', secrets.map(renderSecret)),
    ...each('--ssh', inputs.ssh),
    // The last label of a name counts.
    ...each('--label', [
      ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
      ...inputs.labels,
    ]),
    ...each('--annotation', inputs.annotations),
    ...each('--cache-from', inputs.cacheFrom),
    ...each('--cache-to', inputs.cacheTo),
    ...(inputs.noCache ? ['--no-cache'] : []),
    ...(inputs.pull ? ['--pull'] : []),
    ...one('--network', inputs.network),
    ...each('--add-host', inputs.addHosts),
    ...one('--shm-size', inputs.shmSize),
    ...each('--ulimit', inputs.ulimit),
    ...provenance(inputs.provenance, command),
    ...sbom(inputs.sbom),
    ...each('--tag', tags),
    // A context whose name begins with a dash is no option.
    '--',
    inputs.context,
  ];
}

/**
 * None unless it is asked for, and said so, since buildx's own default depends on driver and version. It
 * holds the build's start and end, so each would make another digest out of unchanged content, and pods
 * would restart for nothing.
 *
 * The mode is always said: BuildKit's own default is `max`, which tells the Dockerfile and the values of
 * build-args to everybody who may pull. As build-push-action, `true` means that for a public repository alone.
 */
function provenance(value: string, facts: Pick<BuildCommand, 'runUrl' | 'isPublic'>): string[] {
  const fields = provenanceFields(value, facts);
  return fields === undefined ? ['--provenance=false'] : [`--attest=type=provenance${fields}`];
}

function sbom(value: string): string[] {
  const fields = sbomFields(value);
  return fields === undefined ? ['--sbom=false'] : [`--attest=type=sbom${fields}`];
}

/** The same as entries of bake's `attest`, which knows no other way to say none. */
export function attestationFields(
  inputs: Pick<BuildInputs, 'provenance' | 'sbom'>,
  facts: Pick<BuildCommand, 'runUrl' | 'isPublic'>,
): readonly string[] {
  const off = ',disabled=true';
  return [
    `type=provenance${provenanceFields(inputs.provenance, facts) ?? off}`,
    `type=sbom${sbomFields(inputs.sbom) ?? off}`,
  ];
}

function provenanceFields(
  value: string,
  { runUrl, isPublic }: Pick<BuildCommand, 'runUrl' | 'isPublic'>,
): string | undefined {
  if (isOff(value)) return undefined;
  const given = asBoolean(value) === true ? [] : [value];
  const has = (key: string): boolean => fieldsOf(value).some((field) => field.startsWith(`${key}=`));
  const attributes = [
    ...given,
    ...(has('mode') ? [] : [`mode=${isPublic === true ? 'max' : 'min'}`]),
    ...(runUrl === undefined || has('builder-id') ? [] : [`builder-id=${runUrl}`]),
  ];
  return attributes.map((attribute) => `,${attribute}`).join('');
}

function sbomFields(value: string): string | undefined {
  if (isOff(value)) return undefined;
  return asBoolean(value) === true ? '' : `,${value}`;
}

/** Whether an attestation was asked for, which not every builder can make. */
export function wantsAttestation(inputs: Pick<BuildInputs, 'provenance' | 'sbom'>): boolean {
  return [inputs.provenance, inputs.sbom].some((value) => !isOff(value));
}

/** An attestation that is not asked for. */
export function isOff(value: string): boolean {
  return value === '' || asBoolean(value) === false;
}

/** The types of caches among the entries: `type=gha,scope=x` is `gha`; an entry without a type a registry. */
export function cacheTypes(entries: readonly string[]): readonly string[] {
  return entries.map((entry) => {
    const type = fieldsOf(entry).find((field) => field.startsWith('type='));
    return type === undefined ? 'registry' : type.slice('type='.length);
  });
}

/** YAML's booleans, as @actions/core reads them. */
function asBoolean(value: string): boolean | undefined {
  if (/^(?:true|True|TRUE)$/.test(value)) return true;
  return /^(?:false|False|FALSE)$/.test(value) ? false : undefined;
}

export function fieldsOf(csv: string): string[] {
  const records: string[][] = parse(csv, {
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
  });
  return records[0] ?? [];
}

export function renderSecret(secret: SecretSource): string {
  const place = 'file' in secret ? `src=${secret.file}` : `env=${secret.variable}`;
  return [`id=${secret.id}`, place].map(csvField).join(',');
}

/** buildx reads the option as a record of CSV. */
export function csvField(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
