import type { Failure, FailureCode } from '../../model/verdict.ts';
import { isPulledAgain } from './events.ts';
import type { Memory, PullMemory } from './memory.ts';
import { type Place, placesOf, type Scene, uidOf } from './scene.ts';
import { isOurs, NEVER_ALONE, type Sign, subjectOf, titleOf } from './sign.ts';

/**
 * Images that cannot be had (gate-rules.md, rows InvalidImageName to "Other pull trouble"). One pod is enough:
 * the rollout cannot complete without it. The reasons are those of kubernetes pkg/kubelet/images/types.go.
 */
export function pullSigns(scene: Scene, memory: Memory): readonly Sign[] {
  return scene.pods.flatMap(placesOf).flatMap((place) => {
    const sign = signOf(scene, place, memory.containers[place.key]?.pull);
    return sign === undefined ? [] : [sign];
  });
}

function signOf(scene: Scene, place: Place, pull: PullMemory | undefined): Sign | undefined {
  const { reason = '', message = '' } = place.status.state?.waiting ?? {};
  const own = place.container.image ?? '';
  switch (reason) {
    case 'InvalidImageName':
      return sign(scene, place, {
        what: 'name',
        code: 'image-name',
        message: `image ${own} is not a valid image name`,
        quote: message,
        advice:
          'Correct the image in the workload: a registry, a repository in lower case, and a tag or a digest.',
        patience: 0,
      });
    case 'ErrImageNeverPull':
      return sign(scene, place, {
        what: 'never',
        code: 'image-missing',
        message: `image ${own} is not on the node, and imagePullPolicy is Never`,
        quote: message,
        advice: 'Set imagePullPolicy to IfNotPresent, or load the image onto every node first.',
        patience: 0,
      });
    case 'SignatureValidationFailed':
    case 'ErrImagePull':
    case 'RegistryUnavailable':
    case 'ImagePullBackOff':
      return pull === undefined ? undefined : failedPull(scene, place, pull);
    default:
      return undefined;
  }
}

function failedPull(scene: Scene, place: Place, pull: PullMemory): Sign {
  const own = place.container.image ?? '';
  const image = imageIn(pull.text, own);
  const cause = pull.reason === 'SignatureValidationFailed' ? SIGNATURE : causeOfPull(pull.text, image);
  const { patience } = scene.limits;
  // Its answer is still to come; the sign stands meanwhile, for its patience is used up by then.
  // A status that turned to the failed pull itself is its answer, with or without an event: the kubelet drops some.
  const again = !pull.failing && isPulledAgain(scene.events, uidOf(place.pod), place.name);
  switch (cause.kind) {
    case 'signature':
      return sign(scene, place, {
        what: 'signature',
        code: 'image-denied',
        message: `image ${image} cannot be pulled: its signature was refused`,
        quote: pull.text,
        advice: "Sign the image as the cluster's policy asks, or admit its signer there.",
        patience: 0,
      });
    case 'missing': {
      // We saw this very digest in the registry: one replica of it may lag behind, which a second pull tells.
      const lags = digestOf(image) !== undefined && scene.pin.digestsSeen.has(digestOf(image) ?? '');
      const wait = lags && pull.attempts < 2 ? scene.limits.pullRetry : 0;
      return sign(scene, place, {
        what: 'missing',
        code: 'image-missing',
        message: `image ${image} cannot be pulled: ${cause.words}`,
        quote: pull.text,
        advice: missingAdvice(cause.words),
        patience: again ? NEVER_ALONE : Math.max(patience['image-missing'], wait),
      });
    }
    case 'denied':
      return sign(scene, place, {
        what: 'denied',
        code: 'image-denied',
        message: `image ${image} cannot be pulled: ${cause.words}`,
        quote: pull.text,
        advice:
          'Give the pods an imagePullSecret that may read this repository (in the pod template or the service account), and check that it has not expired.',
        patience: again ? NEVER_ALONE : patience['image-denied'],
      });
    case 'other':
      return sign(scene, place, {
        what: 'other',
        code: 'image-missing',
        message: `image ${image} cannot be pulled`,
        quote: pull.text,
        advice: 'Check that the nodes reach the registry: its name, its certificate, the proxy, its limits.',
        patience: NEVER_ALONE,
      });
  }
}

interface PullCause {
  readonly kind: 'signature' | 'missing' | 'denied' | 'other';
  readonly words: string;
}

const SIGNATURE: PullCause = { kind: 'signature', words: '' };
const OTHER: PullCause = { kind: 'other', words: '' };

/**
 * Denied comes before missing: Docker Hub answers "pull access denied, repository does not exist or may require
 * authorization" to both. Names are taken out first, for a repository may be called `denied` or `not found`.
 *
 * containerd says "not found" of its own store too (a layer or a blob that it lost), and of a proxy's page where a
 * manifest should be: the image may well be there.
 */
function causeOfPull(text: string, image: string): PullCause {
  const words = text
    .split(image)
    .join(' ')
    .replace(/"[^"]*"/g, ' ')
    .replace(/https?:\/\/[^\s]+/g, ' ')
    .replace(/sha256:[0-9a-f]+/gi, ' ');
  const unauthorized = /\b401\b|unauthorized|authentication required|no basic auth credentials/i;
  const denied = /\b403\b|\bdenied\b|forbidden|insufficient_scope|authorization failed/i;
  const local = /extraction snapshot|parent snapshot|content digest|content store|unexpected media type/i;
  const missing = /no match for platform|no matching manifest|manifest unknown|name unknown|not found/i;
  if (unauthorized.test(words)) return { kind: 'denied', words: 'unauthorized' };
  if (denied.test(words)) return { kind: 'denied', words: 'access denied' };
  if (local.test(words)) return OTHER;
  const found = missing.exec(words)?.[0];
  return found === undefined ? OTHER : { kind: 'missing', words: found.toLowerCase() };
}

function missingAdvice(words: string): string {
  return words.startsWith('no match')
    ? 'Build the image for the platform of the nodes (input platforms), or keep the pods on nodes of its platform.'
    : 'Check that the image was pushed to the registry that the cluster pulls from, and that nothing deleted it there.';
}

/** The image the text is about: mostly the container's own, but it may be that of an image volume. */
function imageIn(text: string, own: string): string {
  if (own !== '' && text.includes(own)) return own;
  const named =
    /(?:image|reference) "([^"\s]+)"/.exec(text)?.[1] ??
    /image pull failed for (\S+) because/.exec(text)?.[1];
  if (named === undefined) return own;
  // The runtime writes short names out: nginx:1 becomes docker.io/library/nginx:1.
  return named.endsWith(`/${own}`) ? own : named;
}

function digestOf(image: string): string | undefined {
  return /@(sha256:[0-9a-f]+)$/.exec(image)?.[1];
}

function sign(
  scene: Scene,
  place: Place,
  found: {
    what: string;
    code: FailureCode;
    message: string;
    quote: string;
    advice: string;
    patience: number;
  },
): Sign {
  const other = isOurs(scene, place) ? '' : ' This is not the image that was deployed.';
  const failure: Failure = {
    code: found.code,
    message: `${titleOf(place)}: ${found.message}`,
    ...(found.quote === '' ? {} : { quote: found.quote }),
    advice: `${found.advice}${other}`,
    subject: subjectOf(place),
  };
  return { key: `pull/${found.what}/${place.key}`, failure, patience: found.patience };
}
