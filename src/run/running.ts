import type { Outcome } from '../gate/lane.ts';
import { messageOf } from '../model/error.ts';
import { type ImageName, parseImage } from '../model/image.ts';
import type { ContainerStatus, Pod } from '../model/kube.ts';
import type { Log } from '../model/log.ts';
import type { Runs } from '../model/report.ts';
import { RegistryError } from '../registry/error.ts';
import type { Registry } from '../registry/registry.ts';
import type { Shipped } from './lane.ts';

/** What the nodes say that a container runs, held against the digest that was deployed. */
export interface Running {
  readonly container: string;
  readonly runs: Runs;
  /** For a person; undefined when there is nothing to say. */
  readonly note: string | undefined;
}

/**
 * Compares the imageID of the new pods with the deployed digest. Runtimes name an image in their own ways: containerd
 * by the digest it was pulled by, CRI-O by the platform's manifest, old dockershim by the config. What fits none of
 * them is said to be unknown and fails nothing: a runtime that holds the same layers under another name may show that.
 *
 * @returns one entry for each container whose pods told an imageID
 */
export async function whatRuns(
  registry: Registry,
  shipped: Pick<Shipped, 'changes'>,
  { seen }: Pick<Outcome, 'seen'>,
  log: Log,
): Promise<readonly Running[]> {
  const found = await Promise.all(
    shipped.changes.map(async ({ name, to }): Promise<Running | undefined> => {
      const { image } = parseImage(to);
      const told = toldBy(seen.pods, name, to);
      if (image.digest === undefined || told.length === 0) return undefined;
      const runs = await Promise.all(told.map(({ imageID }) => relationOf(registry, image, imageID, log)));
      const stranger = told[runs.indexOf('unknown')];
      if (stranger === undefined) return { container: name, runs: weakest(runs), note: undefined };
      const note = `the node of pod ${stranger.pod} says that container ${name} runs ${stranger.imageID}, and how that is related to ${image.digest} is unknown`;
      return { container: name, runs: 'unknown', note };
    }),
  );
  return found.filter((each) => each !== undefined);
}

interface Told {
  readonly pod: string;
  readonly imageID: string;
}

/** The imageIDs of the pods that are to run this image, each once. */
function toldBy(pods: readonly Pod[], container: string, image: string): readonly Told[] {
  const told = pods.flatMap((pod): readonly Told[] => {
    const { containers = [], initContainers = [] } = pod.spec ?? {};
    if (![...containers, ...initContainers].some((each) => each.name === container && each.image === image))
      return [];
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    const statuses: readonly ContainerStatus[] = [...containerStatuses, ...initContainerStatuses];
    const imageID = statuses.find(({ name }) => name === container)?.imageID ?? '';
    return imageID === '' ? [] : [{ pod: pod.metadata?.name ?? '', imageID }];
  });
  return [...new Map(told.map((each) => [each.imageID, each])).values()];
}

/** `repository@sha256:…`, `docker-pullable://repository@sha256:…`, `docker://sha256:…`, CRI-O's bare 64 characters. */
export function digestIn(imageID: string): string | undefined {
  const [digest] = /sha(?:256|384|512):[a-f0-9]+$/.exec(imageID) ?? [];
  return digest ?? (/^[a-f0-9]{64}$/.test(imageID) ? `sha256:${imageID}` : undefined);
}

/** The registry is asked only about what is not the deployed digest itself. */
async function relationOf(registry: Registry, image: ImageName, imageID: string, log: Log): Promise<Runs> {
  const digest = digestIn(imageID);
  if (digest === undefined) return 'unknown';
  if (digest === image.digest) return 'same';
  try {
    const top = await registry.resolve(image);
    if (!top.exists) return 'unknown';
    if (top.children.includes(digest)) return 'child';
    if (top.config === digest) return 'config';
    const { registry: host, repository } = image;
    for (const child of top.children) {
      const found = await registry.resolve({ registry: host, repository, digest: child });
      if (found.exists && found.config === digest) return 'config';
    }
  } catch (error) {
    // A registry that does not answer now takes nothing from a workload that is healthy.
    if (!(error instanceof RegistryError)) throw error;
    log.debug(`what runs could not be compared with the registry: ${messageOf(error)}`);
  }
  return 'unknown';
}

const ORDER: readonly Runs[] = ['unknown', 'config', 'child', 'same'];

function weakest(runs: readonly Runs[]): Runs {
  return ORDER.find((each) => runs.includes(each)) ?? 'unknown';
}
