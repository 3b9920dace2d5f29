import { describe, expect, test } from 'vitest';
import { UnreachableError } from '../../src/cluster/client.ts';
import { LoginAwayError } from '../../src/cluster/login-error.ts';
import { readLeases } from '../../src/deploy/lock.ts';
import type { Found } from '../../src/deploy/preflight.ts';
import type { RunFacts } from '../../src/github/event.ts';
import { readInputs } from '../../src/inputs.ts';
import { Cancelled } from '../../src/model/error.ts';
import type { OpenMarker } from '../../src/model/record.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { type Reason, reasonFor } from '../../src/report/reason.ts';
import { checkBeforePatch } from '../../src/run/checks.ts';
import { deploy } from '../../src/run/deploy.ts';
import type { Deployed } from '../../src/run/ending.ts';
import { Guard } from '../../src/run/guard.ts';
import type { Obtained } from '../../src/run/image.ts';
import { observe } from '../../src/run/observe.ts';
import { endingSave } from '../../src/run/save.ts';
import { Story } from '../../src/run/story.ts';
import type { World } from '../../src/run/world.ts';
import { FakeCluster, type PatchFault } from './fake-cluster.ts';
import { fakeWorld, PRIVATE_RUN } from './fake-world.ts';

const OLD = `ghcr.io/acme/shop@sha256:${'0'.repeat(64)}`;
const GOOD = `ghcr.io/acme/shop@sha256:${'1'.repeat(64)}`;
const BAD = `ghcr.io/acme/shop@sha256:${'b'.repeat(64)}`;
const OTHER = `ghcr.io/acme/shop@sha256:${'2'.repeat(64)}`;

/** A registry that has everything. */
const REGISTRY: Registry = {
  resolve: () =>
    Promise.resolve({
      exists: true,
      digest: '',
      mediaType: '',
      platforms: [],
      children: [],
      config: undefined,
    }),
  has: () => Promise.resolve(true),
  manifest: () => Promise.resolve(undefined),
  digestOf: () => Promise.resolve(undefined),
  logins: () => Promise.resolve([]),
  read: () => Promise.resolve(undefined),
  tag: () => Promise.resolve(),
  checkPush: () => Promise.resolve(),
  canPullAnonymously: () => Promise.resolve(true),
  close: () => Promise.resolve(),
};

function obtained(reference: string, commit: string | undefined): Obtained {
  const digest = reference.split('@')[1];
  return {
    reference,
    image: { registry: 'ghcr.io', repository: 'acme/shop' },
    digest,
    tag: undefined,
    platforms: [],
    built: false,
    seen: true,
    source:
      commit === undefined
        ? undefined
        : { sha: commit, dirty: false, changes: [], gitTags: [], committed: new Date(0) },
  };
}

/** A cluster with the workloads on the old image, of which only BAD is bad. */
function clusterWith(...names: readonly string[]): FakeCluster {
  const cluster = new FakeCluster((image) => image !== BAD);
  for (const name of names) cluster.add(name, OLD);
  return cluster;
}

async function ship(
  cluster: FakeCluster,
  names: readonly string[],
  reference: string,
  options: {
    readonly inputs?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
    readonly facts?: Partial<RunFacts>;
    readonly commit?: string;
    /** Asked what runs after the verdict. */
    readonly registry?: Registry;
    /** The lock is left to the first mark; what happens between the reading of the Leases and the patch. */
    readonly planned?: () => Promise<void>;
    readonly save?: World['save'];
  } = {},
) {
  const inputs = await readInputs({
    image: GOOD,
    build: 'false',
    'stable-for': '0s',
    workloads: names.map((name) => `shop/deployment/${name}`).join(','),
    ...options.inputs,
  });
  const {
    world: outer,
    lines,
    saved,
  } = fakeWorld({
    facts: { ...PRIVATE_RUN, ...options.facts },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.save === undefined ? {} : { save: options.save }),
  });
  const { world } = endingSave(outer);
  const found: Found[] = names.map((name) => ({
    kind: 'Deployment',
    namespace: 'shop',
    name,
    containers: [{ container: undefined }],
    workload: cluster.deployment(name),
  }));
  // Taken in the preflight, when nobody had cancelled yet.
  const { signal } = new AbortController();
  const locking = { ...world, cluster, workloads: found, timeout: inputs.lockTimeout, signal };
  const known = await readLeases(cluster, found, signal);
  const guard = (options.planned && Guard.plan({ ...locking, known })) ?? (await Guard.take(locking));
  const observer = options.planned && observe(cluster, found);
  await options.planned?.();
  const story = new Story(world.clock);
  const deployed = await deploy({
    inputs,
    world,
    story,
    cluster,
    found,
    images: [obtained(reference, options.commit)],
    checked: checkBeforePatch(REGISTRY, [obtained(reference, options.commit)], found, inputs, world.log),
    patched: () => undefined,
    registry: options.registry ?? REGISTRY,
    observer,
    guard,
  }).finally(() => guard.release());
  return { deployed, ...reasonOf(deployed, story), lines, saved };
}

function reasonOf(deployed: Deployed, { tidied }: Story): Reason {
  const { result, workloads, culprit, stopped } = deployed;
  return reasonFor({
    result,
    command: 'deploy',
    workloads,
    namespace: 'shop',
    tidied,
    ...(culprit === undefined ? {} : { culprit }),
    ...(stopped === undefined ? {} : { stopped }),
  });
}

describe('a good image', () => {
  test('is patched once and succeeds', async () => {
    const cluster = clusterWith('web');
    const { deployed, reason, saved } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('succeeded');
    expect(reason).toBe('deployment/web runs ghcr.io/acme/shop@sha256:11111111… and is healthy.');
    expect(cluster.patches).toHaveLength(1);
    expect(cluster.imageOf('web')).toBe(GOOD);
    expect(saved.at(-1)?.open).toEqual([]);
  });

  test('that runs already is not patched', async () => {
    const cluster = clusterWith('web');
    const { deployed } = await ship(cluster, ['web'], OLD);
    expect(deployed.result).toBe('unchanged');
    expect(cluster.patches).toEqual([]);
  });

  test('that one of two runs already: the post step is told of the locks of both, and of none in the end', async () => {
    const cluster = clusterWith('web');
    cluster.add('api', GOOD);
    const { saved } = await ship(cluster, ['api', 'web'], GOOD);
    const told = saved.map(({ open, locked }) => [open, locked].map((list) => list.map(({ name }) => name)));
    expect(told).toEqual([
      [['web'], ['api', 'web']],
      [[], []],
    ]);
  });

  test('that runs already everywhere: the post step is told of the locks while it is gated', async () => {
    const cluster = new FakeCluster(() => true);
    cluster.add('api', GOOD);
    const { saved } = await ship(cluster, ['api'], GOOD);
    expect(saved.map(({ open, locked }) => [open.length, locked.length])).toEqual([
      [0, 1],
      [0, 0],
    ]);
  });

  test('whose reply is lost is not patched twice', async () => {
    const cluster = clusterWith('web');
    cluster.faults.push({ kind: 'lose-reply' });
    const { deployed } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('succeeded');
    expect(cluster.patches).toHaveLength(1);
  });

  test('whose request is lost is sent again', async () => {
    const cluster = clusterWith('web');
    cluster.faults.push({ kind: 'lose-request' });
    const { deployed } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('succeeded');
    expect(cluster.patches).toHaveLength(2);
    expect(cluster.imageOf('web')).toBe(GOOD);
  });
});

