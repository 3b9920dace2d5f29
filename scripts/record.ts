/**
 * Records anew what the real cluster says while images are replaced, for the tests that replay it:
 * node scripts/record.ts. Names, addresses and what no test reads are taken out.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, up } from '../__tests__/cluster/index.ts';
import { type ImageName, type Images, pushFixtures } from '../__tests__/harness/images.ts';
import { manifest, settledKind } from '../__tests__/harness/kinds.ts';
import { type Kube, startProxy } from '../__tests__/harness/kube.ts';
import { Namespace } from '../__tests__/harness/namespace.ts';
import {
  FOLDER,
  type Happening,
  type Recording,
  render,
  STORIES,
  type Story,
  type Stream,
} from '../__tests__/replay/recording.ts';
import { slotsOf } from '../src/deploy/containers.ts';
import { renderPatch } from '../src/deploy/patch.ts';
import type { KubeObject, Workload } from '../src/model/kube.ts';
import type { WorkloadKind } from '../src/model/observation.ts';

const NAME = 'web';
const KINDS: Readonly<Record<string, WorkloadKind>> = {
  deployment: 'Deployment',
  statefulset: 'StatefulSet',
  daemonset: 'DaemonSet',
};
const CHILDREN: Readonly<Record<WorkloadKind, readonly string[]>> = {
  Deployment: ['deployments', 'replicasets', 'pods', 'events'],
  StatefulSet: ['statefulsets', 'pods', 'events'],
  DaemonSet: ['daemonsets', 'controllerrevisions', 'pods', 'events'],
};
const IMAGES: Readonly<Record<string, ImageName>> = {
  good: 'v2',
  crash: 'crash',
  'never-ready': 'not-ready',
  superseded: 'slow',
};
/** From the patch on, in milliseconds: until everything has been said that the gate needs. */
const LENGTH = 40_000;

interface Stage {
  readonly cluster: Cluster;
  readonly images: Images;
  readonly socket: string;
}

async function record(story: Story, stage: Stage): Promise<Recording> {
  const [prefix = '', ...rest] = story.split('-');
  const kind = KINDS[prefix] as WorkloadKind;
  const ending = rest.join('-');
  const place = new Namespace({ ...stage, server: {} });
  await place.open();
  try {
    const list = CHILDREN[kind][0] as string;
    await place.apply(list, manifest(kind, { name: NAME, image: stage.images.v1 }));
    await settledKind(place, kind, NAME);
    const tape = await Tape.start(place, CHILDREN[kind]);
    const path = `${place.path(list)}/${NAME}`;
    const before = await place.kube.get<Workload>(path);
    const to = stage.images[IMAGES[ending] as ImageName];
    const patch = renderPatch(
      before,
      slotsOf(before).map((slot) => ({ ...slot, to })),
      {},
    );
    const how = ['--type=json', '--field-manager=steadyship', '--output=json', '--show-managed-fields'];
    const answer = await place.kubectl('patch', prefix, NAME, ...how, '-p', JSON.stringify(patch));
    const reply = JSON.parse(answer) as Workload;
    const patched = performance.now();
    if (ending === 'superseded') {
      await sleep(3_000);
      await place.kubectl('set', 'image', `${prefix}/${NAME}`, `${NAME}=${stage.images.v3}`);
    }
    await sleep(LENGTH - (performance.now() - patched));
    return cleaned(
      { kind, namespace: place.namespace, name: NAME, container: NAME, reply, streams: tape.stop(patched) },
      stage,
    );
  } finally {
    await place.close();
  }
}

/** Every list of a namespace, and what a watch said from there on. */
class Tape {
  readonly #ending = new AbortController();
  readonly #streams: (Omit<Stream, 'happenings'> & { readonly happenings: Happening[] })[] = [];

  static async start(place: Namespace, resources: readonly string[]): Promise<Tape> {
    const tape = new Tape();
    await Promise.all(
      resources.map(async (resource) => {
        const path = place.path(resource);
        const { items, resourceVersion } = await place.kube.list<KubeObject>(path);
        const stream = { path, resourceVersion, items, happenings: [] as Happening[] };
        tape.#streams.push(stream);
        void tape.#follow(place.kube, stream);
      }),
    );
    return tape;
  }

  async #follow(kube: Kube, stream: Stream & { readonly happenings: Happening[] }): Promise<void> {
    try {
      for await (const { type, object } of kube.events<KubeObject>(
        stream.path,
        stream.resourceVersion,
        this.#ending.signal,
      ))
        stream.happenings.push({ type, at: performance.now(), object });
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
    }
  }

  stop(patched: number): readonly Stream[] {
    this.#ending.abort();
    return this.#streams.map((stream) => ({
      ...stream,
      happenings: stream.happenings.map((each) => ({ ...each, at: Math.round(each.at - patched) })),
    }));
  }
}

/** What differs from machine to machine, and what nobody reads. */
const DROPPED = new Set([
  'podIP',
  'podIPs',
  'hostIP',
  'hostIPs',
  'selfLink',
  'volumes',
  'volumeMounts',
  'tolerations',
]);

function cleaned(recording: Recording, { images }: Stage): Recording {
  const [host = ''] = images.v1.split('/');
  const text = JSON.stringify(recording, function (this: unknown, key, value: unknown) {
    // Who wrote what is read of workloads alone, and of them only where it is an image.
    if (key === 'managedFields') return ownersOf(value as readonly Field[]);
    return DROPPED.has(key) ? undefined : value;
  });
  return JSON.parse(
    text
      .replaceAll(recording.namespace, 'shop')
      .replaceAll(host, 'registry.example')
      .replaceAll(/\b(10|172|192|127)(\.\d+){3}\b/g, '192.0.2.1'),
  ) as Recording;
}

interface Field {
  readonly fieldsV1?: unknown;
}

function ownersOf(fields: readonly Field[]): readonly Field[] | undefined {
  const kept = fields.filter(({ fieldsV1 }) => JSON.stringify(fieldsV1 ?? {}).includes('"f:template"'));
  return kept.length === 0 ? undefined : kept;
}

const cluster = await up((line) => console.log(line));
const [images, proxy] = await Promise.all([pushFixtures(cluster.registry), startProxy(cluster)]);
try {
  mkdirSync(FOLDER, { recursive: true });
  const stage = { cluster, images, socket: proxy.socket };
  await Promise.all(
    STORIES.map(async (story) => {
      const text = render(await record(story, stage));
      writeFileSync(join(FOLDER, `${story}.jsonl`), text);
      console.log(`${story}: ${text.split('\n').length - 1} lines, ${text.length} bytes`);
    }),
  );
} finally {
  proxy.stop();
}
