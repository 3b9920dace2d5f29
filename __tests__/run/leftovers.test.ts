import { describe, expect, test } from 'vitest';
import type { Found } from '../../src/deploy/preflight.ts';
import { readInputs } from '../../src/inputs.ts';
import { Cancelled } from '../../src/model/error.ts';
import type { Deployment } from '../../src/model/kube.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { deploy } from '../../src/run/deploy.ts';
import { Guard } from '../../src/run/guard.ts';
import { stop } from '../../src/run/report.ts';
import { Story } from '../../src/run/story.ts';
import type { OpenChange } from '../../src/state.ts';
import { FakeCluster } from './fake-cluster.ts';
import { fakeWorld } from './fake-world.ts';

const OLD = `ghcr.io/acme/shop@sha256:${'0'.repeat(64)}`;
const GOOD = `ghcr.io/acme/shop@sha256:${'1'.repeat(64)}`;
const BAD = `ghcr.io/acme/shop@sha256:${'b'.repeat(64)}`;
/** Of somebody else, and as bad. */
const THEIRS = `ghcr.io/acme/shop@sha256:${'c'.repeat(64)}`;
const NEXT = `ghcr.io/acme/shop@sha256:${'3'.repeat(64)}`;

/** Asked for nothing but whether a stable image is there still. */
const REGISTRY = { has: () => Promise.resolve(true) } as unknown as Registry;

function changeOf(name: string, to: string): OpenChange {
  return {
    kind: 'Deployment',
    namespace: 'shop',
    name,
    uid: `uid-${name}`,
    changes: [{ list: 'containers', index: 0, name: 'web', image: OLD, to }],
    annotationsBefore: {},
  };
}

/** A cluster in which a killed run has set images: BAD and THEIRS are the bad ones. */
async function leftBehind(images: Readonly<Record<string, string>>, goingBack: readonly string[] = []) {
  const cluster = new FakeCluster((image) => image !== BAD && image !== THEIRS);
  const open = Object.entries(images).map(([name, to]) => changeOf(name, to));
  for (const { name } of open) cluster.add(name, OLD);
  const guard = await Guard.take({ ...fakeWorld().world, cluster, workloads: open, timeout: 0 });
  await guard.mark(open);
  for (const [name, image] of Object.entries(images)) cluster.setImage(name, image);
  for (const each of open) if (goingBack.includes(each.name)) guard.goesBack(each);
  await guard.release();
  /** The image that the marker goes back to; undefined: there is no marker. */
  const marked = (name: string): unknown => {
    const { metadata } = cluster.leases.the(`steadyship-deployment-${name}`);
    const text = metadata?.annotations?.['steadyship.dev/open'];
    return text === undefined ? undefined : JSON.parse(text).changes[0].image;
  };
  /** Ships NEXT to all, and says how it ended. */
  const ship = async (signal = new AbortController().signal) => {
    const names = open.map(({ name }) => name);
    const inputs = await readInputs({
      ...{ image: NEXT, build: 'false', 'stable-for': '0s', namespace: 'shop' },
      workloads: names.map((name) => `deployment/${name}`).join(','),
    });
    const { world, lines, saved } = fakeWorld({ signal });
    const found = open.map(({ kind, namespace, name }): Found => {
      return {
        kind,
        namespace,
        name,
        containers: [{ container: undefined }],
        workload: cluster.deployment(name),
      };
    });
    const free = new AbortController().signal;
    const guard = await Guard.take({ ...world, cluster, workloads: found, timeout: 0, signal: free });
    const story = new Story(world.clock);
    const [, digest] = NEXT.split('@');
    const image = { registry: 'ghcr.io', repository: 'acme/shop' };
    const deployed = await deploy({
      ...{ inputs, world, story, cluster, found, guard, registry: REGISTRY },
      images: [
        {
          ...{ reference: NEXT, image, digest, tag: undefined, platforms: [] },
          ...{ built: false, seen: true, source: undefined },
        },
      ],
      checked: Promise.resolve(),
      patched: () => undefined,
      observer: undefined,
    }).then(
      ({ result }) => ({ result, reason: '' }),
      (error: unknown) => {
        const { result, reason } = stop(inputs, world, story, { cluster, found }, error);
        return { result, reason };
      },
    );
    await guard.release();
    return { ...deployed, lines, saved };
  };
  return { cluster, marked, ship };
}

/** What the caches say from a moment on. */
function seeing(cluster: FakeCluster, changes: object, from: () => boolean = () => true): void {
  const collection = cluster.collection.bind(cluster);
  cluster.collection = (target) =>
    ({
      ...collection(target),
      ...(target.path.endsWith('/deployments') && from() ? changes : {}),
    }) as never;
}