describe('a lock that is left to the first mark', () => {
  const nothing = () => Promise.resolve();
  const LEASE = 'steadyship-deployment-web';

  test('is taken with it, in one write', async () => {
    const cluster = clusterWith('web');
    const { deployed, saved } = await ship(cluster, ['web'], GOOD, { planned: nothing });
    expect(deployed.result).toBe('succeeded');
    // Once to take and mark it, once to give it back.
    expect(cluster.leases.requests.filter((each) => /^(?:POST|PUT) /.test(each))).toEqual([
      `POST ${LEASE}`,
      `PUT ${LEASE}`,
    ]);
    expect(saved.at(-1)?.open).toEqual([]);
    expect(cluster.leases.the(LEASE).spec?.holderIdentity).toBeUndefined();
  });

  test('is taken for an image that runs already, too', async () => {
    const cluster = clusterWith('web');
    const { deployed } = await ship(cluster, ['web'], OLD, { planned: nothing });
    expect(deployed.result).toBe('unchanged');
    expect(cluster.leases.requests.filter((each) => /^POST /.test(each))).toEqual([`POST ${LEASE}`]);
  });

  test('is waited for when another was faster, and the snapshot is of after it', async () => {
    const cluster = clusterWith('web');
    const other = `ghcr.io/acme/shop@sha256:${'2'.repeat(64)}`;
    const { deployed, saved } = await ship(cluster, ['web'], BAD, {
      planned: async () => {
        await ship(cluster, ['web'], other);
      },
    });
    // Killed before its patch, the post step would give the lock back that was waited for.
    expect([saved[0]?.open.length, saved[0]?.locked.length]).toEqual([0, 1]);
    expect(deployed.result).toBe('rolled-back');
    expect(cluster.imageOf('web')).toBe(other);
    expect(deployed.workloads[0]?.containers[0]?.before).toBe(other);
  });

  test('whose answer is lost is ours all the same, and nothing of a killed run', async () => {
    const cluster = clusterWith('web');
    const { deployed, lines, reason } = await ship(cluster, ['web'], GOOD, {
      planned: async () => {
        cluster.leases.fault = 'lose-reply';
        // The next that is asked of the Leases is whether the claim came through.
        cluster.leases.listeners.add(() => {
          cluster.leases.fault = undefined;
        });
      },
    });
    expect(deployed.result).toBe('succeeded');
    expect(reason).toBe('deployment/web runs ghcr.io/acme/shop@sha256:11111111… and is healthy.');
    expect(lines.join('\n')).not.toContain('left its rollout marked as open');
    expect(cluster.patches).toHaveLength(1);
    expect(cluster.leases.the(LEASE).metadata?.annotations).not.toHaveProperty('steadyship.dev/open');
  });
});

describe('a bad image', () => {
  test('is put back, with our annotations too', async () => {
    const cluster = clusterWith('web');
    const before = cluster.deployment('web').metadata?.annotations;
    cluster.logs.set('web', 'starting\ncannot connect to database at db:5432\n');
    const { deployed, reason, lines } = await ship(cluster, ['web'], BAD);
    expect(deployed.result).toBe('rolled-back');
    expect(lines).toContain(
      'deployment/web: put back to ghcr.io/acme/shop@sha256:00000000…; waiting for it to be healthy',
    );
    expect(reason).toMatch(
      /^deployment\/web: container web exits 1 \(5 crashes\): "cannot connect to database at db:5432"\. Rolled back to sha256:00000000… in .* ms\.$/,
    );
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(cluster.deployment('web').metadata?.annotations).toEqual(before);
  });

  test('with `rollback: never` is left, and that is said', async () => {
    const cluster = clusterWith('web');
    const { deployed, reason } = await ship(cluster, ['web'], BAD, { inputs: { rollback: 'never' } });
    expect(deployed.result).toBe('failed');
    expect(reason).toContain('Left as it is, since rollback is never');
    expect(cluster.imageOf('web')).toBe(BAD);
    expect(cluster.patches).toHaveLength(1);
  });

  test('with `logs: never` quotes no log', async () => {
    const cluster = clusterWith('web');
    cluster.logs.set('web', 'password is hunter2');
    const { deployed } = await ship(cluster, ['web'], BAD, { inputs: { logs: 'never' } });
    expect(JSON.stringify(deployed)).not.toContain('hunter2');
  });

  test('that ran before is failed and left alone: there is nothing of ours to take back', async () => {
    const cluster = new FakeCluster((image) => image !== BAD);
    cluster.add('web', BAD);
    const { deployed, reason } = await ship(cluster, ['web'], BAD);
    expect(deployed.result).toBe('failed');
    expect(reason).toContain('Nothing was rolled back, since it ran the same image before');
    expect(cluster.patches).toEqual([]);
  });

  test('over one that was bad too finds no good state to go back to', async () => {
    const cluster = new FakeCluster((image) => image !== BAD && image !== OLD);
    cluster.add('web', OLD);
    const markers = markersOf(cluster);
    const { deployed, reason, saved } = await ship(cluster, ['web'], BAD);
    expect(deployed.result).toBe('failed');
    expect(reason).toContain(
      'Not rolled back: what ran before was not healthy either, so there is no known-good state to go back to',
    );
    expect(cluster.imageOf('web')).toBe(BAD);
    // Nobody else may put it back either: neither the post step, which would name it, nor the next run.
    expect(saved.map(({ open }) => open.map(({ name, stays }) => [name, stays]))).toEqual([
      [['web', 'what ran before was not healthy either, so there is no known-good state to go back to']],
      [],
    ]);
    expect(markers).toEqual([]);
  });

  test('beside one that has no good state to go back to: that one stays, and that is no rollback of all', async () => {
    const worse = `ghcr.io/acme/shop@sha256:${'c'.repeat(64)}`;
    const cluster = new FakeCluster((image) => image !== worse);
    cluster.add('api', worse);
    cluster.add('web', OLD);
    cluster.add('job', OLD);
    cluster.faults.push(
      { kind: 'lose-reply' },
      { kind: 'lose-reply' },
      { kind: 'refuse', status: 403, message: 'no' },
    );
    const { deployed, saved } = await ship(cluster, ['api', 'web', 'job'], GOOD);
    expect(deployed.result).toBe('rollback-failed');
    // Killed at any time, also during the rollback, the post step would have named the one that stays.
    const staying = saved.map(({ open }) => open.filter(({ stays }) => stays).map(({ name }) => name));
    expect(staying).toEqual([['api'], ['api'], ['api'], []]);
    expect(deployed.workloads.map(({ rollback }) => rollback?.outcome)).toEqual([
      'impossible',
      'restored',
      undefined,
    ]);
    expect(['api', 'web', 'job'].map((name) => cluster.imageOf(name))).toEqual([GOOD, OLD, OLD]);
  });

  test('beside one that somebody else changed, and that had no good state either: theirs is no part of the rollback', async () => {
    const worse = `ghcr.io/acme/shop@sha256:${'c'.repeat(64)}`;
    const cluster = new FakeCluster((image) => image !== worse && image !== BAD);
    cluster.add('api', worse);
    cluster.add('web', OLD);
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      const reply = patch(path, operations);
      if (cluster.patches.length === 2) cluster.setImage('api', 'ghcr.io/acme/shop:hotfix');
      return reply as never;
    };
    const { deployed, reason } = await ship(cluster, ['api', 'web'], BAD);
    expect(deployed.result).toBe('rolled-back');
    expect(deployed.workloads.map(({ outcome, rollback }) => [outcome, rollback?.outcome])).toEqual([
      ['superseded', undefined],
      ['failed', 'restored'],
    ]);
    expect(reason).toContain('deployment/api was changed by somebody else.');
    expect(cluster.imageOf('api')).toBe('ghcr.io/acme/shop:hotfix');
  });

  test('in one of several workloads puts all of them back, the last first', async () => {
    const cluster = clusterWith('api', 'web');
    const { deployed, reason } = await ship(cluster, ['api', 'web'], BAD);
    expect(deployed.result).toBe('rolled-back');
    expect(reason).toContain('deployment/web was put back too');
    expect(cluster.patches.map(({ path }) => path.split('/').at(-1))).toEqual(['api', 'web', 'web', 'api']);
    expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, OLD]);
  });

  test('whose way back is refused ends as rollback-failed, with the refusal and what to do', async () => {
    const cluster = clusterWith('web');
    const run = ship(cluster, ['web'], BAD);
    cluster.faults.push(
      { kind: 'lose-reply' },
      { kind: 'refuse', status: 403, message: 'denied by policy x' },
    );
    const { deployed, reason } = await run;
    expect(deployed.result).toBe('rollback-failed');
    expect(reason).toContain('The rollback to sha256:00000000… failed: denied by policy x.');
  });
});

