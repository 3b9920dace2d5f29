import type { BakeInputs } from '../build/inputs.ts';
import { messageOf } from '../model/error.ts';
import { type ImageName, parseImage, repositoryName } from '../model/image.ts';
import type { InputName } from './names.ts';
import type { Reader } from './reader.ts';

/** A name of a target or a group, or a pattern of such names, which newer versions of bake take. */
const TARGET = /^[\w.*?[\]^][\w.*?[\]^-]*$/;
const ELSEWHERE = /^(?:[a-z][a-z0-9+.-]*:\/\/|git@|-$)/i;

/**
 * What belongs to one image alone, or what bake can not be told from outside (`--set` has no key for it, or buildx
 * up to 0.14 passes it over). The bake file has a word for each.
 */
const IN_THE_FILE: readonly (readonly [InputName, string])[] = [
  ['context', 'context'],
  ['file', 'dockerfile'],
  ['target', 'target'],
  ['annotations', 'annotations'],
  ['add-hosts', 'extra-hosts'],
  ['ulimit', 'ulimits'],
];

/** Whether the images are those of a bake file. */
export function wantsBake(reader: Reader): boolean {
  return reader.text('bake-file') !== undefined || reader.text('bake-target') !== undefined;
}

/** Reads what is baked, and refuses the inputs of the build group that can not be meant for every target. */
export function readBake(reader: Reader): BakeInputs {
  const files = reader.list('bake-file');
  for (const file of files.filter((each) => ELSEWHERE.test(each))) {
    reader.mistake(
      `bake-file: ${JSON.stringify(file)} is no file of the workspace. Check its repository out in a step before, and name the path.`,
    );
  }
  const targets = reader.list('bake-target');
  for (const target of targets.filter((each) => !TARGET.test(each))) {
    reader.mistake(
      `bake-target: ${JSON.stringify(target)} can not be the name of a target or a group (letters, digits, "_" and "-").`,
    );
  }
  for (const [name, word] of IN_THE_FILE) {
    // action.yml gives the context to every run.
    const value = reader.text(name);
    if (value === undefined || (name === 'context' && value === '.')) continue;
    reader.mistake(
      `${name}: with a bake file it is each target's own. Remove the input, and write \`${word}\` in the target.`,
    );
  }
  return { files, targets, images: readImages(reader) };
}

/** Reads `image` with a bake file: lines `target=repository`, or one repository for the only target. */
function readImages(reader: Reader): BakeInputs['images'] {
  const images = new Map<string | undefined, ImageName>();
  for (const line of reader.list('image')) {
    const equals = line.indexOf('=');
    const target = equals === -1 ? undefined : line.slice(0, equals).trim().replaceAll('.', '_');
    try {
      const { image } = parseImage(line.slice(equals + 1));
      const called = `${target === undefined ? '' : `${target}=`}${repositoryName(image)}`;
      if (image.tag !== undefined || image.digest !== undefined) {
        reader.mistake(
          `image: ${JSON.stringify(line)} bears a ${image.digest === undefined ? 'tag' : 'digest'}, but is still to be built. Write ${called} here${image.tag === undefined ? '' : `, and ${image.tag} in \`tags\``}.`,
        );
      } else if (target !== undefined && !/^[\w-]+$/.test(target)) {
        reader.mistake(
          `image: ${JSON.stringify(line)} bears ${JSON.stringify(target)} before the "=", which can not be the name of a target.`,
        );
      } else if (images.has(target)) {
        reader.mistake(
          `image: ${target === undefined ? 'two repositories are named without a target. Write target=repository on each line' : `${target} is named twice. Name it once`}.`,
        );
      } else images.set(target, image);
    } catch (error) {
      reader.mistake(`image: ${messageOf(error)}`);
    }
  }
  return images;
}
