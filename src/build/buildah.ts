import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDigest, parseImage } from '../model/image.ts';
import { childEnvironment, type Purpose, purposesOfHelper } from '../process/environment.ts';
import { type Ended, run } from '../process/run.ts';
import { addressOf, isLoopback } from '../registry/address.ts';
import { buildahArguments, refuseUnsupported } from './buildah-args.ts';
import { BuildahReader } from './buildah-story.ts';
import { isLocalContext } from './context.ts';
import { localPlatforms, missingEmulator } from './emulation.ts';
import { BuildError, explainFailure } from './failure.ts';
import type { BuildStory } from './progress.ts';
import { failedPush, refusedAsImmutable } from './push-failure.ts';
import { withoutRefused } from './refused-tag.ts';
import { type BuiltImage, firstImage, type PreparedBuild } from './request.ts';
import { namedVariables } from './secrets.ts';
import { reportBuild } from './told.ts';

/** Builds and pushes without any daemon; for runners that have no Docker. */
export async function buildWithBuildah(args: PreparedBuild): Promise<BuiltImage> {
  const { inputs, directory, log, clock } = args;
  const start = clock.now();
  for (const notice of refuseUnsupported(inputs)) log.notice(notice);
  const emulator = await missingEmulator({ inputs, able: await localPlatforms(), directory });
  if (emulator !== undefined) log.warning(emulator);
  const several = inputs.platforms.length > 1;
  const name = `steadyship-${randomBytes(6).toString('hex')}`;
  const idFile = join(args.folder, 'image-id');
  try {
    await must(
      args,
      buildahArguments({
        // buildah takes a Dockerfile from the context first, buildx from where it is started.
        inputs: isLocalContext(inputs.context) && inputs.file !== '' ? absolute(args) : inputs,
        labels: args.labels,
        secrets: args.secrets,
        authFile: authFile(args),
        ...(several ? { manifest: name } : { idFile }),
      }),
    );
    const image = several ? name : (await readFile(idFile, 'utf8')).trim();
    const pushed = await push(args, several ? ['manifest', 'push', '--all'] : ['push'], image);
    return { ...pushed, told: reportBuild(clock.now() - start, undefined, [], undefined) };
  } finally {
    // The list alone: the images stay, as those that docker builds do.
    if (several) await call({ ...args, signal: new AbortController().signal }, ['manifest', 'rm', name]);
  }
}

async function push(
  args: PreparedBuild,
  words: readonly string[],
  image: string,
): Promise<Omit<BuiltImage, 'told'>> {
  let wanted = args.tags;
  const pushed: string[] = [];
  let digest = '';
  // Each tag is pushed once, or replaced or dropped once.
  for (let round = 0; round <= args.tags.length * 2; round++) {
    const reference = wanted.find((tag) => !pushed.includes(tag));
    if (reference === undefined) break;
    const digestFile = join(args.folder, `digest-${round}`);
    const plain = isLoopback(addressOf(parseImage(reference).image.registry).hostname);
    const { ended, story } = await call(args, [
      ...words,
      `--digestfile=${digestFile}`,
      `--authfile=${authFile(args)}`,
      ...(plain ? ['--tls-verify=false'] : []),
      '--',
      image,
      `docker://${reference}`,
    ]);
    if (ended.exitCode === 0) {
      digest ||= (await readFile(digestFile, 'utf8')).trim();
      pushed.push(reference);
      continue;
    }
    const failed = { ...story, error: `failed to push ${reference}: ${pushWords(story.error ?? '')}` };
    const refusal = failedPush(failed);
    if (refusal === undefined || !refusedAsImmutable(refusal)) throw explain(args, ended, failed);
    wanted = withoutRefused(wanted, refusal, args);
  }
  // Seen with 1.28: a list that its policy forbids to push ends with exit code 0.
  if (!isDigest(digest)) {
    throw new BuildError(
      'buildah ended well and wrote no digest of what it pushed, so it may have pushed nothing: see its last lines.',
    );
  }
  return { digest, tags: pushed, steps: undefined };
}

async function must(args: PreparedBuild, words: readonly string[]): Promise<void> {
  const { ended, story } = await call(args, words);
  if (ended.exitCode !== 0) throw explain(args, ended, story);
}

async function call(
  args: PreparedBuild,
  words: readonly string[],
): Promise<{ readonly ended: Ended; readonly story: BuildStory }> {
  const { inputs, environment, secrets, config, directory, log, clock, signal } = args;
  const purposes: Purpose[] = ['buildah', ...config.helpers.flatMap(purposesOfHelper)];
  if (inputs.ssh.length > 0) purposes.push('ssh');
  const reader = new BuildahReader();
  const ended = await run(
    {
      file: 'buildah',
      args: words,
      environment: childEnvironment(environment, purposes, namedVariables(inputs, secrets, environment)),
      directory,
      signal,
      onLine: (line) => {
        reader.push(line);
        if (line.trim() !== '') log.info(line);
      },
    },
    clock,
  );
  return { ended, story: reader.story() };
}

function explain(args: PreparedBuild, ended: Ended, story: BuildStory): Error {
  const { inputs, config, tags } = args;
  const image = firstImage(tags);
  return explainFailure({ story, ended, inputs, image, loginOf: config.loginOf, program: 'buildah' });
}

/** `pushing image … to …: writing manifest: uploading manifest t to host/name: denied: …` */
function pushWords(error: string): string {
  return error.replace(/^pushing (?:image|manifest list) "[^"]*" to "[^"]*": /, '');
}

function authFile({ config }: PreparedBuild): string {
  return join(config.directory, 'config.json');
}

function absolute({ inputs, directory }: PreparedBuild): PreparedBuild['inputs'] {
  return { ...inputs, file: resolve(directory, inputs.file) };
}