const AWAY = {
  trouble: () => ({
    kind: 'unauthorized',
    message: 'The cluster at https://fake:6443 does not accept the credentials of the kubeconfig (401).',
    since: 0,
  }),
};

describe('what a killed run left', () => {
  test('and is bad is put back in all its workloads, and then the run goes on', async () => {
    const { cluster, marked, ship } = await leftBehind({ api: GOOD, web: BAD });
    expect(await ship()).toMatchObject({ result: 'succeeded' });
    expect(cluster.patches.map(({ path }) => path.split('/').at(-1))).toEqual(['web', 'api', 'api', 'web']);
    expect([marked('api'), marked('web')]).toEqual([undefined, undefined]);
  });

  test('and is healthy stays', async () => {
    const { cluster, marked, ship } = await leftBehind({ web: GOOD });
    expect(await ship()).toMatchObject({ result: 'succeeded' });
    expect(cluster.patches).toHaveLength(1);
    expect(marked('web')).toBeUndefined();
  });

  test('and is healthy goes back where that was decided already: the others of that run went back', async () => {
    const { cluster, marked, ship } = await leftBehind({ web: GOOD }, ['web']);
    const { result, lines } = await ship();
    expect(result).toBe('succeeded');
    expect(lines).toContain(
      'deployment/web: it is healthy, but not all of that run can stay, so it goes back with the others',
    );
    expect(lines).toContain(`deployment/web in namespace shop: put back to ${OLD} and healthy`);
    expect(cluster.patches).toHaveLength(2);
    expect(marked('web')).toBeUndefined();
  });

  test('and is healthy goes back with one that is back already, or was never changed', async () => {
    const { cluster, marked, ship } = await leftBehind({ api: GOOD, web: GOOD });
    cluster.setImage('web', OLD);
    expect(await ship()).toMatchObject({ result: 'succeeded' });
    expect(cluster.patches.map(({ path }) => path.split('/').at(-1))).toEqual(['api', 'api', 'web']);
    expect([marked('api'), marked('web')]).toEqual([undefined, undefined]);
  });

  test('and is back in one workload and can not be put back in the other keeps both markers', async () => {
    const { cluster, marked, ship } = await leftBehind({ api: GOOD, web: GOOD });
    cluster.setImage('web', OLD);
    cluster.faults.push({ kind: 'refuse', status: 403, message: 'not on a Friday' });
    expect(await ship()).toMatchObject({ result: 'failed' });
    expect([marked('api'), marked('web')]).toEqual([OLD, OLD]);
    // The next run can, and still knows that both go together.
    expect(await ship()).toMatchObject({ result: 'succeeded' });
    expect(cluster.patches.map(({ path }) => path.split('/').at(-1))).toEqual(['api', 'api', 'api', 'web']);
  });

  test('and can not be judged is neither put back nor deployed over, and its marker stays', async () => {
    const { cluster, marked, ship } = await leftBehind({ web: GOOD });
    seeing(cluster, AWAY);
    expect(await ship()).toMatchObject({
      result: 'unknown',
      reason:
        'Whether what an earlier, unfinished run set in deployment/web is healthy could not be seen, so it is neither put back on a guess nor deployed over: The cluster at https://fake:6443 does not accept the credentials of the kubeconfig (401). Nothing was changed in the cluster.',
    });
    expect(cluster.patches).toEqual([]);
    expect(cluster.imageOf('web')).toBe(GOOD);
    expect(marked('web')).toBe(OLD);
  });

  test('and was changed by somebody while it was judged is theirs: its marker goes, and nothing is put back', async () => {
    const { cluster, marked, ship } = await leftBehind({ web: BAD });
    const paused = (): readonly Deployment[] => {
      const now = cluster.deployment('web');
      return [{ ...now, spec: { ...now.spec, paused: true } }];
    };
    seeing(cluster, { items: paused, find: paused });
    const { lines } = await ship();
    expect(lines).toContain(
      'deployment/web: it was paused while it was rolled out. That was somebody else, so theirs stays, and nothing is put back.',
    );
    expect(cluster.patches).toEqual([]);
    expect(cluster.imageOf('web')).toBe(BAD);
    expect(marked('web')).toBeUndefined();
  });

  test('and got a bad image of somebody else while it was judged says nothing against its healthy sibling', async () => {
    const { cluster, marked, ship } = await leftBehind({ api: GOOD, web: BAD });
    const get = cluster.get.bind(cluster);
    let isSet = false;
    cluster.get = async (path) => {
      const now = await get(path);
      if (path.endsWith('/deployments/web') && !isSet) cluster.setImage('web', THEIRS);
      isSet ||= path.endsWith('/deployments/web');
      return now as never;
    };
    const { result, lines } = await ship();
    expect(result).toBe('succeeded');
    expect(lines).toContain(
      `deployment/web: the image of container web was changed to ${THEIRS}. That was somebody else, so theirs stays, and nothing is put back.`,
    );
    expect(lines).toContain('deployment/api: it is healthy, so it stays');
    // Nothing but its own work.
    expect(cluster.patches.map(({ path }) => path.split('/').at(-1))).toEqual(['api', 'web']);
    expect([marked('api'), marked('web')]).toEqual([undefined, undefined]);
  });

  test('and is refused when it is put back ends the run, and the marker keeps what ran before', async () => {
    const { cluster, marked, ship } = await leftBehind({ web: BAD });
    cluster.faults.push({ kind: 'refuse', status: 403, message: 'not on a Friday' });
    expect(await ship()).toMatchObject({
      result: 'failed',
      reason: `Nothing is deployed over what an earlier, unfinished run left, so that its marker keeps what ran before; run this again when the cause is gone, or with \`rollback: never\` to deploy over it all the same. deployment/web in namespace shop: it could not be put back to ${OLD}: not on a Friday. It was left as it is. Look yourself: kubectl get deployment/web -n shop -o wide. Nothing was changed in the cluster.`,
    });
    expect(cluster.imageOf('web')).toBe(BAD);
    expect(marked('web')).toBe(OLD);
    expect(await ship()).toMatchObject({ result: 'succeeded' });
    expect(cluster.imageOf('web')).toBe(NEXT);
  });

  test('and is refused in several workloads names one at the end, and the others before', async () => {
    const { cluster, marked, ship } = await leftBehind({ api: BAD, web: BAD });
    const refused = { kind: 'refuse', status: 403, message: 'not on a Friday' } as const;
    cluster.faults.push(refused, refused);
    const { reason, lines } = await ship();
    expect(reason).toContain('deployment/web in namespace shop: it could not be put back to ');
    expect(reason).toContain(
      'It is not alone: see the warnings of this run. Nothing was changed in the cluster.',
    );
    expect(lines).toContain(
      `deployment/api in namespace shop: it could not be put back to ${OLD}: not on a Friday. It was left as it is. Look yourself: kubectl get deployment/api -n shop -o wide`,
    );
    expect([marked('api'), marked('web')]).toEqual([OLD, OLD]);
  });

  test('and is put back and no longer seen is told as changed', async () => {
    const { cluster, marked, ship } = await leftBehind({ web: BAD });
    seeing(cluster, AWAY, () => cluster.patches.length > 0);
    const { result, reason } = await ship();
    expect(result).toBe('unknown');
    expect(reason).toContain(`put back to ${OLD}, but whether it is healthy could not be seen: `);
    expect(reason).toContain(
      'Putting deployment/web back to what it ran before an earlier, unfinished run did not come to a good end. Nothing else was changed in the cluster.',
    );
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(marked('web')).toBe(OLD);
  });

  test('and breaks off when it was put back is told as changed', async () => {
    const { cluster, ship } = await leftBehind({ web: BAD });
    const ready = Promise.reject(new Error('broken'));
    ready.catch(() => undefined);
    seeing(cluster, { ready }, () => cluster.patches.length > 0);
    const { result, reason } = await ship();
    expect(result).toBe('unknown');
    expect(reason).toContain(
      'could not be seen: broken. Look yourself: kubectl rollout status deployment/web',
    );
    expect(reason).toContain('did not come to a good end. Nothing else was changed in the cluster.');
  });
});

