/** Which objects to ask for: selectors only narrow. Whose child an object is, its owner reference says. */
import type { LabelSelector } from '../model/kube.ts';

/**
 * Percent-encoded characters that a selector may have. It is a part of the request line, for which many a proxy has
 * 8 kB (nginx, large_client_header_buffers) and answers 414 beyond.
 */
const LONGEST = 4_000;

/**
 * The label selector that asks for the children of all the workloads and of as few others as may be. One
 * workload: its own selector. Several: the labels that all of them ask for by equality, by their common value, and
 * one of them by its different values, or by its presence where the values are too many for a request.
 *
 * @returns undefined when nothing narrows
 */
export function commonSelector(selectors: readonly (LabelSelector | undefined)[]): string | undefined {
  const [first] = selectors;
  if (first === undefined) return undefined;
  if (selectors.length === 1) return renderSelector(first);
  const common = Object.keys(first.matchLabels ?? {})
    .map((key) => ({ key, values: new Set(selectors.map((selector) => selector?.matchLabels?.[key])) }))
    .filter(({ values }) => !values.has(undefined));
  const same = common.filter(({ values }) => values.size === 1);
  const equal = same.map(({ key, values: [value] }) => `${key}=${value}`);
  const [different] = common.filter(({ values }) => values.size > 1);
  if (different === undefined) return equal.length === 0 ? undefined : equal.join(',');
  const { key, values } = different;
  const narrow = [...equal, `${key} in (${[...values].join(',')})`].join(',');
  return encodeURIComponent(narrow).length <= LONGEST ? narrow : [...equal, key].join(',');
}

/** A selector in the form that the query parameter takes (k8s.io/apimachinery labels.Parse). */
export function renderSelector(selector: LabelSelector): string | undefined {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`;
      case 'NotIn':
        return `${key} notin (${values.join(',')})`;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return `${key}`;
    }
  });
  const all = [...equal, ...expressions];
  return all.length === 0 ? undefined : all.join(',');
}

type Labels = Readonly<Record<string, string>>;

/**
 * Whether labels are asked for by one of the selectors at least. A controller owns nothing that its selector does not
 * match: it lets such an object go. Hundreds of selectors are told apart by one equality of each.
 */
export function anyMatches(
  selectors: readonly (LabelSelector | undefined)[],
): (labels: Labels | undefined) => boolean {
  const byLabel = new Map<string, LabelSelector[]>();
  const others: (LabelSelector | undefined)[] = [];
  for (const selector of selectors) {
    const [pair] = Object.entries(selector?.matchLabels ?? {});
    if (selector === undefined || pair === undefined) others.push(selector);
    else byLabel.set(pair.join('='), [...(byLabel.get(pair.join('=')) ?? []), selector]);
  }
  return (labels = {}) =>
    others.some((selector) => matches(selector, labels)) ||
    Object.entries(labels).some((pair) =>
      byLabel.get(pair.join('='))?.some((selector) => matches(selector, labels)),
    );
}

/** An operator that is not known does not narrow. */
function matches(selector: LabelSelector | undefined, labels: Labels): boolean {
  const equal = Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal &&
    (selector?.matchExpressions ?? []).every(({ key = '', operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          return true;
      }
    })
  );
}