describe('a patch that is refused', () => {
  test('ends the run before anything is changed, in the words of who refused', async () => {
    const cluster = clusterWith('web');
    cluster.faults.push({
      kind: 'refuse',
      status: 403,
      message: 'admission webhook "p" denied the request: no',
    });
    const { deployed, reason } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('failed');
    expect(reason).toBe(
      'deployment/web: the API server refused the new image: admission webhook "p" denied the request: no. Nothing was changed in the cluster.',
    );
    expect(cluster.imageOf('web')).toBe(OLD);
  });

  test('for the second workload puts the first back', async () => {
    const cluster = clusterWith('api', 'web');
    cluster.faults.push({ kind: 'lose-reply' }, { kind: 'refuse', status: 403, message: 'no' });
    const { deployed, reason } = await ship(cluster, ['api', 'web'], GOOD);
    expect(deployed.result).toBe('rolled-back');
    expect(reason).toContain('deployment/web: the API server refused the new image: no.');
    expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, OLD]);
  });
});

describe('a patch that has nothing to do with the image', () => {
  test('because a right is missing ends the run at once, and says which', async () => {
    const cluster = clusterWith('web');
    const message =
      'deployments.apps "web" is forbidden: User "ci" cannot patch resource "deployments" in API group "apps" in the namespace "shop"';
    cluster.faults.push({ kind: 'refuse', status: 403, message });
    const { deployed, reason, saved } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('failed');
    expect(reason).toBe(
      `deployment/web could not be patched. The cluster at https://fake:6443 forbids it (403): ${message}. Grant this user the Role that the README lists. Nothing was changed in the cluster.`,
    );
    expect(cluster.patches).toHaveLength(1);
    expect(saved.at(-1)?.open).toEqual([]);
  });

  test('because the workload is gone: somebody else deleted it', async () => {
    const cluster = clusterWith('web');
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      cluster.delete('web');
      return patch(path, operations);
    };
    const { deployed, reason } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('superseded');
    expect(reason).toBe(
      'deployment/web: deployment/web was deleted by somebody else in between; create it again before the next run. Nothing was changed in the cluster.',
    );
  });
});

