import { chooseContainers } from '../deploy/containers.ts';
import type { Found } from '../deploy/preflight.ts';
import { messageOf, UserError } from '../model/error.ts';
import { familiarName, type ImageName, parseImage, sameRepositoryAs } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import { shortName } from '../model/workload.ts';
import { RegistryError } from '../registry/error.ts';
import { platformsLost } from '../registry/manifest.ts';
import type { Registry } from '../registry/registry.ts';
import type { Obtained } from './image.ts';

/** Registries whose clusters' nodes pull with a credential of their own (kubelet credential providers). */
const NODE_CREDENTIALS =
  /(\.dkr\.ecr\.[^.]+\.amazonaws\.com(\.cn)?|\.azurecr\.io|-docker\.pkg\.dev|(^|\.)gcr\.io)$/;

/**
 * What the registry can tell before the patch: whether every node that ran the old image can run the new one,
 * whether the old one is still there to go back to, whether the cluster may pull at all.
 *
 * A registry that does not answer says nothing, and what it does not say stops nothing.
 *
 * @throws UserError when nodes would be left without an image that they can run
 */
export async function checkBeforePatch(
  registry: Registry,
  obtained: Obtained,
  found: readonly Found[],
  log: Log,
): Promise<void> {
  if (!obtained.seen) return;
  const olds = oldImages(obtained, found, log);
  const [mistakes] = await Promise.all([
    Promise.all(olds.map((old) => checkOld(registry, obtained, old, log))),
    warnOfPullSecret(registry, obtained, found, log),
  ]);
  const lost = mistakes.filter((mistake) => mistake !== undefined);
  if (lost.length > 0) throw new UserError(lost);
}

interface OldImage {
  readonly workload: string;
  readonly image: ImageName;
}

/** The images that are to be replaced, as far as they come from the registry that was logged in to. */
function oldImages(obtained: Obtained, found: readonly Found[], log: Log): readonly OldImage[] {
  return found.flatMap((each) =>
    chooseContainers(each, each.containers, sameRepositoryAs(obtained.image)).flatMap((slot) => {
      if (slot.image === obtained.reference) return [];
      try {
        const { image } = parseImage(slot.image);
        const workload = `${shortName(each)}, container ${slot.name}`;
        return image.registry === obtained.image.registry ? [{ workload, image }] : [];
      } catch (error) {
        // What the template holds is not ours to judge; what can not be read can not be asked for.
        log.debug(`the image ${slot.image} can not be read: ${messageOf(error)}`);
        return [];
      }
    }),
  );
}

async function checkOld(
  registry: Registry,
  obtained: Obtained,
  old: OldImage,
  log: Log,
): Promise<string | undefined> {
  try {
    const resolved = await registry.resolve(old.image);
    if (!resolved.exists) {
      log.warning(
        `The image from before (${familiarName(old.image)}; ${old.workload}) is not in the registry. A rollback would work only on nodes that hold it already.`,
      );
      return undefined;
    }
    const lost = platformsLost(resolved.platforms, obtained.platforms);
    return lost.length === 0
      ? undefined
      : `The new image lacks ${lost.join(', ')}, for which the image that runs now was built (${old.workload}): nodes of that kind could not run it. Build it for these too, with \`platforms\`.`;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    log.debug(`the image that runs now could not be looked up: ${error.message}`);
    return undefined;
  }
}

async function warnOfPullSecret(
  registry: Registry,
  obtained: Obtained,
  found: readonly Found[],
  log: Log,
): Promise<void> {
  const host = obtained.image.registry;
  if (NODE_CREDENTIALS.test(host)) return;
  const bare = found.filter(({ workload }) => {
    const spec = workload.spec?.template?.spec;
    const images = (spec?.containers ?? []).map((container) => container.image ?? '');
    return (
      (spec?.imagePullSecrets ?? []).length === 0 && !images.some((image) => image.startsWith(`${host}/`))
    );
  });
  if (bare.length === 0) return;
  try {
    if ((await registry.canPullAnonymously(obtained.image)) !== false) return;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return;
  }
  const names = bare.map(shortName).join(', ');
  log.warning(
    `${host} asks for a login, and ${names} names no imagePullSecrets. Unless the service account or the nodes have one, the cluster can not pull the image: kubectl create secret docker-registry, then name it in the pod template's imagePullSecrets.`,
  );
}
