import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Cluster, Collection, CollectionTarget } from '../../src/cluster/client.ts';
import { Store } from '../../src/cluster/store.ts';
import type { WatchEvent } from '../../src/cluster/watch.ts';
import { openObserver } from '../../src/gate/observe.ts';
import type { Event, KubeObject } from '../../src/model/kube.ts';

const WORKLOADS = ['a', 'b', 'c'];
const watched = WORKLOADS.map((name) => ({
  kind: 'Deployment' as const,
  namespace: 'shop',
  name,
  selector: { matchLabels: { app: name } },
}));

/** Real stores, fed by the test in place of a server; each tells its listeners at once. */
function world() {
  const stores = new Map<
    string,
    { store: Store<KubeObject>; listeners: Set<(changed?: ReadonlySet<string>) => void> }
  >();
  const collection = <T extends KubeObject>(target: CollectionTarget<T>): Collection<T> => {
    const store = new Store<T>(target);
    const listeners = new Set<(changed?: ReadonlySet<string>) => void>();
    stores.set(target.path.split('/').at(-1) ?? '', {
      store: store as unknown as Store<KubeObject>,
      listeners,
    });
    return {
      ready: Promise.resolve(),
      items: () => store.items(),
      find: (key) => store.find(key),
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      trouble: () => undefined,
      sees: () => true,
      stop: () => undefined,
    };
  };
  const observer = openObserver({ collection } as unknown as Cluster, watched);
  observer.subscribe(() => undefined);
  const held = (plural: string): readonly KubeObject[] => stores.get(plural)?.store.items() ?? [];
  const take = (plural: string, event: WatchEvent<KubeObject> | 'relist', version: number): void => {
    const at = stores.get(plural);
    if (at === undefined) throw new Error(`${plural} is not opened`);
    if (event === 'relist') at.store.replace(at.store.items(), String(version));
    else at.store.apply(event);
    const changed = at.store.takeChanged();
    for (const listener of at.listeners) listener(changed);
  };
  return { observer, held, take, opened: [...stores.keys()] };
}

interface Step {
  readonly plural: string;
  readonly type: 'MODIFIED' | 'DELETED' | 'relist';
  readonly name: string;
  /** What owns it, or what an event is about; a workload has none. */
  readonly of: string;
}

const name = fc.constantFrom('1', '2', '3');
const type = fc.constantFrom('MODIFIED', 'MODIFIED', 'MODIFIED', 'DELETED', 'relist');
const stranger = 'stranger';
const deployment = fc.constantFrom(...WORKLOADS, stranger);
const set = fc.tuple(deployment, name).map(([owner, one]) => `${owner}-set${one}`);
const pod = fc.tuple(set, name).map(([owner, one]) => `${owner}-pod${one}`);
const anything = fc.oneof(deployment, set, pod);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ plural: fc.constant('deployments'), type, name: deployment, of: fc.constant('') }),
  fc.record({ plural: fc.constant('replicasets'), type, name: set, of: deployment }),
  fc.record({ plural: fc.constant('pods'), type, name: pod, of: set }),
  fc.record({ plural: fc.constant('events'), type, name: anything, of: anything }),
) as fc.Arbitrary<Step>;

function objectOf({ plural, name, of }: Step, version: number): KubeObject {
  const metadata = { name, uid: name, resourceVersion: String(version) };
  const labels = { app: of.split('-')[0] ?? '' };
  if (plural === 'deployments') return { metadata };
  if (plural === 'events') return { metadata, involvedObject: { name: of, uid: of } } as Event;
  return { metadata: { ...metadata, labels, ownerReferences: [{ uid: of, controller: true }] } };
}

/** What was done before there was an index: a walk through everything. */
function filtered(held: (plural: string) => readonly KubeObject[], wanted: string): Record<string, string[]> {
  const owned = (plural: string, owners: readonly string[]): readonly KubeObject[] =>
    held(plural).filter((each) => owners.includes(each.metadata?.ownerReferences?.[0]?.uid ?? ''));
  const names = (objects: readonly KubeObject[]): string[] =>
    objects.map(({ metadata }) => `${metadata?.name}@${metadata?.resourceVersion}`).sort();
  const itself = held('deployments').filter(({ metadata }) => metadata?.name === wanted);
  const uids = (objects: readonly KubeObject[]): string[] =>
    objects.map(({ metadata }) => metadata?.uid ?? '');
  const sets = owned('replicasets', uids(itself));
  const pods = owned('pods', uids(sets));
  const about = [...uids(itself), ...uids(sets), ...uids(pods)];
  const events = (held('events') as readonly Event[]).filter(({ involvedObject }) =>
    about.includes(involvedObject?.uid ?? ''),
  );
  return { itself: names(itself), sets: names(sets), pods: names(pods), events: names(events) };
}