describe('a cluster that can not take a patch now', () => {
  const busy = { kind: 'refuse', status: 429, message: 'too many requests' } as const;
  const away = { kind: 'away' } as const;
  const failing = { kind: 'refuse', status: 500, message: 'etcdserver: leader changed' } as const;

  test('is waited for, and the patch is not lost', async () => {
    const cluster = clusterWith('web');
    cluster.faults.push(failing, away, busy, failing, away);
    const { deployed } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('succeeded');
    expect(cluster.imageOf('web')).toBe(GOOD);
  });

  test('for too long ends the run with nothing changed, and nothing left to the post step', async () => {
    const cluster = clusterWith('web');
    cluster.faults.push(...Array.from({ length: 100 }, () => busy));
    const { deployed, reason, saved } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('failed');
    expect(reason).toBe(
      'deployment/web could not be patched. The cluster at https://fake:6443 is overloaded and asks to come back later (429): too many requests. Run it again. Nothing was changed in the cluster.',
    );
    expect(saved.at(-1)?.open).toEqual([]);
  });

  test('after the answer to a first try was lost: what became of that one is not claimed to be known', async () => {
    const cluster = clusterWith('web');
    cluster.faults.push({ kind: 'lose-reply' }, ...Array.from({ length: 100 }, () => away));
    cluster.get = (path) => Promise.reject(new UnreachableError({ verb: 'GET', path }, 'refused', false));
    const broken = ship(cluster, ['web'], GOOD);
    await expect(broken).rejects.toThrow('The answer to the patch of deployment/web was lost');
    expect(cluster.imageOf('web')).toBe(GOOD);
  });

  test('when it is to be put back is waited for much longer', async () => {
    const cluster = clusterWith('web');
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      const reply = patch(path, operations);
      if (cluster.patches.length === 1) {
        cluster.faults.push(...Array.from({ length: 40 }, () => away), failing, failing, failing, failing);
      }
      return reply as never;
    };
    const { deployed, saved } = await ship(cluster, ['web'], BAD);
    expect(deployed.result).toBe('rolled-back');
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(saved.at(-1)?.open).toEqual([]);
  });

  test('for one of two that are to be put back: the other is not kept waiting, and the wait is told', async () => {
    const cluster = clusterWith('api', 'web');
    const patch = cluster.patch.bind(cluster);
    const reached: string[] = [];
    let tries = 0;
    cluster.patch = (path, operations) => {
      const name = path.split('/').at(-1) ?? '';
      const isBack = JSON.stringify(operations).includes(
        `"replace","path":"/spec/template/spec/containers/0/image","value":"${OLD}"`,
      );
      if (isBack) reached.push(name);
      if (isBack && name === 'web' && tries++ < 20) cluster.faults.push(away);
      return patch(path, operations) as never;
    };
    const { deployed, lines } = await ship(cluster, ['api', 'web'], BAD);
    expect(deployed.result).toBe('rolled-back');
    expect(reached.slice(0, 3)).toEqual(['web', 'api', 'web']);
    expect(lines).toContain(
      'deployment/web: it could not be put back yet, and is tried again: No usable answer from the cluster at https://fake:6443: PATCH /apis/apps/v1/namespaces/shop/deployments/web: connection refused. Check that the server address in the kubeconfig is that of a Kubernetes API server.',
    );
    expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, OLD]);
  });

  test('for good when it is to be put back: said, and left to the post step', async () => {
    const cluster = clusterWith('web');
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      if (cluster.patches.length > 0) cluster.faults.push(away);
      return patch(path, operations) as never;
    };
    const { deployed, reason, saved } = await ship(cluster, ['web'], BAD);
    expect(deployed.result).toBe('rollback-failed');
    expect(reason).toContain('The rollback to sha256:00000000… failed: ');
    expect(saved.at(-1)?.open).toMatchObject([{ name: 'web', changes: [{ image: OLD, to: BAD }] }]);
    // And to the next run, with what was decided.
    expect(memoryOf(cluster, 'web')).toMatchObject({ 'steadyship.dev/open': { goesBack: true } });
  });

  test('for one of two: the next run puts that one back too, though it is healthy', async () => {
    const cluster = new FakeCluster((image) => image !== BAD);
    cluster.add('api', OLD);
    cluster.add('web', OLD);
    const patch = cluster.patch.bind(cluster);
    let isAway = true;
    cluster.patch = (path, operations) => {
      const name = path.split('/').at(-1);
      // Of the two only one is bad: its own configuration does not go with the new image.
      const sent = operations.map((one) =>
        'value' in one && one.value === GOOD && name === 'api' ? { ...one, value: BAD } : one,
      );
      if (isAway && name === 'web' && cluster.patches.length > 1) cluster.faults.push(away);
      return patch(path, sent) as never;
    };
    const first = await ship(cluster, ['api', 'web'], GOOD);
    expect(first.deployed.result).toBe('rollback-failed');
    expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, GOOD]);
    isAway = false;
    const sent = cluster.patches.length;
    const next = await ship(cluster, ['web'], `ghcr.io/acme/shop@sha256:${'3'.repeat(64)}`);
    expect(next.deployed.result).toBe('succeeded');
    expect(next.lines).toContain(`deployment/web in namespace shop: put back to ${OLD} and healthy`);
    expect(cluster.patches.length - sent).toBe(2);
  });
});

describe('a rollback on which the cluster does not decide', () => {
  const LOGIN = 'The login of the kubeconfig\'s user "ci" gave no new credential within 10 s.';
  const BY_HAND = `Put deployment/web back by hand: kubectl -n shop set image deployment/web web=${OLD}`;
  const isOpen = [{ name: 'web', changes: [{ image: OLD, to: BAD }] }];

  /** The first patch goes through; what becomes of each one that is to put back. */
  function backwards(cluster: FakeCluster, meet: (back: number) => Error | undefined): void {
    const patch = cluster.patch.bind(cluster);
    let backs = 0;
    cluster.patch = (path, operations) => {
      const error = cluster.patches.length === 0 ? undefined : meet(++backs);
      return error === undefined ? patch(path, operations) : Promise.reject(error);
    };
  }
  const lost = (): Error => new UnreachableError({ verb: 'PATCH', path: '/web' }, 'reset', true);
  const away = (): Error => new LoginAwayError(LOGIN);

  test.each<[string, () => Error]>([
    ['whose answers are lost', lost],
    ['for which the login gives no credential', away],
  ])('%s for a minute is sent until it went through', async (_, error) => {
    const cluster = clusterWith('web');
    backwards(cluster, (back) => (back <= 30 ? error() : undefined));
    const { deployed, reason, saved } = await ship(cluster, ['web'], BAD);
    expect(deployed.result).toBe('rolled-back');
    expect(reason).toContain('Rolled back to sha256:00000000…');
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(saved.at(-1)?.open).toEqual([]);
    expect(memoryOf(cluster, 'web')).toEqual({});
  });

  test.each<[string, (back: number) => Error, string]>([
    [
      'whose answers are lost',
      lost,
      'Whether the rollback to sha256:00000000… worked is unknown: The answer to the patch of deployment/web was lost, and so far the cluster has not carried it out. Look yourself: kubectl get deployment/web -n shop -o wide.',
    ],
    ['for which the login gives no credential', away, `The rollback to sha256:00000000… failed: ${LOGIN}`],
    [
      'whose answers are lost, and then the login gives no credential: it may be there',
      (back) => (back <= 3 ? lost() : away()),
      'Whether the rollback to sha256:00000000… worked is unknown: The answer to the patch of deployment/web was lost, and so far the cluster has not carried it out. Look yourself: kubectl get deployment/web -n shop -o wide.',
    ],
  ])('%s for good is left to the post step and the next run', async (_, meet, words) => {
    const cluster = clusterWith('web');
    backwards(cluster, meet);
    const { deployed, reason, advice, saved } = await ship(cluster, ['web'], BAD);
    expect(deployed.result).toBe('rollback-failed');
    expect(reason).toMatch(/^deployment\/web: container web exits 1 /);
    expect(reason.endsWith(words), reason).toBe(true);
    expect(advice).toBe(BY_HAND);
    expect(cluster.imageOf('web')).toBe(BAD);
    expect(saved.at(-1)?.open).toMatchObject(isOpen);
    expect(memoryOf(cluster, 'web')).toMatchObject({ 'steadyship.dev/open': { goesBack: true } });
  });

  test('for want of a login when the run is cancelled is left to the post step', async () => {
    const cluster = clusterWith('web');
    const controller = new AbortController();
    backwards(cluster, (back) => {
      if (back === 3) controller.abort(new Cancelled('SIGINT'));
      return away();
    });
    const { deployed, reason, saved } = await ship(cluster, ['web'], BAD, { signal: controller.signal });
    expect(deployed.result).toBe('rollback-failed');
    expect(reason).toContain(`The rollback to sha256:00000000… failed: ${LOGIN}`);
    expect(saved.at(-1)).toMatchObject({ onCancel: 'rollback', open: isOpen });
    expect(memoryOf(cluster, 'web')).toMatchObject({ 'steadyship.dev/open': { goesBack: true } });
  });

  test.each([403, 422])(
    'but one that it refused with %i is decided: sent once, told once, and not left open',
    async (status) => {
      const cluster = clusterWith('web');
      const patch = cluster.patch.bind(cluster);
      cluster.patch = (path, operations) => {
        if (cluster.patches.length > 0)
          cluster.faults.push({ kind: 'refuse', status, message: 'denied by policy x' });
        return patch(path, operations) as never;
      };
      const { deployed, reason, advice, saved } = await ship(cluster, ['web'], BAD);
      expect(deployed.result).toBe('rollback-failed');
      expect(reason).toMatch(/The rollback to sha256:00000000… failed: denied by policy x\.$/);
      expect(advice).toBe(BY_HAND);
      expect(cluster.patches).toHaveLength(2);
      expect(saved.at(-1)?.open).toEqual([]);
      expect(memoryOf(cluster, 'web')).toEqual({});
    },
  );
});

