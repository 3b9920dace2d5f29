import { isLocalContext } from '../context.ts';
import { Doubt } from './doubt.ts';

/** A further context (`build-contexts`), as far as it can be recognised. */
export type NamedContext =
  | { readonly name: string; readonly kind: 'folder'; readonly path: string }
  /** An image by its digest, which is its content. */
  | { readonly name: string; readonly kind: 'image'; readonly reference: string };

/** @throws Doubt for what is fetched from elsewhere, and for an image that only has a tag */
export function parseNamedContexts(entries: readonly string[]): readonly NamedContext[] {
  return entries.map((entry) => {
    const [, name = '', place = ''] = /^([^=]+)=([\s\S]+)$/.exec(entry) ?? [];
    if (/^docker-image:\/\/.+@sha256:[0-9a-f]{64}$/.test(place)) {
      return { name, kind: 'image', reference: place };
    }
    if (name === '' || !isLocalContext(place) || /^[\w-]+:/.test(place)) {
      throw new Doubt(
        `the build context ${JSON.stringify(entry)} is fetched from elsewhere${place.startsWith('docker-image:') ? ' by a tag (name its digest)' : ''}`,
      );
    }
    return { name, kind: 'folder', path: place };
  });
}
