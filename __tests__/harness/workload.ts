/** Manifests of the workloads that the tests deploy to. */
import type { Manifest } from './kube.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What is to differ from an ordinary, healthy Deployment with two replicas. */
export interface Wish {
  readonly image: string;
  /** `web` */
  readonly name?: string;
  readonly replicas?: number;
  /** Without a readiness probe, "ready" only means started. */
  readonly probe?: false;
  /** Over the fields of the container, of the pod, of the Deployment's spec. */
  readonly container?: Fields;
  readonly pod?: Fields;
  readonly spec?: Fields;
}

export const READY = { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 };

/** A Deployment as it would stand in a repository. */
export function deployment({
  image,
  name = 'web',
  replicas = 2,
  probe,
  container,
  pod,
  spec,
}: Wish): Manifest {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 2,
          containers: [{ name, image, ...(probe === false ? {} : { readinessProbe: READY }), ...container }],
          ...pod,
        },
      },
      ...spec,
    },
  };
}

/** A second container beside the app, on its own port. */
export function helper(image: string): Fields {
  return {
    name: 'helper',
    image,
    readinessProbe: { httpGet: { path: '/ready', port: 8081 }, periodSeconds: 1 },
  };
}

/** A folder that outlives the container, but not the pod. */
export const DATA = {
  container: { volumeMounts: [{ name: 'data', mountPath: '/data' }] },
  pod: { volumes: [{ name: 'data', emptyDir: {} }] },
};

/** A folder with the ConfigMap `settings`: without it the pod is not set up. */
export const SETTINGS = {
  container: { volumeMounts: [{ name: 'settings', mountPath: '/settings' }] },
  pod: { volumes: [{ name: 'settings', configMap: { name: 'settings' } }] },
};