describe('a webhook that changes the patch', () => {
  test('to another image: that is what runs, and what is told', async () => {
    const cluster = clusterWith('web');
    const mirror = GOOD.replace('ghcr.io', 'mirror.local');
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) =>
      patch(
        path,
        operations.map((one) => ('value' in one && one.value === GOOD ? { ...one, value: mirror } : one)),
      );
    const markers = markersOf(cluster);
    const { deployed, reason, lines } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('succeeded');
    expect(reason).toBe('deployment/web runs mirror.local/acme/shop@sha256:11111111… and is healthy.');
    expect(lines).toContain(
      `deployment/web: a webhook or policy of the cluster made ${mirror} of ${GOOD} in container web.`,
    );
    // Of a run that is killed in the gate the next one finds the marker, and knows ours by the image that stands there.
    expect(markers.map(({ changes }) => changes.map(({ to }) => to))).toEqual([[GOOD], [mirror]]);
  });

  describe('to a mirror that has the wanted digest already', () => {
    /** It makes one image of another, on every way. */
    function mirrored(cluster: FakeCluster, from: string, to: string): void {
      const patch = cluster.patch.bind(cluster);
      cluster.patch = (path, operations) =>
        patch(
          path,
          operations.map((one) =>
            one.op !== 'test' && 'value' in one && one.value === from ? { ...one, value: to } : one,
          ),
        );
    }

    test.each<[string, readonly PatchFault[]]>([
      ['it is gated as what it is', []],
      ['also when the answer is lost', [{ kind: 'lose-reply' }]],
    ])('%s', async (_, faults) => {
      const mirror = GOOD.replace('ghcr.io', 'mirror.local');
      const cluster = clusterWith();
      cluster.add('web', mirror);
      mirrored(cluster, GOOD, mirror);
      cluster.faults.push(...faults);
      const { deployed, reason, lines, saved } = await ship(cluster, ['web'], GOOD);
      expect(deployed.result).toBe('succeeded');
      expect(reason).toBe('deployment/web runs mirror.local/acme/shop@sha256:11111111… and is healthy.');
      expect(lines).toContain(
        `deployment/web: a webhook or policy of the cluster made ${mirror} of ${GOOD} in container web.`,
      );
      expect(cluster.patches).toHaveLength(1);
      expect(saved.at(-1)?.open).toEqual([]);
      expect(memoryOf(cluster, 'web')).toMatchObject({
        'steadyship.dev/last-stable': { images: [{ image: mirror }] },
      });
    });

    test('it fails: there is nothing to go back to, and nothing is claimed to have been tried', async () => {
      const mirror = GOOD.replace('ghcr.io', 'mirror.local');
      let isWell = true;
      const cluster = new FakeCluster(() => isWell);
      cluster.add('web', mirror);
      mirrored(cluster, GOOD, mirror);
      isWell = false;
      const { deployed, reason, saved } = await ship(cluster, ['web'], GOOD);
      expect(deployed.result).toBe('failed');
      expect(reason).toMatch(
        /^deployment\/web: container web exits 1 .*\. Nothing was rolled back, since it ran the same image before: the cluster goes on restarting the container, with up to 5 minutes between two attempts\.$/,
      );
      expect(cluster.patches).toHaveLength(1);
      expect(saved.at(-1)?.open).toEqual([]);
      expect(memoryOf(cluster, 'web')).toEqual({});
    });

    test('beside another that fails: only that one is put back', async () => {
      const mirror = GOOD.replace('ghcr.io', 'mirror.local');
      const cluster = new FakeCluster((image) => image !== GOOD);
      cluster.add('api', OLD);
      cluster.add('web', mirror);
      const patch = cluster.patch.bind(cluster);
      cluster.patch = (path, operations) =>
        patch(
          path,
          operations.map((one) =>
            path.endsWith('/web') && one.op === 'replace' ? { ...one, value: mirror } : one,
          ),
        );
      const { deployed, reason, saved } = await ship(cluster, ['api', 'web'], GOOD);
      expect(deployed.result).toBe('rolled-back');
      expect(reason).toMatch(/Rolled back to sha256:00000000… in [^.]+\.$/);
      expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, mirror]);
      expect(saved.at(-1)?.open).toEqual([]);
    });

    test('but where it keeps another digest, the image was dropped', async () => {
      const mirror = OLD.replace('ghcr.io', 'mirror.local');
      const cluster = clusterWith();
      cluster.add('web', mirror);
      mirrored(cluster, GOOD, mirror);
      const { deployed, reason } = await ship(cluster, ['web'], GOOD);
      expect(deployed.result).toBe('failed');
      expect(reason).toBe(
        `deployment/web: the API server refused the new image: it took the patch, but container web still has ${mirror}: a mutating webhook or policy of the cluster put that back. Nothing was changed in the cluster.`,
      );
    });
  });

  test('back to the old image: the new one never ran, and that is no success', async () => {
    const cluster = clusterWith('web');
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) =>
      patch(
        path,
        operations.map((one) => ('value' in one && one.value === GOOD ? { ...one, value: OLD } : one)),
      );
    const { deployed, reason } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('failed');
    expect(reason).toBe(
      `deployment/web: the API server refused the new image: it took the patch, but container web still has ${OLD}: a mutating webhook or policy of the cluster put that back. Nothing was changed in the cluster.`,
    );
    expect(cluster.deployment('web').metadata?.annotations).toEqual({
      'deployment.kubernetes.io/revision': '1',
    });
  });
});