describe('a run that is cancelled while it resolves what a killed run left', () => {
  const CANCELLED =
    'The run was cancelled (SIGINT). What an earlier, unfinished run left in deployment/web is not resolved yet: the next run finds its marker and judges it.';

  test('before it was put back leaves it to the next run', async () => {
    const { cluster, marked, ship } = await leftBehind({ web: BAD });
    expect(await ship(AbortSignal.abort(new Cancelled('SIGINT')))).toMatchObject({
      result: 'failed',
      reason: `${CANCELLED} Nothing was changed in the cluster.`,
      saved: [],
    });
    expect(cluster.patches).toEqual([]);
    expect(marked('web')).toBe(OLD);
  });

  test('after it was put back does not wait until it is healthy', async () => {
    const { cluster, marked, ship } = await leftBehind({ web: BAD });
    const controller = new AbortController();
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (path, operations) => {
      controller.abort(new Cancelled('SIGINT'));
      return patch(path, operations) as never;
    };
    expect(await ship(controller.signal)).toMatchObject({
      result: 'failed',
      reason: `${CANCELLED} Putting deployment/web back to what it ran before an earlier, unfinished run did not come to a good end. Nothing else was changed in the cluster.`,
    });
    expect(cluster.imageOf('web')).toBe(OLD);
    expect(marked('web')).toBe(OLD);
  });
});
