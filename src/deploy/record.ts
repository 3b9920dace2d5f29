import type { ContainerSlot } from '../model/change.ts';
import { messageOf } from '../model/error.ts';
import type { OpenMarker, PlacedImage, RunName, RunOrder, Stable, WorkloadRecord } from '../model/record.ts';

/**
 * What a workload's Lease remembers from run to run, as annotations on the Lease.
 *
 * On the Lease and not on the Deployment: the controller copies a Deployment's annotations to its ReplicaSets,
 * and `kubectl rollout undo` writes those of the old ReplicaSet back (SetDeploymentAnnotationsTo in k8s.io/kubectl
 * pkg/polymorphichelpers/rollback.go), so that what a run had taken away there would rise from the dead.
 */
const STABLE = 'steadyship.dev/last-stable';
const OPEN = 'steadyship.dev/open';

/** The version of the form. A reader that does not know it leaves it alone and says so. */
const VERSION = 1;

export interface ReadRecord {
  readonly record: WorkloadRecord;
  /** What could not be read, a sentence each; it then counts as absent. */
  readonly problems: readonly string[];
}

/** Reads what is remembered; what is not of our form is told, never guessed at. */
export function parseRecord(annotations: Readonly<Record<string, string>> | undefined): ReadRecord {
  const problems: string[] = [];
  const read = <T>(key: string, parse: (value: Fields) => T): T | undefined => {
    const text = annotations?.[key];
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      const fields = fieldsOf(value, 'the whole');
      if (fields['version'] !== VERSION) throw new Error(`it is of version ${String(fields['version'])}`);
      return parse(fields);
    } catch (error) {
      problems.push(
        `The annotation ${key} can not be read (${messageOf(error)}), so it counts as absent; this version reads version ${VERSION}.`,
      );
      return undefined;
    }
  };
  return { record: { stable: read(STABLE, parseStable), open: read(OPEN, parseOpen) }, problems };
}

/** The annotations that say it; undefined removes one. */
export function renderRecord(record: WorkloadRecord): Readonly<Record<string, string | undefined>> {
  const render = (value: object | undefined): string | undefined =>
    value === undefined ? undefined : JSON.stringify({ version: VERSION, ...value });
  return { [STABLE]: render(record.stable), [OPEN]: render(record.open) };
}

/** The images that may be remembered: those whose digest says for ever what they are. */
export function placeImages(slots: readonly ContainerSlot[]): readonly PlacedImage[] {
  return slots
    .filter(({ image }) => image.includes('@sha256:') || image.includes('@sha512:'))
    .map(({ list, name, image }) => ({ list, name, image }));
}

/**
 * Whether what runs now is what was recorded as stable: the same object, and every recorded image still in its
 * place. Otherwise somebody else has changed it since, and what the record says of its commit is history.
 */
export function isStillStable(
  stable: Stable | undefined,
  uid: string | undefined,
  slots: readonly ContainerSlot[],
): stable is Stable {
  return (
    stable !== undefined &&
    stable.uid === uid &&
    stable.images.length > 0 &&
    stable.images.every((each) =>
      slots.some((slot) => slot.list === each.list && slot.name === each.name && slot.image === each.image),
    )
  );
}

/** What an unfinished run's marker means for the workload as it is now. */
export type MarkerFate =
  /** What the unfinished run set still stands: it must be put back, or proven healthy, before anything else. */
  | { readonly kind: 'stands'; readonly message: string }
  /** What ran before runs again, or still: of several workloads this one is back already. */
  | { readonly kind: 'back'; readonly message: string }
  /** Nothing of it is left, whoever took it away: the marker is to be removed. */
  | { readonly kind: 'settled'; readonly message: string };

/**
 * Judges a marker. It is trusted only where its uid and its images fit: a workload that was made anew, or that
 * has another image by now, is not the one that was left behind.
 *
 * @param name the workload for messages: `deployment/web`
 */