describe("somebody else's change", () => {
  test('between our read and our patch is left alone', async () => {
    const cluster = clusterWith('web');
    const other = 'ghcr.io/acme/shop:hotfix';
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      if (cluster.patches.length === 0) cluster.setImage('web', other);
      return patch(path, operations);
    };
    const { deployed, reason } = await ship(cluster, ['web'], GOOD);
    expect(deployed.result).toBe('superseded');
    expect(reason).toContain(
      'somebody else set container web of deployment/web to ghcr.io/acme/shop:hotfix in between',
    );
    expect(cluster.imageOf('web')).toBe(other);
  });
});

describe('a cancelled run', () => {
  test('puts back at once what it had patched', async () => {
    const cluster = clusterWith('web');
    const controller = new AbortController();
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      const reply = patch(path, operations);
      if (cluster.patches.length === 1) controller.abort(new Cancelled('SIGINT'));
      return reply as never;
    };
    const { deployed, reason, lines, saved } = await ship(cluster, ['web'], BAD, {
      signal: controller.signal,
    });
    expect(deployed.result).toBe('rolled-back');
    // Nobody waits for it here: the post step does.
    expect(lines).toContain('deployment/web: put back to ghcr.io/acme/shop@sha256:00000000…');
    expect(reason).toBe('The run was cancelled (SIGINT). deployment/web was put back.');
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(saved.at(-1)?.open).toMatchObject([{ name: 'web', changes: [{ image: OLD, to: BAD }] }]);
  });

  test('between two patches puts back the first and never touches the second', async () => {
    const cluster = clusterWith('api', 'web');
    const controller = new AbortController();
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      controller.abort(new Cancelled('SIGINT'));
      return patch(path, operations);
    };
    const { deployed, reason } = await ship(cluster, ['api', 'web'], GOOD, { signal: controller.signal });
    expect(deployed.result).toBe('rolled-back');
    expect(reason).toBe(
      'The run was cancelled (SIGINT). deployment/api was put back. deployment/web was not touched.',
    );
    expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, OLD]);
  });

  test('with `on-cancel: leave` leaves the new image, says so, and leaves nothing open', async () => {
    const cluster = clusterWith('web');
    const controller = new AbortController();
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      controller.abort(new Cancelled('SIGINT'));
      return patch(path, operations);
    };
    const inputs = { 'on-cancel': 'leave' };
    const { reason, saved } = await ship(cluster, ['web'], BAD, { signal: controller.signal, inputs });
    expect(reason).toBe(
      'The run was cancelled (SIGINT), and `on-cancel` is leave. deployment/web has the new image and is left as it is: whether it is healthy is unknown.',
    );
    expect(cluster.imageOf('web')).toBe(BAD);
    expect(saved.at(-1)?.open).toEqual([]);
    expect(memoryOf(cluster, 'web')).toEqual({});
  });

  test('with `on-cancel: leave` in the middle of a rollback does not stop that: it was decided by the image', async () => {
    const cluster = clusterWith('web');
    const controller = new AbortController();
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      const reply = patch(path, operations);
      if (cluster.patches.length === 2) controller.abort(new Cancelled('SIGINT'));
      return reply as never;
    };
    const inputs = { 'on-cancel': 'leave' };
    const { reason, saved } = await ship(cluster, ['web'], BAD, { signal: controller.signal, inputs });
    expect(reason).toBe('The run was cancelled (SIGINT). deployment/web was put back.');
    expect(cluster.imageOf('web')).toBe(OLD);
    // Killed before the patch that puts back has an answer, the post step would have put back as well.
    expect(saved.map(({ onCancel, open }) => [onCancel, open.length])).toEqual([
      ['leave', 1],
      ['rollback', 1],
    ]);
  });

  test('when all are healthy already takes nothing back: only the question what runs is dropped', async () => {
    const cluster = clusterWith();
    cluster.imageID = `ghcr.io/acme/shop@sha256:${'e'.repeat(64)}`;
    cluster.add('web', OLD);
    const controller = new AbortController();
    const resolve = (): never => {
      controller.abort(new Cancelled('SIGINT'));
      throw new Cancelled('SIGINT');
    };
    const registry: Registry = { ...REGISTRY, resolve: () => Promise.resolve().then(resolve) };
    const { deployed, saved } = await ship(cluster, ['web'], GOOD, { signal: controller.signal, registry });
    expect(deployed.result).toBe('succeeded');
    expect(cluster.imageOf('web')).toBe(GOOD);
    expect(saved.at(-1)?.open).toEqual([]);
    expect(memoryOf(cluster, 'web')).toHaveProperty(['steadyship.dev/last-stable']);
  });

  test('while the first is put back, for the second was refused: both are told', async () => {
    const cluster = clusterWith('api', 'web');
    const controller = new AbortController();
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      if (cluster.patches.length === 1) cluster.faults.push({ kind: 'refuse', status: 403, message: 'no' });
      if (cluster.patches.length === 2) controller.abort(new Cancelled('SIGINT'));
      return patch(path, operations) as never;
    };
    const { deployed, reason, saved } = await ship(cluster, ['api', 'web'], GOOD, {
      signal: controller.signal,
    });
    expect(deployed.result).toBe('rolled-back');
    expect(reason).toBe(
      'deployment/web: the API server refused the new image: no. The run was cancelled (SIGINT). deployment/api was put back. deployment/web was not touched.',
    );
    expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, OLD]);
    expect(saved.at(-1)?.open).toMatchObject([{ name: 'api' }]);
  });

  test('before the patch touches nothing', async () => {
    const cluster = clusterWith('web');
    const signal = AbortSignal.abort(new Cancelled('SIGINT'));
    const { reason } = await ship(cluster, ['web'], GOOD, { signal });
    expect(reason).toBe('The run was cancelled (SIGINT). Nothing was changed in the cluster.');
    expect(cluster.patches).toEqual([]);
  });
});

/** From now on, each marker that is left on a Lease for the next run. */
function markersOf(cluster: FakeCluster): readonly OpenMarker[] {
  const texts = new Set<string>();
  const markers: OpenMarker[] = [];
  cluster.leases.listeners.add(() => {
    for (const { metadata } of cluster.leases.leases.values()) {
      const text = metadata?.annotations?.['steadyship.dev/open'];
      if (text === undefined || texts.has(text)) continue;
      texts.add(text);
      markers.push(JSON.parse(text));
    }
  });
  return markers;
}

/** What the Lease of a workload remembers. */
function memoryOf(cluster: FakeCluster, name: string): Readonly<Record<string, unknown>> {
  const annotations = cluster.leases.the(`steadyship-deployment-${name}`).metadata?.annotations ?? {};
  return Object.fromEntries(
    Object.entries(annotations)
      .filter(([key]) => /last-stable|open/.test(key))
      .map(([key, text]) => [key, JSON.parse(text)]),
  );
}

