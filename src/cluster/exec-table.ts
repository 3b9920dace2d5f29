/**
 * The exec credential plugins that run without being named by the user, and what each may see. A kubeconfig is
 * code: its exec entry runs on the runner, with the job's cloud credentials within reach. So a plugin is known
 * by its command and by the words with which it mints a token, for `aws` alone would be any call to AWS.
 *
 * Left out on purpose: kubectl (its oidc-login plugin opens a browser), gcloud and az (they print no
 * ExecCredential), ibmcloud, linode-cli and hcloud (their kubeconfigs bear tokens), sh, bash and env.
 */
export interface KnownPlugin {
  /** Must follow one another among the arguments; empty: the command does nothing else. */
  readonly words: readonly string[];
  /** Names, or prefixes that end in `*`, of the environment variables that it needs. */
  readonly environment: readonly string[];
  /** How it comes onto a runner. */
  readonly install: string;
}

/** Sources: what each cloud's own CLI writes into a kubeconfig, and the variables its documentation lists. */
export const KNOWN_PLUGINS: Readonly<Record<string, KnownPlugin>> = {
  // aws eks update-kubeconfig
  aws: {
    words: ['eks', 'get-token'],
    environment: ['AWS_*'],
    install: 'Install the AWS CLI 2; GitHub-hosted runners have it',
  },
  // eksctl, and older EKS guides
  'aws-iam-authenticator': {
    words: ['token'],
    environment: ['AWS_*'],
    install:
      'Install aws-iam-authenticator, or run "aws eks update-kubeconfig", which needs the AWS CLI only',
  },
  // gcloud container clusters get-credentials, google-github-actions/get-gke-credentials
  'gke-gcloud-auth-plugin': {
    words: [],
    environment: ['CLOUDSDK_*', 'GOOGLE_APPLICATION_CREDENTIALS', 'GOOGLE_CLOUD_PROJECT', 'GCLOUD_PROJECT'],
    install: 'Use google-github-actions/setup-gcloud with install_components: gke-gcloud-auth-plugin',
  },
  // az aks get-credentials, then kubelogin convert-kubeconfig
  kubelogin: {
    words: ['get-token'],
    environment: ['AZURE_*', 'AAD_*', 'ARM_*', 'IDENTITY_*', 'MSI_*', 'IMDS_*', 'ACTIONS_ID_TOKEN_REQUEST_*'],
    install: 'Use azure/use-kubelogin',
  },
  // doctl kubernetes cluster kubeconfig save
  doctl: {
    words: ['kubernetes', 'cluster', 'kubeconfig', 'exec-credential'],
    environment: ['DIGITALOCEAN_*'],
    install: 'Use digitalocean/action-doctl',
  },
  // oci ce cluster create-kubeconfig
  oci: {
    words: ['ce', 'cluster', 'generate-token'],
    environment: ['OCI_*'],
    install: 'Install the OCI CLI',
  },
  // scw k8s kubeconfig install
  scw: { words: ['k8s', 'exec-credential'], environment: ['SCW_*'], install: 'Use scaleway/action-scw' },
  // tsh kube login, and Machine ID
  tsh: { words: ['kube', 'credentials'], environment: ['TELEPORT_*'], install: 'Use teleport-actions/setup' },
  tbot: {
    words: ['kube', 'credentials'],
    environment: ['TELEPORT_*', 'TBOT_*'],
    install: 'Use teleport-actions/setup',
  },
};

/** What every program may need to find its files and its way out; nothing here is a credential of the job. */
const EVERYBODY = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'TMPDIR',
  'TMP',
  'TEMP',
  'XDG_*',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
];

type Environment = Readonly<Record<string, string | undefined>>;

