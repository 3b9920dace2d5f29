/** A real admission webhook: an HTTPS server of the test's own that the API server asks about one namespace. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { KubeObject } from '../../src/model/kube.ts';
import type { JsonPatchOperation } from '../../src/model/patch.ts';
import { issue, makeAuthority } from '../cluster/certificate.ts';
import type { Stage } from './stage.ts';

/** What the webhook is asked (admission.k8s.io/v1, AdmissionReview). */
interface Review {
  readonly request: { readonly uid: string; readonly object: KubeObject };
}

/** What it says: admitted, changed by these operations, or denied in these words. */
export type Decision =
  | { readonly patch: readonly JsonPatchOperation[] }
  | { readonly denied: string }
  | undefined;

type Decide<T> = (object: T) => Decision;

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
/** Its registrations are objects of the whole cluster: what an interrupted run left is swept away. */
export const WEBHOOK_LISTS = [CONFIGURATIONS];

export const WEBHOOK = 'images.example.com';

const authority = makeAuthority('webhooks');
const pair = issue(authority, { name: 'webhook', hosts: ['127.0.0.1'] });

export class Webhook {
  readonly #server: Server;
  readonly #stage: Stage;
  #port = 0;

  /**
   * Starts it and registers it for updates of Deployments, or for the making of pods; it is asked when this resolves.
   * A webhook that cannot be asked forbids (`failurePolicy: Fail`, the API's default).
   */
  static async before<T extends KubeObject>(
    stage: Stage,
    finished: (cleanUp: () => Promise<void>) => void,
    resource: 'deployments' | 'pods',
    decide: Decide<T>,
  ): Promise<Webhook> {
    let asked = false;
    const webhook = new Webhook(stage, (object) => {
      asked = true;
      return decide(object as T);
    });
    finished(() => webhook.#remove());
    await webhook.back();
    await webhook.#register(resource);
    const probe =
      resource === 'pods'
        ? ['run', 'probe', `--image=${stage.images.v1}`, '--dry-run=server']
        : ['label', 'deployment', '--all', 'probe=1', '--dry-run=server'];
    // A registration is in force a moment after it was written: when the first question comes.
    while (!asked) await stage.kubectl(...probe).catch((error: unknown) => rethrowUnless(asked, error));
    return webhook;
  }

  private constructor(stage: Stage, decide: Decide<KubeObject>) {
    this.#stage = stage;
    this.#server = createServer({ cert: pair.certificate, key: pair.key }, async (request, response) => {
      const { request: asked } = (await json(request)) as Review;
      const decision = decide(asked.object);
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid: asked.uid, ...render(decision) },
        }),
      );
    });
  }

  /** Nothing listens there any more. */
  async away(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async back(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#stage.know('webhook', `127.0.0.1:${this.#port}`);
  }

  async #register(resource: 'deployments' | 'pods'): Promise<void> {
    const { kube, namespace: name } = this.#stage;
    const rule =
      resource === 'pods'
        ? { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }
        : { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['deployments'] };
    await kube.create(CONFIGURATIONS, {
      metadata: { name, labels: { e2e: name } },
      webhooks: [
        {
          name: WEBHOOK,
          rules: [rule],
          namespaceSelector: { matchLabels: { e2e: name } },
          clientConfig: {
            url: `https://127.0.0.1:${this.#port}/`,
            caBundle: Buffer.from(authority.certificate).toString('base64'),
          },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          timeoutSeconds: 10,
        },
      ],
    });
  }

  async #remove(): Promise<void> {
    const { kube, namespace } = this.#stage;
    await kube.delete(`${CONFIGURATIONS}/${namespace}`);
    if (this.#server.listening) await this.away();
  }
}

function render(decision: Decision): object {
  if (decision === undefined) return { allowed: true };
  if ('denied' in decision) return { allowed: false, status: { message: decision.denied } };
  const patch = Buffer.from(JSON.stringify(decision.patch)).toString('base64');
  return { allowed: true, patchType: 'JSONPatch', patch };
}

function rethrowUnless(expected: boolean, error: unknown): void {
  if (!expected) throw error;
}
