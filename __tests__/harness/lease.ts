import type { KubeObject } from '../../src/model/kube.ts';
import type { Namespace } from './namespace.ts';
import type { StepOptions } from './runner.ts';

/** The Lease of a workload, read as docs/locks.md describes it and not as the code writes it. */
export interface Locked {
  readonly holder: string | undefined;
  readonly url: string | undefined;
  readonly transitions: number;
  readonly seconds: number;
  /** The annotation `steadyship.dev/last-stable`. */
  readonly stable: Readonly<Record<string, unknown>> | undefined;
  /** The annotation `steadyship.dev/open`. */
  readonly open: Readonly<Record<string, unknown>> | undefined;
}

type Lease = KubeObject & {
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds: number;
    readonly leaseTransitions: number;
  };
};

export async function readLease(place: Namespace, name = 'web', kind = 'deployment'): Promise<Locked> {
  const path = `${place.path('leases')}/steadyship-${kind}-${name}`;
  const { metadata, spec } = await place.kube.get<Lease>(path);
  const parse = (key: string): Locked['open'] => {
    const text = metadata?.annotations?.[`steadyship.dev/${key}`];
    return text === undefined ? undefined : (JSON.parse(text) as Locked['open']);
  };
  return {
    holder: spec.holderIdentity,
    url: metadata?.annotations?.['steadyship.dev/holder-url'],
    transitions: spec.leaseTransitions,
    seconds: spec.leaseDurationSeconds,
    stable: parse('last-stable'),
    open: parse('open'),
  };
}

/** What the runner says of a run: its number stands for its id too. */
export function runNumber(number: number, more: Readonly<Record<string, string>> = {}): Run {
  const environment = {
    GITHUB_RUN_ID: String(number),
    GITHUB_RUN_NUMBER: String(number),
    GITHUB_REF: 'refs/heads/main',
    GITHUB_WORKFLOW_REF: 'acme/shop/.github/workflows/ship.yml@refs/heads/main',
    ...more,
  };
  return { environment };
}

type Run = Required<Pick<StepOptions, 'environment'>>;

/** How messages name that run. */
export function nameOf(number: number): string {
  return `acme/shop run ${number}, attempt 1 (https://github.com/acme/shop/actions/runs/${number})`;
}
