import type { PodTemplate } from '../../model/kube.ts';

/** The label by which the controller tells ReplicaSets apart; only it is allowed to differ. */
const HASH_LABEL = 'pod-template-hash';

/**
 * Whether two pod templates are the same apart from `pod-template-hash`. Absent, null and empty are equal,
 * as in apiequality.Semantic.DeepEqual, because the API server drops and adds empty fields between versions.
 *
 * Source: EqualIgnoreHash, kubernetes pkg/controller/deployment/util/deployment_util.go:619 (v1.36.3).
 */
export function sameTemplate(one: PodTemplate | undefined, other: PodTemplate | undefined): boolean {
  return equal(withoutHash(one), withoutHash(other));
}

/** Annotations of the template that differ, for the sentence that says what was changed. */
export function changedAnnotations(one: PodTemplate, other: PodTemplate): readonly string[] {
  const before = one.metadata?.annotations ?? {};
  const after = other.metadata?.annotations ?? {};
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => before[key] !== after[key])
    .sort();
}

function withoutHash(template: PodTemplate | undefined): PodTemplate {
  const { [HASH_LABEL]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}

function equal(one: unknown, other: unknown): boolean {
  if (Object.is(one, other) || (isNothing(one) && isNothing(other))) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => equal(item, other[index]));
  }
  const left = asRecord(one);
  const right = asRecord(other);
  if (left === undefined || right === undefined) return false;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) =>
    equal(left[key], right[key]),
  );
}

/** Nothing counts as a record without keys, so that `{a: {}}` equals an absent object too. */
function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (isNothing(value)) return {};
  return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
