import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import type { Place } from '../../src/model/place.ts';
import {
  type BuildReport,
  type BuildStep,
  type ImageReport,
  REPORT_VERSION,
  type Report,
  type ResultKind,
  type SizeReport,
  type WorkloadReport,
} from '../../src/model/report.ts';
import type { FailureCode } from '../../src/model/verdict.ts';
import { NEW, SAMPLES, time } from './samples.ts';

const docs = new URL('../../docs/', import.meta.url);
const schema: Node = JSON.parse(readFileSync(new URL('report.schema.json', docs), 'utf8'));
const validate = compile();

function compile(): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  return ajv.compile(schema);
}

function errors(value: unknown): string[] {
  validate(structuredClone(value));
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

test.each(Object.entries(SAMPLES))('the report of a run that is %s fits the schema', (_, report) => {
  expect(errors(report)).toEqual([]);
});

test('the example in the documentation fits the schema', () => {
  const example = /```json\n(.*?)\n```/s.exec(readFileSync(new URL('report.md', docs), 'utf8'))?.[1];
  expect(errors(JSON.parse(example ?? '{}'))).toEqual([]);
});

test('the schema has the version of the type', () => {
  expect(schema.properties?.['version']).toMatchObject({ const: REPORT_VERSION });
});

/** Every field there is: the compiler refuses one too many and one too few. */
type Full<T> = T extends readonly (infer Item)[]
  ? readonly [Full<Item>, ...Full<Item>[]]
  : T extends object
    ? { readonly [Key in keyof T]-?: Full<Exclude<T[Key], undefined>> }
    : T;

const IMAGE: Full<ImageReport> = {
  target: 'web',
  reference: NEW,
  digest: `sha256:${'a'.repeat(64)}`,
  tag: 't',
  built: true,
  reused: { built: time(0), commit: 'c' },
  build: {
    seconds: 1.5,
    steps: [{ name: 'n', seconds: 0.5, cached: false }],
    warnings: [{ rule: 'r', message: 'm', url: 'u', place: { file: 'f', line: 1, endLine: 2 } }],
  },
  size: { bytes: 1, layers: 1, platform: 'p', change: { from: 'f', bytes: -1, newLayers: 1, newBytes: 1 } },
};

const full: Full<Report> = {
  version: 1,
  result: 'failed',
  command: 'deploy',
  reason: 'r',
  advice: 'a',
  details: ['d'],
  place: { file: 'f', line: 1, endLine: 2 },
  startedAt: time(0),
  endedAt: time(1),
  source: { revision: 'r', dirty: false, url: 'u' },
  image: IMAGE,
  images: [IMAGE],
  workloads: [
    {
      kind: 'Deployment',
      namespace: 'n',
      name: 'n',
      outcome: 'failed',
      patched: 'unknown',
      rollback: { outcome: 'restored', message: 'm', seconds: 1.5, advice: 'a' },
      containers: [{ name: 'n', before: 'b', after: 'a', back: 'b', runs: 'same' }],
      failure: { code: 'crash', message: 'm', quote: 'q', advice: 'a' },
      notes: ['n'],
      evidence: {
        containers: [{ pod: 'p', container: 'c', state: 's' }],
        events: [{ object: 'o', reason: 'r', message: 'm', count: 1 }],
        logs: { pod: 'p', container: 'c', previous: true, lines: ['l'] },
        missing: ['m'],
      },
    },
  ],
  timeline: [{ section: 's', label: 'l', start: time(0), end: time(1), outcome: 'done' }],
  api: { requests: 1, watches: 1 },
};

/** `key` of the fields that the type lets be absent; `satisfies` below holds the list against the type. */
type Optional<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? Key : never }[keyof T];
/** Of an image, wherever it stands. */
function optionalOf(path: string): Readonly<Record<string, string[]>> {
  return {
    [path]: ['target', 'digest', 'tag', 'reused', 'build', 'size'] satisfies Optional<ImageReport>[],
    [`${path}/build`]: ['steps'] satisfies Optional<BuildReport>[],
    [`${path}/build/steps/0`]: ['seconds', 'cached'] satisfies Optional<BuildStep>[],
    [`${path}/build/warnings/0`]: ['rule', 'url', 'place'] satisfies Optional<
      BuildReport['warnings'][number]
    >[],
    [`${path}/build/warnings/0/place`]: ['endLine'] satisfies Optional<Place>[],
    [`${path}/size`]: ['platform', 'change'] satisfies Optional<SizeReport>[],
    [`${path}/reused`]: ['commit'] satisfies Optional<NonNullable<ImageReport['reused']>>[],
  };
}
const OPTIONAL = {
  '': ['advice', 'details', 'place', 'source', 'image', 'images'] satisfies Optional<Report>[],
  '/source': ['url'] satisfies Optional<NonNullable<Report['source']>>[],
  '/place': ['endLine'] satisfies Optional<Place>[],
  ...optionalOf('/image'),
  ...optionalOf('/images/0'),
  '/workloads/0': ['patched', 'rollback', 'failure', 'evidence'] satisfies Optional<WorkloadReport>[],
  '/workloads/0/rollback': ['seconds', 'advice'] satisfies Optional<
    NonNullable<WorkloadReport['rollback']>
  >[],
  '/workloads/0/containers/0': ['back', 'runs'] satisfies Optional<WorkloadReport['containers'][number]>[],
  '/workloads/0/failure': ['quote'] satisfies Optional<NonNullable<WorkloadReport['failure']>>[],
  '/workloads/0/evidence': ['logs'] satisfies Optional<NonNullable<WorkloadReport['evidence']>>[],
};

