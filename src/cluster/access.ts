/** How to reach a cluster and as whom: what a kubeconfig says, checked, and with nothing left to look up. */

/** Bytes given in place, or a file that is read whenever they are needed (kubelets rotate them). */
export type Material =
  | { readonly kind: 'data'; readonly data: string }
  | { readonly kind: 'file'; readonly path: string };

export interface ExecVariable {
  readonly name: string;
  readonly value: string;
}

/** An exec credential plugin that is allowed to run. */
export interface ExecPlugin {
  readonly apiVersion: 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1';
  /** As written in the kubeconfig, except that a relative path has been made absolute. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly ExecVariable[];
  readonly installHint: string | undefined;
  readonly provideClusterInfo: boolean;
  /** The cluster's entry in the form of ExecCredential's spec.cluster. */
  readonly clusterInfo: Readonly<Record<string, unknown>>;
  /** Where the command may not be found: the workspace, unless the user named the command. */
  readonly notBelow: string | undefined;
}

export type CredentialSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'token-file'; readonly path: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'certificate'; readonly certificate: Material; readonly key: Material }
  | { readonly kind: 'exec'; readonly plugin: ExecPlugin };

export interface ClusterAccess {
  /** Scheme, host, port and path, without a slash at the end. */
  readonly server: string;
  /** Where this was read, for messages: "the input kubeconfig", "/home/me/.kube/config", … */
  readonly origin: string;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  readonly user: string | undefined;
  readonly ca: Material | undefined;
  readonly tlsServerName: string | undefined;
  /** Only where the caller opted in. */
  readonly insecure: boolean;
  readonly proxyUrl: string | undefined;
  readonly credential: CredentialSource;
  /** Impersonation headers: `as`, `as-uid`, `as-groups`. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}