describe('what is remembered', () => {
  test('after a success is the state that was held to the end, and the lock is free', async () => {
    const cluster = clusterWith('web');
    await ship(cluster, ['web'], GOOD, { commit: 'c2' });
    expect(memoryOf(cluster, 'web')).toMatchObject({
      'steadyship.dev/last-stable': {
        uid: 'uid-web',
        commit: 'c2',
        images: [{ list: 'containers', name: 'web', image: GOOD }],
      },
    });
    expect(memoryOf(cluster, 'web')).not.toHaveProperty(['steadyship.dev/open']);
    expect(cluster.leases.the('steadyship-deployment-web').spec?.holderIdentity ?? '').toBe('');
  });

  test('after a failure is what it was before', async () => {
    const cluster = clusterWith('web');
    await ship(cluster, ['web'], GOOD, { commit: 'c2' });
    const before = memoryOf(cluster, 'web');
    await ship(cluster, ['web'], BAD, { commit: 'c3' });
    expect(memoryOf(cluster, 'web')).toEqual(before);
  });

  test('is the way back when what ran before was no good: of good, bad and bad again, the good one', async () => {
    const worse = `ghcr.io/acme/shop@sha256:${'c'.repeat(64)}`;
    const cluster = new FakeCluster((image) => image !== BAD && image !== worse);
    cluster.add('web', OLD);
    await ship(cluster, ['web'], GOOD);
    await ship(cluster, ['web'], BAD, { inputs: { rollback: 'never' } });
    expect(cluster.imageOf('web')).toBe(BAD);
    const { deployed, reason } = await ship(cluster, ['web'], worse);
    expect(deployed.result).toBe('rolled-back');
    expect(reason).toMatch(/Rolled back to sha256:11111111…, the last healthy state on record, in /);
    expect(cluster.imageOf('web')).toBe(GOOD);
  });

  test('of an image that no pod was to run is nothing: what was held to be healthy before stays on record', async () => {
    const cluster = new FakeCluster(() => true);
    cluster.add('web', OLD);
    await ship(cluster, ['web'], GOOD);
    const before = memoryOf(cluster, 'web');
    cluster.add('web', GOOD, 0);
    const { deployed, reason } = await ship(cluster, ['web'], BAD);
    expect(deployed.result).toBe('succeeded');
    expect(reason).toBe(
      'deployment/web is set to ghcr.io/acme/shop@sha256:bbbbbbbb… and its health was not seen (nothing verified: the Deployment has 0 replicas).',
    );
    expect(memoryOf(cluster, 'web')).toEqual(before);
  });

  test('of a patch whose fate is not known is left to the next run', async () => {
    const cluster = clusterWith('web');
    cluster.faults.push({ kind: 'lose-reply' });
    cluster.get = (path) => Promise.reject(new UnreachableError({ verb: 'GET', path }, 'refused', false));
    await expect(ship(cluster, ['web'], GOOD)).rejects.toMatchObject({
      message: expect.stringContaining('was lost'),
      workloads: [{ name: 'web', outcome: 'unknown', patched: 'unknown' }],
    });
    expect(memoryOf(cluster, 'web')).toHaveProperty(['steadyship.dev/open']);
  });

  test('of several, one of whose patches has an unknown fate, is left to the next run as a whole', async () => {
    const names = ['api', 'jobs', 'web'];
    const cluster = clusterWith(...names);
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      if (cluster.patches.length === 1) {
        cluster.faults.push({ kind: 'lose-reply' });
        cluster.get = (asked) =>
          Promise.reject(new UnreachableError({ verb: 'GET', path: asked }, 'refused', false));
      }
      return patch(path, operations) as never;
    };
    await expect(ship(cluster, names, GOOD)).rejects.toThrow('was lost');
    expect(names.map((name) => cluster.imageOf(name))).toEqual([GOOD, GOOD, OLD]);
    for (const name of names) expect(memoryOf(cluster, name)).toHaveProperty(['steadyship.dev/open']);
  });

  test('of several, one of which nobody can see any more, is left to the next run as a whole', async () => {
    const cluster = clusterWith('api', 'web');
    const collection = cluster.collection.bind(cluster);
    cluster.collection = (target) => {
      const inner = collection(target);
      if (!target.path.endsWith('/pods')) return inner as never;
      let asked = 0;
      const message = 'The cluster at https://fake:6443 forbids it (403): no pods for you.';
      const trouble = { kind: 'forbidden', message, since: 0 } as const;
      return {
        ...{ ready: inner.ready, stop: () => inner.stop(), sees: () => true },
        ...{ items: () => inner.items(), subscribe: (listener: () => void) => inner.subscribe(listener) },
        find: (key: string) => inner.find(key).filter(({ metadata }) => !metadata?.name?.startsWith('web')),
        trouble: () => (asked++ < 1 ? undefined : trouble),
      } as never;
    };
    const { deployed } = await ship(cluster, ['api', 'web'], GOOD);
    expect(deployed.workloads.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['api', 'healthy'],
      ['web', 'unknown'],
    ]);
    for (const name of ['api', 'web']) {
      expect(memoryOf(cluster, name)).toHaveProperty(['steadyship.dev/open']);
      expect(memoryOf(cluster, name)).not.toHaveProperty(['steadyship.dev/last-stable']);
    }
  });

  test('when it can not be written any more stops the run before anything is patched', async () => {
    const cluster = clusterWith('api', 'web');
    const collection = cluster.collection.bind(cluster);
    cluster.collection = (target) => {
      const { spec, ...lease } = cluster.leases.the('steadyship-deployment-web');
      cluster.leases.put({ ...lease, spec: { ...spec, holderIdentity: 'acme/shop run 9 [ffff]' } });
      return collection(target);
    };
    await expect(ship(cluster, ['api', 'web'], GOOD)).rejects.toThrow(
      'The lock on deployment/web was taken from this run by acme/shop run 9 (https://github.com/acme/shop/actions/runs/1).',
    );
    expect(cluster.patches).toEqual([]);
    expect([cluster.imageOf('api'), cluster.imageOf('web')]).toEqual([OLD, OLD]);
    expect(memoryOf(cluster, 'api')).not.toHaveProperty(['steadyship.dev/open']);
  });

  test('when it is lost between two patches: the first is put back, and if that can not be, it stays on record', async () => {
    const cluster = clusterWith('api', 'web');
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      const reply = patch(path, operations);
      const { spec, ...lease } = cluster.leases.the('steadyship-deployment-web');
      cluster.leases.put({ ...lease, spec: { ...spec, holderIdentity: 'acme/shop run 9 [ffff]' } });
      cluster.faults.push({ kind: 'away' });
      return reply as never;
    };
    const { deployed, reason, saved } = await ship(cluster, ['api', 'web'], GOOD);
    expect(deployed.result).toBe('rollback-failed');
    expect(reason).toContain('The lock on deployment/web was taken from this run by acme/shop run 9');
    expect(saved.at(-1)?.open).toMatchObject([{ name: 'api', changes: [{ image: OLD, to: GOOD }] }]);
    expect(memoryOf(cluster, 'api')).toHaveProperty(['steadyship.dev/open']);
  });

  test('of a run that was killed is resolved by the next one before its own work', async () => {
    const cluster = clusterWith('web');
    const killed = await Guard.take({
      ...fakeWorld().world,
      cluster,
      workloads: [{ kind: 'Deployment', namespace: 'shop', name: 'web' }],
      timeout: 0,
    });
    const change = { list: 'containers', index: 0, name: 'web', image: OLD, to: BAD } as const;
    await killed.mark([
      {
        kind: 'Deployment',
        namespace: 'shop',
        name: 'web',
        uid: 'uid-web',
        changes: [change],
        annotationsBefore: {},
      },
    ]);
    cluster.setImage('web', BAD);
    killed.leave();
    const { deployed, lines } = await ship(cluster, ['web'], GOOD, { inputs: { 'lock-timeout': '5m' } });
    expect(lines.join('\n')).toContain('put back to');
    expect(deployed.result).toBe('succeeded');
    expect(cluster.imageOf('web')).toBe(GOOD);
  });

  test('of a run that was killed is told when that is all that the next one changes', async () => {
    const cluster = clusterWith('web');
    const killed = await Guard.take({
      ...fakeWorld().world,
      cluster,
      workloads: [{ kind: 'Deployment', namespace: 'shop', name: 'web' }],
      timeout: 0,
    });
    await killed.mark([
      {
        kind: 'Deployment',
        namespace: 'shop',
        name: 'web',
        uid: 'uid-web',
        changes: [{ list: 'containers', index: 0, name: 'web', image: OLD, to: BAD }],
        annotationsBefore: {},
      },
    ]);
    cluster.setImage('web', BAD);
    killed.leave();
    const refused = { kind: 'refuse', status: 403, message: 'not on a Friday' } as const;
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      if (cluster.patches.length === 1) cluster.faults.push(refused);
      return patch(path, operations) as never;
    };
    const { reason } = await ship(cluster, ['web'], GOOD, { inputs: { 'lock-timeout': '5m' } });
    expect(reason).toBe(
      'deployment/web: the API server refused the new image: not on a Friday. deployment/web was put back to what it ran before an earlier, unfinished run. Nothing else was changed in the cluster.',
    );
    expect(cluster.imageOf('web')).toBe(OLD);
  });
});

