/** A registry of Amazon's, and where its API answers. */
export interface EcrHost {
  readonly service: 'ecr' | 'ecr-public';
  /** The twelve digits of the account; undefined: the public registry, which all share. */
  readonly account: string | undefined;
  readonly region: string;
  readonly api: string;
}

/** Forms of the host in every partition: https://docs.aws.amazon.com/general/latest/gr/ecr.html. */
const PRIVATE =
  /^(\d{12})\.dkr([.-])ecr(-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/;
/** Dual-stack hosts, by IPv6 too, have an API of that kind. */
const DUAL: Readonly<Record<string, string>> = {
  'on.aws': 'api.aws',
  'on.amazonwebservices.com.cn': 'api.amazonwebservices.com.cn',
};

/** undefined: it is none of Amazon's. */
export function ecrHostOf(registry: string): EcrHost | undefined {
  if (registry === 'public.ecr.aws') {
    // Its API answers in one region: https://docs.aws.amazon.com/general/latest/gr/ecr-public.html.
    const region = 'us-east-1';
    return {
      service: 'ecr-public',
      account: undefined,
      region,
      api: `api.ecr-public.${region}.amazonaws.com`,
    };
  }
  const [, account, , fips, region, suffix] = PRIVATE.exec(registry) ?? [];
  if (account === undefined || region === undefined || suffix === undefined) return undefined;
  const dual = DUAL[suffix];
  const name = `ecr${fips ?? ''}`;
  const api =
    dual === undefined
      ? `${fips === undefined ? 'api.ecr' : name}.${region}.${suffix}`
      : `${name}.${region}.${dual}`;
  return { service: 'ecr', account, region, api };
}

/** The same region's registry of another account. */
export function registryOfAccount(registry: string, account: string): string {
  return registry.replace(/^\d{12}/, account);
}
