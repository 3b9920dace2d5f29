/** What differs from run to run, by the name that it has in the expectations. */
export interface Names {
  /** `repository@digest` */
  readonly images: Readonly<Record<string, string>>;
  /** `namespace`, `server`, `workspace` */
  readonly words: Readonly<Record<string, string>>;
}

/**
 * A text of the action without what differs from run to run, and nothing else changed:
 *
 * - an image, by whatever form of its name → `<v1>`; a registry's host → `<registry>`;
 * - the test's namespace, the API server's address, the workspace → `<namespace>`, `<server>`, `<workspace>`;
 * - the generated part of a pod's or ReplicaSet's name → `web-<pod>`, `web-<hash>`;
 * - how long something took (` in 3 s`) → ` in <time>`, and a time of day (`14:03:22 UTC`) → `<clock>`.
 */
export function plain(text: string, { images, words }: Names): string {
  const known = Object.entries(images);
  const replacements = [
    ...known.flatMap(([name, image]) => formsOf(image).map((form) => [name, form] as const)),
    ...known.map(([, image]) => ['registry', image.slice(0, image.indexOf('/'))] as const),
    ...Object.entries(words),
  ];
  return replacements
    .reduce((result, [name, form]) => result.replaceAll(form, `<${name}>`), text)
    .replace(/\b([a-z]+)-[bcdfghjklmnpqrstvwxz2456789]{5,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '$1-<pod>')
    .replace(/\b([a-z]+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}\b/g, '$1-<hash>')
    .replace(/\b\d{2}:\d{2}:\d{2} UTC/g, '<clock>')
    .replace(/ in (\d+ (ms|s|m)\b ?)+(?=[.,]|$)/g, ' in <time>');
}

/** An image's whole name, its name with the digest cut short, and either digest alone. */
function formsOf(image: string): readonly string[] {
  const [repository = '', digest = ''] = image.split('@');
  const short = `${digest.slice(0, 'sha256:'.length + 8)}…`;
  return [`${repository}@${digest}`, `${repository}@${short}`, digest, short];
}