function observed(observer: ReturnType<typeof world>['observer'], wanted: (typeof watched)[number]) {
  const seen = observer.observe(wanted);
  const names = (objects: readonly KubeObject[]): string[] =>
    objects.map(({ metadata }) => `${metadata?.name}@${metadata?.resourceVersion}`).sort();
  const itself = seen.workload === undefined ? [] : [seen.workload];
  const sets = seen.kind === 'Deployment' ? seen.replicaSets : [];
  return { itself: names(itself), sets: names(sets), pods: names(seen.pods), events: names(seen.events) };
}

test('what is seen of a workload is what a walk through everything would find, after every event', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { observer, held, take } = world();
      steps.forEach((each, index) => {
        const version = index + 1;
        const event =
          each.type === 'relist' ? each.type : { type: each.type, object: objectOf(each, version) };
        take(each.plural, event, version);
        for (const one of watched) expect(observed(observer, one)).toEqual(filtered(held, one.name));
      });
    }),
    { numRuns: 300 },
  );
});

test('an event of one workload leaves what is seen of the others the same object', () => {
  const { observer, take } = world();
  const steps: readonly Step[] = WORKLOADS.flatMap((of) => [
    { plural: 'deployments', type: 'MODIFIED', name: of, of: '' },
    { plural: 'replicasets', type: 'MODIFIED', name: `${of}-set1`, of },
    { plural: 'pods', type: 'MODIFIED', name: `${of}-set1-pod1`, of: `${of}-set1` },
  ]);
  steps.forEach((each, index) => {
    take(each.plural, { type: 'MODIFIED', object: objectOf(each, index + 1) }, index + 1);
  });
  const before = watched.map((each) => observer.observe(each));
  const late: Step = { plural: 'pods', type: 'MODIFIED', name: 'b-set1-pod1', of: 'b-set1' };
  take('pods', { type: 'MODIFIED', object: objectOf(late, 100) }, 100);
  const after = watched.map((each) => observer.observe(each));
  expect(after.map((each, index) => each === before[index])).toEqual([true, false, true]);
});

test('of thousands of pods, sets and events of others nothing is held', () => {
  const { take, held } = world();
  for (let index = 1; index <= 2_000; index += 1) {
    const strangers: readonly Step[] = [
      { plural: 'replicasets', type: 'MODIFIED', name: `other-${index}`, of: 'other' },
      { plural: 'pods', type: 'MODIFIED', name: `other-1-${index}`, of: 'other-1' },
      { plural: 'events', type: 'MODIFIED', name: `event-${index}`, of: `other-1-${index}` },
      { plural: 'deployments', type: 'MODIFIED', name: `other-${index}`, of: '' },
    ];
    for (const each of strangers)
      take(each.plural, { type: 'MODIFIED', object: objectOf(each, index) }, index);
  }
  const own: Step = { plural: 'pods', type: 'MODIFIED', name: 'a-set1-pod1', of: 'a-set1' };
  take('pods', { type: 'MODIFIED', object: objectOf(own, 3_000) }, 3_000);
  expect(['deployments', 'replicasets', 'pods', 'events'].map((plural) => held(plural).length)).toEqual([
    0, 0, 1, 0,
  ]);
});

test('any number of workloads has one list and one watch of each kind', () => {
  const paths: string[] = [];
  const collection = <T>({ path }: { readonly path: string }): Collection<T> => {
    paths.push(path);
    return {
      ready: Promise.resolve(),
      items: () => [],
      find: () => [],
      subscribe: () => () => undefined,
      trouble: () => undefined,
      sees: () => true,
      stop: () => undefined,
    };
  };
  const many = Array.from({ length: 300 }, (_, index) => ({
    kind: 'Deployment' as const,
    namespace: 'shop',
    name: `web-${index}`,
    selector: { matchLabels: { app: `web-${index}` } },
  }));
  openObserver({ collection } as unknown as Cluster, many).subscribe(() => undefined);
  expect(paths.map((path) => path.split('/').at(-1))).toEqual([
    'deployments',
    'replicasets',
    'pods',
    'events',
  ]);
});
