import type { ChildProcess } from 'node:child_process';
import type { Deployment, Pod } from '../../src/model/kube.ts';
import { checkAlways } from './always.ts';
import type { ImageName, Images } from './images.ts';
import { Namespace, type Setup } from './namespace.ts';
import { type Names, plain } from './plain.ts';
import { Recorder } from './recorder.ts';
import { runStep, type StepOptions, type StepResult } from './runner.ts';

/** Everything about one workload that a test may care for, in few words. */
export interface State {
  /** The images of the template, init containers first. */
  readonly image: string;
  /** All the images it had since the deploy began, one after the other. */
  readonly history: readonly string[];
  readonly available: number;
  /** Pods that have neither failed nor are being deleted, by their image. */
  readonly pods: Readonly<Record<string, number>>;
  /** How many pods of before the deploy still run. */
  readonly kept: number;
  /** Our annotations. */
  readonly annotations: readonly string[];
}

/** How a step ended, as the workflow and its reader see it. */
export interface Ending {
  readonly result: string;
  readonly exitCode: number | null;
  /** How many error annotations there are. */
  readonly errors: number;
  readonly reason: string;
}

/** A namespace in which the action is run, and what is then seen of it. */
export class Stage extends Namespace {
  /** What the steps printed, for whoever has to find out why a test failed. */
  readonly logs: string[] = [];
  #recorder: Recorder | undefined;
  #names: Names;
  readonly #children = new Set<ChildProcess>();
  #before: ReadonlySet<string | undefined> = new Set();

  constructor(setup: Setup) {
    super(setup);
    this.#names = { images: setup.images, words: { namespace: this.namespace, server: this.server } };
  }

  get images(): Images {
    return this.setup.images;
  }

  /** Gives a name to an image, or to another word, of this test alone. */
  know(name: string, text: string): void {
    const kind = text.includes('@sha256:') ? 'images' : 'words';
    this.#names = { ...this.#names, [kind]: { ...this.#names[kind], [name]: text } };
  }

  override async close(): Promise<void> {
    this.#recorder?.stop();
    // Of a test that failed in the middle one may still be at work.
    for (const child of this.#children) child.kill('SIGKILL');
    await super.close();
  }

  /** Waits for the pods of an image: `(pods) => pods.length === 1`. */
  async untilPods(image: ImageName, wanted: (pods: readonly Pod[]) => boolean): Promise<void> {
    await this.kube.until<Pod>(this.path('pods'), (pods) =>
      wanted(pods.filter((pod) => this.#namePod(pod).includes(image))),
    );
  }

  /** The inputs of an ordinary deploy of an image that exists. */
  inputs(image: ImageName): Readonly<Record<string, string>> {
    return {
      image: this.images[image],
      build: 'false',
      workloads: 'deployment/web',
      namespace: this.namespace,
      kubeconfig: this.kubeconfig,
      // What is unhealthy is to be found out sooner; this only bounds a test that goes wrong.
      timeout: '200s',
      'stable-for': '1s',
    };
  }

  /** Deploys an image to `deployment/web` through the bundled action. */
  async deploy(image: ImageName, options: Partial<StepOptions> = {}): Promise<StepResult> {
    return await this.step({ ...options, inputs: { ...this.inputs(image), ...options.inputs } });
  }

  /** Runs a step as it is and keeps what happened in the namespace meanwhile. */
  async step(options: StepOptions): Promise<StepResult> {
    if (this.#recorder === undefined) {
      this.#recorder = await Recorder.start(this.kube, this.path('deployments'));
      const { items } = await this.kube.list<Pod>(this.path('pods'));
      this.#before = new Set(items.map((pod) => pod.metadata?.uid));
    }
    const onStart = (child: ChildProcess): void => {
      this.#children.add(child);
      options.onStart?.(child);
    };
    const step = await runStep({ ...options, onStart });
    this.logs.push(step.log);
    checkAlways(step, this.user.token);
    return step;
  }

  ending({ outputs, exitCode, errors }: StepResult): Ending {
    return {
      result: outputs['result'] ?? '',
      exitCode,
      errors: errors.length,
      reason: this.plain(outputs['reason'] ?? ''),
    };
  }

  plain(text: string): string {
    return plain(text, this.#names);
  }

  async state(name = 'web'): Promise<State> {
    const [found, pods] = await Promise.all([
      this.kube.get<Deployment>(`${this.path('deployments')}/${name}`),
      this.kube.list<Pod>(`${this.path('pods')}?labelSelector=app%3D${name}`),
    ]);
    // A ReplicaSet leaves pods that have failed where they are.
    const alive = pods.items.filter(
      ({ metadata, status }) => metadata?.deletionTimestamp === undefined && status?.phase !== 'Failed',
    );
    const counts: Record<string, number> = {};
    for (const pod of alive) counts[this.#namePod(pod)] = (counts[this.#namePod(pod)] ?? 0) + 1;
    const history = await this.#recorder?.historyOf(found);
    return {
      image: this.#nameImages(found.spec?.template?.spec),
      history: (history ?? [])
        .map((spec) => this.#nameImages(spec))
        .filter((image, index, all) => image !== all[index - 1]),
      available: found.status?.availableReplicas ?? 0,
      pods: counts,
      kept: alive.filter((pod) => this.#before.has(pod.metadata?.uid)).length,
      annotations: Object.keys(found.metadata?.annotations ?? {}).filter((key) =>
        key.startsWith('steadyship.dev/'),
      ),
    };
  }

  #namePod(pod: Pod): string {
    return this.#nameImages(pod.spec);
  }

  #nameImages(spec: Pod['spec']): string {
    const names = Object.entries(this.#names.images);
    return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
      .map(({ image = '' }) => names.find(([, reference]) => reference === image)?.[0] ?? image)
      .join(' + ');
  }
}
