import type { Source } from '../build/source.ts';
import type { RunFacts } from '../github/event.ts';
import type { Inputs } from '../inputs.ts';
import type { ImageName } from '../model/image.ts';
import { type CachePlan, planCache } from '../plan/cache.ts';
import { imageLabels } from '../plan/labels.ts';
import { nameCommit, semverTags, versionOf } from '../plan/names.ts';
import { planTags, type TagPlan } from '../plan/tags.ts';

/** All that the image is called and told by. */
export interface Naming {
  readonly tags: TagPlan;
  readonly labels: Readonly<Record<string, string>>;
  /** `1.2.3`, when it is a release that is built. */
  readonly release: string | undefined;
  /** Where its cache is, unless the inputs say; undefined outside of GitHub. */
  readonly cache: CachePlan | undefined;
}

/** Names the image from what was checked out, the event and the inputs. */
export function nameImage(args: {
  readonly image: ImageName;
  readonly inputs: Pick<Inputs, 'tags'>;
  readonly source: Source;
  readonly facts: Pick<RunFacts, 'ref' | 'defaultBranch' | 'pullRequest' | 'about'>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
  /** Tells it from others in its repository: those of the same bake file. */
  readonly target?: string;
}): Naming {
  const { image, source, facts, environment, now } = args;
  const { tags } = args.inputs;
  const target = args.target === undefined ? {} : { target: args.target, suffix: args.target };
  const { ref, defaultBranch, pullRequest } = facts;
  const names = nameCommit({
    sha: source.sha,
    head: source.branch,
    gitTags: source.gitTags,
    eventSha: environment['GITHUB_SHA'],
    ref,
    defaultBranch,
    pullRequest,
  });
  return {
    tags: planTags({ image, source, pullRequest, tags, names, now, ...target }),
    labels: imageLabels(source, {
      repository: facts.about,
      version: versionOf(names),
      now,
      sourceDateEpoch: environment['SOURCE_DATE_EPOCH'],
    }),
    release: semverTags(names.gitTag ?? '')[0],
    cache: planCache({ image, ref, defaultBranch, pullRequest, ...target }),
  };
}
