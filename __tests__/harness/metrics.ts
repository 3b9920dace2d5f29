/**
 * What pods use, as the test says: metrics.k8s.io, served by the test and registered with the real API server's
 * aggregation layer, where the real HPA controller asks for it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KubeObject, Pod } from '../../src/model/kube.ts';
import { issue, makeAuthority } from '../cluster/certificate.ts';
import { Kube } from './kube.ts';
import type { Namespace, Setup } from './namespace.ts';

export const APISERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';
const NAME = 'v1beta1.metrics.k8s.io';
const GROUP = 'metrics.k8s.io/v1beta1';
/** Services live in namespaces, and this one is there in every cluster. */
const HOME = { name: 'steadyship-test-metrics', namespace: 'default' };
const SERVICES = `/api/v1/namespaces/${HOME.namespace}/services`;

export class Metrics {
  /** Mebibytes that every pod of a namespace uses. */
  readonly #used = new Map<string, number>();
  readonly #kube: Kube;
  readonly #server;

  private constructor(kube: Kube) {
    this.#kube = kube;
    const authority = makeAuthority('metrics');
    const pair = issue(authority, { name: 'metrics', hosts: [`${HOME.name}.${HOME.namespace}.svc`] });
    this.authority = authority.certificate;
    this.#server = createServer(
      { cert: pair.certificate, key: pair.key },
      (request, response) => void this.#serve(request, response),
    );
  }

  private readonly authority: string;

  /** An API of the whole cluster: one at a time, and taken away by `stop`. */
  static async serve({ socket }: Setup): Promise<Metrics> {
    const metrics = new Metrics(new Kube(socket));
    await new Promise<void>((resolve) => metrics.#server.listen(0, '127.0.0.1', resolve));
    await metrics.#register();
    return metrics;
  }

  /** From now on, every pod of the namespace uses so many mebibytes. */
  use({ namespace }: Namespace, mebibytes: number): void {
    this.#used.set(namespace, mebibytes);
  }

  /** First the registration: an API that is registered and not there keeps namespaces from being deleted. */
  async stop(): Promise<void> {
    await this.#kube.delete(`${APISERVICES}/${NAME}`);
    await this.#kube.delete(`${SERVICES}/${HOME.name}`);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #register(): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    // The API server goes where the Service leads it; there is nothing here that would make a cluster IP work.
    await this.#kube.apply(SERVICES, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: HOME.name },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port, protocol: 'TCP' }] },
    });
    await this.#kube.apply(APISERVICES, {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: NAME, labels: { e2e: 'metrics' } },
      spec: {
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        caBundle: Buffer.from(this.authority).toString('base64'),
        service: { ...HOME, port },
      },
    });
    type ApiService = KubeObject & {
      readonly status?: {
        readonly conditions?: readonly { readonly type: string; readonly status: string }[];
      };
    };
    await this.#kube.until<ApiService>(`${APISERVICES}?fieldSelector=metadata.name%3D${NAME}`, ([only]) =>
      (only?.status?.conditions ?? []).some((one) => one.type === 'Available' && one.status === 'True'),
    );
  }

  async #serve({ url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { pathname, searchParams } = new URL(url, 'https://metrics');
      const namespace = /\/namespaces\/([^/]+)\/pods$/.exec(pathname)?.[1];
      const body =
        namespace === undefined
          ? RESOURCES
          : {
              kind: 'PodMetricsList',
              apiVersion: GROUP,
              items: await this.#measure(namespace, searchParams),
            };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  }

  /** One sample of each pod that runs, as metrics-server would have taken just now. */
  async #measure(namespace: string, query: URLSearchParams): Promise<readonly object[]> {
    const { items } = await this.#kube.list<Pod>(`/api/v1/namespaces/${namespace}/pods?${query}`);
    const memory = `${this.#used.get(namespace) ?? 0}Mi`;
    return items
      .filter(({ status }) => status?.phase === 'Running')
      .map(({ metadata, spec }) => ({
        metadata: { name: metadata?.name, namespace },
        timestamp: new Date().toISOString(),
        window: '10s',
        containers: (spec?.containers ?? []).map(({ name }) => ({ name, usage: { cpu: '1m', memory } })),
      }));
  }
}

const RESOURCES = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: GROUP,
  resources: [
    { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
  ],
};