/** INPUT_*, GITHUB_TOKEN, ACTIONS_RUNTIME_TOKEN and the like are in no row, so nobody gets them. */
export function pluginEnvironment(
  command: string,
  environment: Environment,
  own: readonly { readonly name: string; readonly value: string }[],
): Record<string, string> {
  const patterns = [...EVERYBODY, ...(known(command)?.environment ?? [])];
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && patterns.some((pattern) => matches(pattern, name))) given[name] = value;
  }
  for (const { name, value } of own) given[name] = value;
  return given;
}

/** By base name. */
export function known(command: string): KnownPlugin | undefined {
  const name = baseName(command);
  return Object.hasOwn(KNOWN_PLUGINS, name) ? KNOWN_PLUGINS[name] : undefined;
}

export function baseName(command: string): string {
  return command.replace(/^.*[\\/]/, '').replace(/\.exe$/i, '');
}

/** What loaders, interpreters and shells read before the program itself begins. */
const LOADERS = [
  'PATH',
  'LD_.*',
  'DYLD_.*',
  'PYTHON.*',
  'NODE_OPTIONS',
  'NODE_PATH',
  'BASH_ENV',
  'ENV',
  'PERL5.*',
  'RUBY.*',
  'GCONV_PATH',
];

/**
 * Where the listed tools look for their own settings, and what they start by those: credential_process of AWS, the
 * Python of gcloud and what its configuration names, Azure's extensions, aliases of tsh, an executable as the source
 * of Google's credentials. A folder below HOME is what most of them fall back to.
 */
const SETTINGS = [
  'HOME',
  'XDG_.*',
  'AWS_(CONFIG|SHARED_CREDENTIALS)_FILE',
  'CLOUDSDK_(PYTHON.*|CONFIG|ROOT_DIR|GSUTIL_PYTHON|BQ_PYTHON)',
  'GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES',
  'AZURE_(CONFIG|EXTENSION)_DIR',
  'OCI_CLI_(CONFIG|RC)_FILE',
  'TELEPORT_(HOME|GLOBAL_TSH_CONFIG)',
];

const LOADS_CODE = new RegExp(`^(${[...LOADERS, ...SETTINGS].join('|')})$`, 'i');

/** Whether a kubeconfig that sets this variable could make an allowed command run somebody else's code. */
export function loadsCode(name: string): boolean {
  return LOADS_CODE.test(name);
}

/** The argument by which an allowed command would start another one: int128's kubelogin opens a browser with it. */
export function startsAnother(args: readonly string[]): string | undefined {
  return args.find((arg) => /^--browser-command(=|$)/.test(arg))?.replace(/=.*$/s, '');
}

/** Whether the plugin's own words stand among the arguments, one after the other. */
export function mintsToken(plugin: KnownPlugin, args: readonly string[]): boolean {
  const { words } = plugin;
  return (
    args.some((_, start) => words.every((word, index) => args[start + index] === word)) || words.length === 0
  );
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/**
 * Why this kubelogin would wait for a person, or undefined. Two programs bear the name: Azure's, where
 * AAD_LOGIN_METHOD beats --login and the default is a device code, and int128's, told by its issuer URL.
 */
export function interactiveLogin(args: readonly string[], environment: Environment): string | undefined {
  if (option(args, '--oidc-issuer-url') !== undefined) {
    const grant = option(args, '--grant-type') ?? 'auto';
    // With a user name, "auto" means a password; the others open a browser all the same.
    const quiet =
      ['password', 'client-credentials'].includes(grant) ||
      (grant === 'auto' && option(args, '--username') !== undefined);
    return quiet ? undefined : `it is an OIDC login of grant type "${grant}"`;
  }
  const mode =
    environment['AAD_LOGIN_METHOD'] || option(args, '--login') || option(args, '-l') || 'devicecode';
  return mode === 'devicecode' || mode === 'interactive' ? `its login mode is "${mode}"` : undefined;
}

function option(args: readonly string[], name: string): string | undefined {
  const joined = args.find((arg) => arg.startsWith(`${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 1);
  const index = args.indexOf(name);
  return index === -1 ? undefined : (args[index + 1] ?? '');
}
