import type { Found } from '../deploy/preflight.ts';
import type { Inputs } from '../inputs.ts';
import { messageOf, UserError } from '../model/error.ts';
import { familiarName, type ImageName, parseImage } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import { shortName } from '../model/workload.ts';
import { RegistryError } from '../registry/error.ts';
import { platformsLost, renderPlatform } from '../registry/manifest.ts';
import type { Registry, Resolved } from '../registry/registry.ts';
import { imageBack } from '../rollback/target.ts';
import type { Obtained } from './image.ts';
import { placesOf, receivers } from './images.ts';
import type { Lane } from './lane.ts';

/** Registries whose clusters' nodes pull with a credential of their own (kubelet credential providers). */
const NODE_CREDENTIALS =
  /(\.dkr\.ecr\.[^.]+\.amazonaws\.com(\.cn)?|\.azurecr\.io|-docker\.pkg\.dev|(^|\.)gcr\.io)$/;

/**
 * What the registry can tell before the patch: whether every node that ran the old image can run the new one,
 * whether the old one is still there to go back to, whether the tag was moved meanwhile, whether the cluster may pull
 * at all.
 *
 * A registry that does not answer says nothing, and what it does not say stops nothing.
 *
 * @throws UserError when nodes would be left without an image that they can run
 */
export async function checkBeforePatch(
  registry: Registry,
  images: readonly Obtained[],
  found: readonly Found[],
  inputs: Pick<Inputs, 'rollback'>,
  log: Log,
): Promise<void> {
  const lost = await Promise.all(
    images.map(async (obtained) => {
      const getting = receivers(images, obtained, found);
      if (!obtained.seen || getting.length === 0) return [];
      const olds = oldImages(obtained, getting, log);
      const [mistakes] = await Promise.all([
        Promise.all(olds.map((old) => checkOld({ registry, obtained, inputs, log }, old))),
        warnOfMovedTag(registry, obtained, log),
        warnOfPullSecret(registry, obtained, getting, log),
      ]);
      return mistakes.filter((mistake) => mistake !== undefined);
    }),
  );
  if (lost.flat().length > 0) throw new UserError(lost.flat());
}

/** The same for the way back of lanes that do not go back to what ran before: the last healthy state on record. */
export async function checkStable(
  registry: Registry,
  images: readonly Obtained[],
  lanes: readonly Lane[],
  log: Log,
): Promise<void> {
  const hosts = images.map(({ image }) => image.registry);
  const stable = lanes
    .filter(({ target }) => target.kind === 'last-stable')
    .flatMap((lane) =>
      lane.changes.flatMap((change) =>
        oldImage(imageBack(lane.target, change), `${shortName(lane)}, container ${change.name}`, hosts, log),
      ),
    );
  await Promise.all(
    stable.map((old) => lookUp(registry, old, log, (found) => warnOfWayBack(registry, old, found, log))),
  );
}

interface OldImage {
  readonly workload: string;
  readonly image: ImageName;
}

/** The images that are to be replaced, as far as they come from the registry that was logged in to. */
function oldImages(obtained: Obtained, found: readonly Found[], log: Log): readonly OldImage[] {
  return found.flatMap((each) =>
    placesOf([obtained], each, each.workload).flatMap(({ slot }) =>
      slot.image === obtained.reference
        ? []
        : oldImage(slot.image, `${shortName(each)}, container ${slot.name}`, [obtained.image.registry], log),
    ),
  );
}

function oldImage(name: string, workload: string, hosts: readonly string[], log: Log): readonly OldImage[] {
  try {
    const { image } = parseImage(name);
    return hosts.includes(image.registry) ? [{ workload, image }] : [];
  } catch (error) {
    // What the template holds is not ours to judge; what can not be read can not be asked for.
    log.debug(`the image ${name} can not be read: ${messageOf(error)}`);
    return [];
  }
}

interface Check {
  readonly registry: Registry;
  readonly obtained: Obtained;
  readonly inputs: Pick<Inputs, 'rollback'>;
  readonly log: Log;
}

async function checkOld(
  { registry, obtained, inputs, log }: Check,
  old: OldImage,
): Promise<string | undefined> {
  return await lookUp(registry, old, log, async (found) => {
    // With `rollback: never` nobody goes that way.
    if (inputs.rollback === 'auto') {
      await warnOfWayBack(registry, old, found, log);
      warnOfTakenTag(obtained, old, found, log);
    }
    const lost = found.exists ? platformsLost(found.platforms, obtained.platforms) : [];
    return lost.length === 0
      ? undefined
      : `The new image lacks ${lost.join(', ')}, for which the image that runs now was built (${old.workload}): nodes of that kind could not run it. Build it for these too, with \`platforms\`.`;
  });
}

async function lookUp<T>(
  registry: Registry,
  { image }: OldImage,
  log: Log,
  body: (found: Resolved) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await body(await registry.resolve(image));
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    log.debug(`the image ${familiarName(image)} could not be looked up: ${error.message}`);
    return undefined;
  }
}

const BROKEN = 'A rollback would work only on nodes that hold it already.';

/** An index alone is no image: clean-up rules that look at tags delete the manifests in it, which have none. */
async function warnOfWayBack(
  registry: Registry,
  { image, workload }: OldImage,
  found: Resolved,
  log: Log,
): Promise<void> {
  const which = `The image from before (${familiarName(image)}; ${workload})`;
  if (!found.exists) {
    log.warning(`${which} is not in the registry. ${BROKEN}`);
    return;
  }
  const { registry: host, repository } = image;
  const there = await Promise.all(
    found.children.map((digest) => registry.has({ registry: host, repository, digest })),
  );
  const gone = found.children.filter((_, index) => there[index] === false);
  if (gone.length === 0) return;
  const names = gone.map((digest) => {
    const platform = found.platforms.find((each) => each.digest === digest);
    return platform === undefined ? digest : `${renderPlatform(platform)} (${digest})`;
  });
  log.warning(
    `${which} is in the registry, but not its manifest for ${names.join(', ')}: a clean-up rule may have taken it for untagged. ${BROKEN}`,
  );
}

/** Our own push moved the tag by which the template names what runs: the name leads to the new image now. */
function warnOfTakenTag(obtained: Obtained, { image, workload }: OldImage, found: Resolved, log: Log): void {
  if (!obtained.built || image.digest !== undefined) return;
  if (!found.exists || found.digest !== obtained.digest) return;
  log.warning(
    `The template names the image from before by a tag (${familiarName(image)}; ${workload}), and this build has moved that tag: a rollback would get the new image again. From this deploy on the template names a digest, and has a way back.`,
  );
}

/** What is deployed is the digest that the tag stood for when it was looked up; that it moved is worth knowing. */
async function warnOfMovedTag(
  registry: Registry,
  { image, tag, digest, built }: Obtained,
  log: Log,
): Promise<void> {
  if (tag === undefined || digest === undefined) return;
  const tagged: ImageName = { registry: image.registry, repository: image.repository, tag };
  try {
    const now = await registry.digestOf(tagged);
    if (now === digest) return;
    // A replica of the registry may not have heard yet of what was pushed a moment ago.
    if (now === undefined && built) return;
    const what = now === undefined ? 'is gone' : `stands for ${now}`;
    log.warning(
      `The tag ${familiarName(tagged)} ${what} now: somebody moved it while this run was preparing. Deployed is ${digest}, what it stood for before.`,
    );
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    log.debug(`the tag ${familiarName(tagged)} could not be looked up again: ${error.message}`);
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
