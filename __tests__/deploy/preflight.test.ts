import { describe, expect, test } from 'vitest';
import { ApiError, type Cluster } from '../../src/cluster/client.ts';
import { rightsToDeploy } from '../../src/deploy/permissions.ts';
import { preflight } from '../../src/deploy/preflight.ts';
import { UserError } from '../../src/model/error.ts';

const RIGHTS = rightsToDeploy({ logs: false });
const ROLE_SHOWN = 'Bind the Role that the log and the summary show to this user.';

/** A namespace `shop` with deployment/web, and a user who may do all that is needed but these (`list deployments`). */
function cluster(...missing: readonly string[]): Cluster {
  const may = (verb: string, resource: string): boolean => !missing.includes(`${verb} ${resource}`);
  const answer = (verb: string, path: string, status: number): Promise<never> => {
    const message = `${status === 403 ? 'forbidden' : 'not found'}: ${verb} ${path}`;
    return Promise.reject(new ApiError({ verb: 'GET', path }, { status, message }));
  };
  const web = { metadata: { name: 'web', uid: 'u1' } };
  return {
    server: 'https://fake:6443',
    get: (path: string) => {
      if (!may('get', 'deployments')) return answer('get', path, 403);
      return path.endsWith('/web') ? Promise.resolve(web) : answer('get', path, 404);
    },
    list: (path: string) =>
      may('list', 'deployments') ? Promise.resolve({ items: [web] }) : answer('list', path, 403),
    create: (path: string) =>
      Promise.resolve({
        status: path.endsWith('/selfsubjectrulesreviews')
          ? {
              resourceRules: RIGHTS.filter(({ verb, resource }) => may(verb, resource)).map((right) => ({
                ...{ verbs: [right.verb], apiGroups: [right.group], resources: [right.resource] },
              })),
            }
          : { allowed: false },
      }),
  } as unknown as Cluster;
}

const check = (on: Cluster, name: string) =>
  preflight(on, [{ kind: 'Deployment', namespace: 'shop', name, container: undefined, target: undefined }], {
    logs: false,
  });

describe('what the preflight says', () => {
  test.each<[string, readonly string[], string, readonly string[]]>([
    [
      'of a mistyped name: what there is',
      [],
      'wep',
      ['deployment/wep is not in namespace "shop". There: deployment/web.'],
    ],
    [
      'of a mistyped name to somebody who may not list: the missing right, and that it is not there',
      ['list deployments'],
      'wep',
      [
        `The kubeconfig's user may not list deployments.apps in namespace "shop". ${ROLE_SHOWN}`,
        'deployment/wep is not in namespace "shop". Check that name.',
      ],
    ],
    [
      'of a mistyped name to somebody who may not patch: both',
      ['patch deployments'],
      'wep',
      [
        `The kubeconfig's user may not patch deployments.apps in namespace "shop". ${ROLE_SHOWN}`,
        'deployment/wep is not in namespace "shop". There: deployment/web.',
      ],
    ],
    [
      'to somebody who may not read it: the missing right alone',
      ['get deployments'],
      'web',
      [`The kubeconfig's user may not get deployments.apps in namespace "shop". ${ROLE_SHOWN}`],
    ],
  ])('%s', async (_, missing, name, mistakes) => {
    const error = await check(cluster(...missing), name).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ mistakes });
    const role =
      missing.length === 0
        ? []
        : expect.arrayContaining([
            'kind: Role',
            '  - {apiGroups: ["apps"], resources: [deployments], verbs: [get, list, watch, patch]}',
          ]);
    expect((error as UserError).details).toEqual(role);
  });

  test.each<readonly [string, string | undefined]>([
    ['web', undefined],
    [
      'api',
      `The kubeconfig's user may not get/list/watch/patch deployments.apps, get/update leases.coordination.k8s.io in namespace "shop". ${ROLE_SHOWN}`,
    ],
  ])('of rights that only an authorizer knows, and grants for `web` alone: %s', async (name, mistake) => {
    const named = ['deployments', 'leases'];
    const open = (verb: unknown, resource: unknown) =>
      !named.includes(`${resource}`) ||
      (resource === 'leases' && ['list', 'watch', 'create'].includes(`${verb}`));
    const create = (path: string, body: { spec: { resourceAttributes?: Record<string, string> } }) => {
      const { verb, resource, name: asked } = body.spec.resourceAttributes ?? {};
      const allowed = open(verb, resource) || ['web', 'steadyship-deployment-web'].includes(asked ?? '');
      const isReview = path.endsWith('/selfsubjectrulesreviews');
      return Promise.resolve({ status: isReview ? { resourceRules: [], incomplete: true } : { allowed } });
    };
    const get = () => Promise.resolve({ metadata: { name, uid: 'u1' } });
    const on = { ...cluster(), create, get } as unknown as Cluster;
    const found = check(on, name);
    if (mistake === undefined) expect(await found).toMatchObject([{ name: 'web' }]);
    else await expect(found).rejects.toMatchObject({ mistakes: [mistake] });
  });

  test('nothing of a workload that is there', async () => {
    expect(await check(cluster(), 'web')).toMatchObject([{ name: 'web', namespace: 'shop' }]);
  });

  test('nothing of a missing right where the list alone is forbidden and nobody knows why', async () => {
    const odd = { ...cluster(), list: cluster('list deployments').list } as Cluster;
    await expect(check(odd, 'wep')).rejects.toThrow(
      new UserError('deployment/wep is not in namespace "shop". Check that name.'),
    );
  });

  test('a list that fails otherwise is not taken for a missing right', async () => {
    const list = (): Promise<never> =>
      Promise.reject(
        new ApiError({ verb: 'GET', path: '/x' }, { status: 500, message: 'etcdserver: no leader' }),
      );
    await expect(check({ ...cluster(), list } as unknown as Cluster, 'wep')).rejects.toThrow(ApiError);
  });
});
