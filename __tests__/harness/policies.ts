import type { Manifest } from './kube.ts';
import type { Stage } from './stage.ts';

/** Forbids what does not meet an expression, in the test's namespace; it is in force when this resolves. */
export type Policy = (resource: 'deployments' | 'pods', expression: string) => Promise<void>;

const PATH = '/apis/admissionregistration.k8s.io/v1';
const POLICIES = `${PATH}/validatingadmissionpolicies`;
const BINDINGS = `${PATH}/validatingadmissionpolicybindings`;

/** A binding goes before its policy. */
export const POLICY_LISTS = [BINDINGS, POLICIES];

/** Policies are objects of the whole cluster: each is bound to the one namespace, and taken away at the end. */
export class Policies {
  readonly #stage: Stage;
  readonly #name: string;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#name = stage.namespace;
  }

  async add(resource: 'deployments' | 'pods', expression: string): Promise<void> {
    const { kube, namespace } = this.#stage;
    const operations = resource === 'pods' ? ['CREATE'] : ['UPDATE'];
    const apiGroups = resource === 'pods' ? [''] : ['apps'];
    const rule = { apiGroups, apiVersions: ['v1'], operations, resources: [resource] };
    // Without the second validation nobody could tell from outside when the policy has come into force.
    const probe = "!has(object.metadata.labels) || !('probe' in object.metadata.labels)";
    const policy = {
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: [rule] },
      validations: [
        { expression, message: 'only images of the release branch may run here' },
        { expression: probe, message: 'in force' },
      ],
    };
    await kube.apply(POLICIES, this.#object('ValidatingAdmissionPolicy', policy));
    const binding = {
      policyName: this.#name,
      validationActions: ['Deny'],
      matchResources: { namespaceSelector: { matchLabels: { e2e: namespace } } },
    };
    await kube.apply(BINDINGS, this.#object('ValidatingAdmissionPolicyBinding', binding));
    while (!(await this.#isInForce(resource))) await new Promise(setImmediate);
  }

  async remove(): Promise<void> {
    const { kube } = this.#stage;
    for (const path of POLICY_LISTS) await kube.delete(`${path}/${this.#name}`);
  }

  async #isInForce(resource: 'deployments' | 'pods'): Promise<boolean> {
    const probe =
      resource === 'pods'
        ? ['run', 'probe', '--image=none', '--labels=probe=1', '--dry-run=server']
        : ['label', 'deployment', '--all', 'probe=1', '--dry-run=server'];
    return await this.#stage.kubectl(...probe).then(
      () => false,
      (error: Error) => error.message.includes('in force'),
    );
  }

  #object(kind: string, spec: object): Manifest {
    const metadata = { name: this.#name, labels: { e2e: this.#name } };
    return { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata, spec };
  }
}
