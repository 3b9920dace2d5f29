/** What reading a kubeconfig needs to be told. */
import type { ClusterAccess } from './access.ts';
import type { Entry } from './kubeconfig-text.ts';

export interface KubeconfigOptions {
  /** The input `kubeconfig`: base64, text, or a path. Empty: $KUBECONFIG, then in-cluster. */
  readonly input: string;
  /** The input `kube-context`; empty: the file's current-context. */
  readonly context: string;
  /** The input `kubeconfig-exec-allow`, split into commands. */
  readonly execAllow: readonly string[];
  /** Opt-in for insecure-skip-tls-verify and http:// beyond loopback. */
  readonly allowInsecure?: boolean;
  readonly workspace: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called with every credential, before anything is logged. */
  readonly secret: (value: string) => void;
  /** For tests: where a pod finds its service account. */
  readonly serviceAccountFolder?: string;
}

/** The part of it that the cluster's entry decides. */
export type Reached = Pick<ClusterAccess, 'server' | 'ca' | 'tlsServerName' | 'insecure' | 'proxyUrl'>;

export interface UserOptions extends KubeconfigOptions {
  readonly origin: string;
  readonly reached: Reached;
  /** The cluster's own entry, for plugins that ask for it. */
  readonly cluster: Entry;
}
