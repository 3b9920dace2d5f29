import { distance } from 'fastest-levenshtein';

/** All inputs, as action.yml has them (a test holds the two against each other). */
export const INPUT_NAMES = [
  ...['command', 'image', 'workloads', 'namespace'],
  ...[
    'build',
    'bake-file',
    'bake-target',
    'context',
    'file',
    'target',
    'platforms',
    'build-args',
    'build-contexts',
    'secrets',
  ],
  ...['secret-files', 'secret-envs', 'labels', 'annotations', 'tags', 'cache-from', 'cache-to', 'no-cache'],
  ...['pull', 'provenance', 'sbom', 'builder', 'network', 'ssh', 'add-hosts', 'shm-size', 'ulimit'],
  ...['reuse', 'max-age', 'registry', 'username', 'password', 'create-repository', 'resolve'],
  ...['kubeconfig', 'kube-context', 'kubeconfig-exec-allow'],
  ...['timeout', 'deadline', 'stable-for', 'max-restarts', 'patience', 'logs'],
  ...['rollback', 'on-cancel', 'evict-stuck', 'lock-timeout', 'allow-older', 'github-token', 'summary'],
] as const;

export type InputName = (typeof INPUT_NAMES)[number];

/** Inputs of Docker's actions that can have no meaning here, and what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  push: 'SteadyShip always pushes what it builds, since the cluster must be able to pull it. Remove `push`; to build without pushing, use docker/build-push-action.',
  load: 'What the cluster runs comes from the registry, not from the local daemon. Remove `load`.',
  outputs: 'What is built is pushed to `image`, and nowhere else. Remove `outputs`.',
  attests: 'The attestations have inputs of their own. Set `provenance` and `sbom`.',
  images:
    'Name the repository in `image`, and further tags in `tags`; several images are built from a bake file (`bake-file`).',
  files: 'What is baked has inputs of its own. Name the file in `bake-file`.',
  targets: 'What is baked has inputs of its own. Name the targets in `bake-target`.',
  set: 'What all targets are to get has inputs of its own: `platforms`, `build-args`, `no-cache` and others; `image` names where they go. The rest belongs into the bake file.',
  logout: 'The login lives in a private folder and is always removed at the end. Remove `logout`.',
};

/**
 * What is wrong with an input's name; undefined: nothing. The runner only warns of an unknown input: a mistyped
 * `rollback` would not be heard.
 */
export function mistakeInName(name: string): string | undefined {
  if (INPUT_NAMES.some((known) => known === name)) return undefined;
  const refused = REFUSED[name];
  return refused === undefined ? unknownInput(name) : `${name}: ${refused}`;
}

/** Names the input that was probably meant: within a third of its letters, the measure that git uses too. */
function unknownInput(name: string): string {
  const [nearest] = [...INPUT_NAMES].sort((a, b) => distance(name, a) - distance(name, b));
  const near = nearest !== undefined && distance(name, nearest) <= Math.max(2, Math.ceil(nearest.length / 3));
  return `${name}: there is no such input${near ? `; did you mean ${nearest}?` : `. The inputs: ${INPUT_NAMES.join(', ')}.`}`;
}