describe('an older commit that comes last', () => {
  const late = { runNumber: 1 };
  const early = { runNumber: 2 };

  test('is skipped, and says so', async () => {
    const cluster = clusterWith('web');
    await ship(cluster, ['web'], GOOD, { commit: 'c2', facts: early });
    const { deployed, reason } = await ship(cluster, ['web'], OLD, { commit: 'c1', facts: late });
    expect(deployed.result).toBe('skipped');
    expect(reason).toContain('Commit c1 is older than commit c2, which deployment/web runs already');
    expect(cluster.imageOf('web')).toBe(GOOD);
  });

  test.each([
    ['whose image is healthy is skipped', GOOD, 'skipped', GOOD],
    ['whose image is bad is deployed: that was put back', BAD, 'succeeded', OTHER],
  ] as const)('than that of a killed run %s', async (_, left, result, runs) => {
    const cluster = clusterWith('web');
    const { world } = fakeWorld({ facts: { ...PRIVATE_RUN, ...early } });
    const workloads = [{ kind: 'Deployment' as const, namespace: 'shop', name: 'web' }];
    const killed = await Guard.take({ ...world, cluster, workloads, timeout: 0 });
    const change = { list: 'containers', index: 0, name: 'web', image: OLD, to: left } as const;
    const open = workloads.map((each) => ({
      ...each,
      uid: 'uid-web',
      changes: [change],
      annotationsBefore: {},
    }));
    await killed.mark(open, 'c2');
    cluster.setImage('web', left);
    killed.leave();
    const { deployed } = await ship(cluster, ['web'], OTHER, {
      ...{ commit: 'c1', facts: late },
      inputs: { 'lock-timeout': '5m' },
    });
    expect(deployed.result).toBe(result);
    expect(cluster.imageOf('web')).toBe(runs);
    expect(memoryOf(cluster, 'web')).toMatchObject({
      'steadyship.dev/last-stable': {
        commit: result === 'skipped' ? 'c2' : 'c1',
        order: { number: result === 'skipped' ? 2 : 1 },
        images: [{ image: runs }],
      },
    });
    expect(memoryOf(cluster, 'web')).not.toHaveProperty(['steadyship.dev/open']);
  });

  test('is obeyed when somebody started the run again by hand', async () => {
    const cluster = clusterWith('web');
    await ship(cluster, ['web'], GOOD, { commit: 'c2', facts: early });
    const { deployed, lines } = await ship(cluster, ['web'], OLD, {
      commit: 'c1',
      facts: { ...late, runAttempt: '2' },
    });
    expect(deployed.result).toBe('succeeded');
    expect(lines.join('\n')).toContain('It is deployed all the same: this is attempt 2 of the run');
    expect(cluster.imageOf('web')).toBe(OLD);
  });
});

describe('a state for the post step that can not be written', () => {
  const missing = new Error('Missing file at path: /runner/state');

  test('once the patch was sent keeps nothing from going back, and is warned of once', async () => {
    const cluster = clusterWith('web');
    let saves = 0;
    const { deployed, reason, lines } = await ship(cluster, ['web'], BAD, {
      save: () => {
        saves += 1;
        if (saves > 1) throw missing;
      },
    });
    expect(deployed.result).toBe('rolled-back');
    expect(reason).toMatch(/^deployment\/web: container web exits 1/);
    expect(cluster.imageOf('web')).toBe(OLD);
    // That a rollback began, and that it came to its end.
    expect(saves).toBe(3);
    expect(lines.filter((line) => line.includes('Could not write'))).toEqual([
      'Could not write the state for the post step to the log: Missing file at path: /runner/state. This run goes on. Its post step may not know what became of it, and looks by what was saved last. See that this step may write there.',
    ]);
    expect(cluster.leases.the('steadyship-deployment-web').spec?.holderIdentity).toBeUndefined();
  });

  test('before the first patch ends the run: nothing is patched, and neither lock nor marker stays', async () => {
    const cluster = clusterWith('web');
    const shipped = ship(cluster, ['web'], GOOD, {
      save: () => {
        throw missing;
      },
    });
    await expect(shipped).rejects.toMatchObject({
      cause: {
        name: 'UserError',
        message:
          'Could not write the state for the post step to the log: Missing file at path: /runner/state. Without it nobody would put back what this run changes, should it be killed: it stops before its first patch. See that this step may write there.',
      },
    });
    expect(cluster.patches).toEqual([]);
    const { spec, metadata } = cluster.leases.the('steadyship-deployment-web');
    expect(spec?.holderIdentity).toBeUndefined();
    expect(metadata?.annotations).toEqual({});
  });
});