interface Node {
  readonly [keyword: string]: unknown;
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: Node;
  readonly enum?: readonly string[];
  readonly $defs?: Readonly<Record<string, Node>>;
}

/** The objects of the full report, each with the part of the schema that is about it. */
function objects(value: unknown, node: Node, path = ''): { path: string; keys: string[]; node: Node }[] {
  const target = node.$ref === undefined ? node : (schema.$defs?.[node.$ref.replace('#/$defs/', '')] ?? {});
  if (Array.isArray(value)) return objects(value[0], target.items ?? {}, `${path}/0`);
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([key, child]) =>
    objects(child, target.properties?.[key] ?? {}, `${path}/${key}`),
  );
  return [{ path, keys: Object.keys(value), node: target }, ...below];
}

describe('the schema and the type say the same', () => {
  test('a report with every field fits', () => {
    expect(errors(full)).toEqual([]);
  });

  test.each(objects(full, schema))('the object at "$path"', ({ path, keys, node }) => {
    const optional = new Map<string, string[]>(Object.entries(OPTIONAL)).get(path) ?? [];
    expect(node.additionalProperties).toBe(false);
    expect(Object.keys(node.properties ?? {}).toSorted()).toEqual(keys.toSorted());
    expect([...(node.required ?? []), ...optional].toSorted()).toEqual(keys.toSorted());
    for (const property of Object.values(node.properties ?? {})) {
      expect(property['description'] ?? property.$ref).toBeTypeOf('string');
    }
  });

  test('the words that a field may hold', () => {
    const results: Record<ResultKind, 0> = {
      succeeded: 0,
      unchanged: 0,
      superseded: 0,
      'rolled-back': 0,
      'rollback-failed': 0,
      failed: 0,
      unknown: 0,
      skipped: 0,
    };
    const codes: Record<FailureCode, 0> = {
      'image-name': 0,
      'image-missing': 0,
      'image-denied': 0,
      'config-error': 0,
      'cannot-start': 0,
      crash: 0,
      'out-of-memory': 0,
      'probe-killed': 0,
      exits: 0,
      'pod-failed': 0,
      unschedulable: 0,
      'create-denied': 0,
      volume: 0,
      'progress-deadline': 0,
      'no-progress': 0,
      deadline: 0,
      'late-crash': 0,
      blocked: 0,
      gone: 0,
    };
    const outcomes: Record<WorkloadReport['outcome'], 0> = {
      healthy: 0,
      unchanged: 0,
      failed: 0,
      superseded: 0,
      unknown: 0,
      untouched: 0,
    };
    const rollbacks: Record<NonNullable<WorkloadReport['rollback']>['outcome'], 0> = {
      restored: 0,
      unnecessary: 0,
      declined: 0,
      impossible: 0,
      superseded: 0,
      failed: 0,
      unknown: 0,
    };
    const workload = schema.$defs?.['workload']?.properties;
    expect(schema.properties?.['result']?.enum).toEqual(Object.keys(results));
    expect(workload?.['failure']?.properties?.['code']?.enum).toEqual(Object.keys(codes));
    expect(workload?.['outcome']?.enum).toEqual(Object.keys(outcomes));
    expect(workload?.['rollback']?.properties?.['outcome']?.enum).toEqual(Object.keys(rollbacks));
  });
});

test.each([
  ['a field that nobody knows', { ...full, extra: 1 }, [' must NOT have additional properties']],
  ['another version', { ...full, version: 2 }, ['/version must be equal to constant']],
  ['a time that is none', { ...full, endedAt: 'soon' }, ['/endedAt must match format "date-time"']],
  [
    'a result that is none',
    { ...full, result: 'fine' },
    ['/result must be equal to one of the allowed values'],
  ],
])('the schema refuses %s', (_, report, expected) => {
  expect(errors(report)).toEqual(expected);
});