export function judgeMarker(
  marker: OpenMarker,
  workload: { readonly name: string; readonly uid: string | undefined },
  slots: readonly ContainerSlot[],
): MarkerFate {
  const who = `${marker.run.title}${marker.run.url === undefined ? '' : ` (${marker.run.url})`}`;
  const left = `${workload.name}: ${who} left its rollout marked as open`;
  if (marker.uid !== workload.uid)
    return {
      kind: 'settled',
      message: `${left}, but the workload was made anew since; nothing to put back`,
    };
  const stands = (image: (change: OpenMarker['changes'][number]) => string): boolean =>
    marker.changes.every((change) =>
      slots.some(
        (slot) => slot.list === change.list && slot.name === change.name && slot.image === image(change),
      ),
    );
  if (stands((change) => change.to))
    return { kind: 'stands', message: `${left}, and what it set still stands` };
  if (stands((change) => change.image))
    return {
      kind: 'back',
      message: `${left}; what ran before runs again, so nothing is left to put back`,
    };
  return {
    kind: 'settled',
    message: `${left}, but somebody else has set another image since; theirs stays`,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`${what} is no object`);
}

function textOf(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value === 'string') return value;
  throw new Error(`"${key}" is no text`);
}

function optionalText(fields: Fields, key: string): string | undefined {
  return fields[key] === undefined ? undefined : textOf(fields, key);
}

function numberOf(fields: Fields, key: string): number {
  const value = fields[key];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new Error(`"${key}" is no whole number`);
}

function listOf<T>(fields: Fields, key: string, parse: (item: Fields) => T): readonly T[] {
  const value = fields[key];
  if (!Array.isArray(value)) throw new Error(`"${key}" is no list`);
  return value.map((item: unknown) => parse(fieldsOf(item, `an item of "${key}"`)));
}

function parseStable(fields: Fields): Stable {
  return {
    uid: textOf(fields, 'uid'),
    images: listOf(fields, 'images', parsePlaced),
    commit: optionalText(fields, 'commit'),
    run: parseRun(fields),
    order: optionalOrder(fields),
    time: textOf(fields, 'time'),
  };
}

function parseOpen(fields: Fields): OpenMarker {
  const holder = optionalText(fields, 'holder');
  const commit = optionalText(fields, 'commit');
  const order = optionalOrder(fields);
  const before = Object.entries(fieldsOf(fields['annotationsBefore'], '"annotationsBefore"'));
  return {
    uid: textOf(fields, 'uid'),
    changes: listOf(fields, 'changes', (item) => ({
      ...parsePlaced(item),
      index: numberOf(item, 'index'),
      to: textOf(item, 'to'),
    })),
    annotationsBefore: Object.fromEntries(
      before.map(([key, value]) => {
        if (typeof value === 'string' || value === null) return [key, value];
        throw new Error(`the annotation "${key}" is no text`);
      }),
    ),
    run: parseRun(fields),
    ...(commit === undefined ? {} : { commit }),
    ...(order === undefined ? {} : { order }),
    ...(holder === undefined ? {} : { holder }),
    ...(fields['goesBack'] === true ? { goesBack: true } : {}),
    time: textOf(fields, 'time'),
  };
}

function parsePlaced(fields: Fields): PlacedImage {
  const { list } = fields;
  if (list !== 'containers' && list !== 'initContainers')
    throw new Error('"list" names no list of containers');
  return { list, name: textOf(fields, 'name'), image: textOf(fields, 'image') };
}

function parseRun(fields: Fields): RunName {
  const run = fieldsOf(fields['run'], '"run"');
  return { title: textOf(run, 'title'), url: optionalText(run, 'url') };
}

function optionalOrder({ order }: Fields): RunOrder | undefined {
  return order === undefined ? undefined : parseOrder(fieldsOf(order, '"order"'));
}

function parseOrder(fields: Fields): RunOrder {
  return {
    repository: textOf(fields, 'repository'),
    workflow: textOf(fields, 'workflow'),
    ref: textOf(fields, 'ref'),
    number: numberOf(fields, 'number'),
  };
}
