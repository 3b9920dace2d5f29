/** The variables that the action was started with; read once by the entries and handed down. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a child may need variables for. A tool's own row is always asked for by name. */
export type Purpose = keyof typeof VARIABLES;

const PROXIES = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'FTP_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'ftp_proxy',
] as const;

/** Windows programs do not start without the last line's. */
const EVERYBODY = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TMPDIR',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'SystemRoot',
  'SYSTEMROOT',
  'COMSPEC',
  'PATHEXT',
  'TEMP',
  'TMP',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
  'ProgramFiles',
] as const;

/**
 * Which variables reach a child, one row a purpose; a name that ends in `*` stands for all that begin so.
 * What is in no row stays here: above all `INPUT_*`, which holds every secret of the step, and the job's
 * tokens. A build runs other people's code: it must not find them in its parent's environment.
 */
const VARIABLES = {
  /** https://docs.docker.com/reference/cli/docker/#environment-variables and buildx's own. */
  docker: [
    ...PROXIES,
    'DOCKER_HOST',
    'DOCKER_CONTEXT',
    'DOCKER_CERT_PATH',
    'DOCKER_TLS',
    'DOCKER_TLS_VERIFY',
    'DOCKER_API_VERSION',
    'DOCKER_CUSTOM_HEADERS',
    'DOCKER_DEFAULT_PLATFORM',
    'DOCKER_BUILDKIT',
    'DOCKER_CONFIG',
    'BUILDX_*',
    'BUILDKIT_*',
    'SOURCE_DATE_EPOCH',
    'XDG_RUNTIME_DIR',
    'XDG_CONFIG_HOME',
    'XDG_DATA_HOME',
    // The kubernetes driver of buildx reads the builder's cluster from it.
    'KUBECONFIG',
    // A credential helper runs as docker's child, wherever it keeps its store.
    'DBUS_SESSION_BUS_ADDRESS',
    'GNUPGHOME',
    'PASSWORD_STORE_DIR',
  ],
  /**
   * Only for a builder in a cluster: where a pod finds its own cluster, and what the login tools of kubeconfigs read.
   */
  kubernetes: [
    'KUBERNETES_SERVICE_HOST',
    'KUBERNETES_SERVICE_PORT',
    'AWS_*',
    'CLOUDSDK_*',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'GOOGLE_CLOUD_*',
    'GCLOUD_PROJECT',
    'AZURE_*',
    'AAD_*',
    'ARM_*',
    'DIGITALOCEAN_*',
    'OCI_*',
    'SCW_*',
    'TELEPORT_*',
    'TBOT_*',
  ],
  /** Only for `--ssh`. */
  ssh: ['SSH_AUTH_SOCK', 'SSH_AGENT_PID'],
  /** Only for `type=gha` caches: these two are tokens that may write the repository's whole cache. */
  'gha-cache': [
    'ACTIONS_CACHE_URL',
    'ACTIONS_RESULTS_URL',
    'ACTIONS_RUNTIME_TOKEN',
    'ACTIONS_CACHE_SERVICE_V2',
  ],
  /** Only for `type=s3` caches and Amazon's credential helper. */
  aws: ['AWS_*'],
  /** Only for Google's credential helpers. */
  google: ['GOOGLE_APPLICATION_CREDENTIALS', 'GOOGLE_CLOUD_*', 'CLOUDSDK_*', 'GCLOUD_PROJECT'],
  /** Only for `type=azblob` caches and Azure's credential helper. */
  azure: ['AZURE_*', 'IDENTITY_ENDPOINT', 'IDENTITY_HEADER', 'MSI_ENDPOINT', 'MSI_SECRET'],
  /** https://github.com/containers/common: where it keeps images, and its registries' settings. */
  buildah: [
    ...PROXIES,
    'BUILDAH_*',
    'CONTAINERS_*',
    'STORAGE_*',
    'REGISTRIES_CONFIG_PATH',
    'XDG_RUNTIME_DIR',
    'XDG_CONFIG_HOME',
    'XDG_DATA_HOME',
    'SOURCE_DATE_EPOCH',
    'DBUS_SESSION_BUS_ADDRESS',
    'GNUPGHOME',
    'PASSWORD_STORE_DIR',
  ],
  git: ['XDG_CONFIG_HOME', 'GIT_EXEC_PATH', 'GIT_CEILING_DIRECTORIES', 'GIT_DISCOVERY_ACROSS_FILESYSTEM'],
  /** https://github.com/docker/docker-credential-helpers: `pass` wants GnuPG's, `secretservice` the bus. */
  'credential-helper': [
    ...PROXIES,
    'XDG_RUNTIME_DIR',
    'XDG_CONFIG_HOME',
    'XDG_DATA_HOME',
    'DBUS_SESSION_BUS_ADDRESS',
    'DISPLAY',
    'GNUPGHOME',
    'PASSWORD_STORE_DIR',
  ],
} as const satisfies Record<string, readonly string[]>;

/** The environment of a child that serves these purposes; `extra` is set on top of it. */
export function childEnvironment(
  environment: Environment,
  purposes: readonly Purpose[],
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const rows: readonly string[] = [...EVERYBODY, ...purposes.flatMap((purpose) => VARIABLES[purpose])];
  const exact = new Set(rows.filter((name) => !name.endsWith('*')));
  const prefixes = rows.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  const child: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    if (exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))) child[name] = value;
  }
  return { ...child, ...extra };
}

/** The cloud whose variables a credential helper of this name (`docker-credential-<name>`) reads. */
export function purposesOfHelper(helper: string): readonly Purpose[] {
  if (helper === 'ecr-login') return ['aws'];
  if (helper === 'gcloud' || helper === 'gcr') return ['google'];
  if (helper.startsWith('acr')) return ['azure'];
  return [];
}
