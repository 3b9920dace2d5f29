import { childEnvironment, type Purpose, purposesOfHelper } from '../process/environment.ts';
import { addressOf, isLoopback } from '../registry/address.ts';
import { buildArguments, cacheTypes } from './args.ts';
import { callUntilPushed, type Wish } from './attempts.ts';
import { chooseBuilder } from './builder.ts';
import { notedDriver } from './builder-notes.ts';
import { chooseCaches, findCacheService, wantsDefaultCache } from './cache.ts';
import { readWarnings } from './checks.ts';
import { readDigest } from './digest.ts';
import { dockerfilePath } from './dockerfile-path.ts';
import { explainFailure } from './failure.ts';
import type { Program } from './program.ts';
import { type BuiltImage, type CallArguments, firstImage, type PreparedBuild } from './request.ts';
import { namedVariables } from './secrets.ts';
import { tellWarnings } from './tell-warnings.ts';
import { reportBuild } from './told.ts';

/** What is in the metadata file beside the digest: warnings, and not the provenance, which costs a question more. */
const METADATA = { BUILDX_METADATA_WARNINGS: '1', BUILDX_METADATA_PROVENANCE: 'disabled' };

type Buildx = Extract<Program, { kind: 'buildx' }>;

/** Builds with buildx, in whatever builder there is or has to be made. */
export async function buildWithBuildx(args: PreparedBuild, program: Buildx): Promise<BuiltImage> {
  const { inputs, labels, cache: plan, secrets, runUrl, isPublic } = args;
  const image = firstImage(args.tags);
  const dockerfile = dockerfilePath(inputs, args.directory);
  const start = args.clock.now();
  const builder = await chooseBuilder({
    ...args,
    wishes: [inputs],
    program,
    caching: wantsDefaultCache({ inputs, plan }),
    loopback: isLoopback(addressOf(image.registry).hostname),
    environment: environmentOf(args, []),
  });
  try {
    const service = findCacheService(args.environment);
    const caches = chooseCaches({ inputs, plan, service, exports: builder.exports });
    const tags = caches.tag === undefined ? args.tags : [...args.tags, caches.tag];
    const { wishes, metadata, story, ...told } = await callUntilPushed(args, {
      program,
      wishes: [{ target: '', inputs, tags, caches }],
      environment: (wishes) => environmentOf(args, wishes),
      words: ([wish], { metadataFile, again }) =>
        buildArguments({
          inputs: {
            ...inputs,
            cacheFrom: wish?.caches.from ?? [],
            cacheTo: wish?.caches.to ?? [],
            // What was built a moment ago lies in the cache. To pass it by would make another image, and send its layers too.
            ...(again ? { noCache: false, pull: false } : {}),
          },
          labels,
          tags: wish?.tags ?? [],
          secrets,
          isPublic: isPublic === true,
          metadataFile,
          ...(builder.name === undefined ? {} : { builder: builder.name }),
          ...(runUrl === undefined ? {} : { runUrl }),
        }),
      explain: ({ story, ended, tries, warnings }) => {
        tellWarnings(warnings, dockerfile, args.log);
        const { loginOf } = args.config;
        return explainFailure({ story, ended, inputs, image, loginOf, tries, dockerfile });
      },
    });
    const structured = readWarnings(metadata);
    const warnings = structured.length === 0 ? told.warnings : structured;
    tellWarnings(warnings, dockerfile, args.log);
    return {
      digest: readDigest(metadata),
      tags: wishes.flatMap((wish) => wish.tags).filter((tag) => tag !== caches.tag),
      steps: story.steps,
      told: reportBuild(args.clock.now() - start, told.steps, warnings, dockerfile),
    };
  } finally {
    await builder.remove();
  }
}

/**
 * Docker's variables, and those that exactly this call needs.
 *
 * @param more variables that the user named
 */
export function environmentOf(
  { config, environment, secrets, inputs }: CallArguments & Pick<PreparedBuild, 'inputs'>,
  wishes: readonly Pick<Wish, 'inputs' | 'caches'>[],
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const caches = cacheTypes(wishes.flatMap(({ caches: { from, to } }) => [...from, ...to]));
  const purposes: Purpose[] = ['docker', ...config.helpers.flatMap(purposesOfHelper)];
  if ([{ inputs }, ...wishes].some((wish) => wish.inputs.ssh.length > 0)) purposes.push('ssh');
  const builders = config.environment['BUILDX_CONFIG'];
  const builder = inputs.builder || environment['BUILDX_BUILDER'] || '';
  if (builders !== undefined && notedDriver(builders, builder) === 'kubernetes') purposes.push('kubernetes');
  if (caches.includes('gha')) purposes.push('gha-cache');
  if (caches.includes('s3')) purposes.push('aws');
  if (caches.includes('azblob')) purposes.push('azure');
  return childEnvironment(environment, purposes, {
    ...more,
    ...namedVariables(inputs, secrets, environment),
    ...config.environment,
    ...METADATA,
  });
}
