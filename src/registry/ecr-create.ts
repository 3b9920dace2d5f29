import { sleep } from '../model/clock.ts';
import { type ImageName, repositoryName } from '../model/image.ts';
import type { AwsKeys, AwsWorld } from './aws-credentials.ts';
import { awsKeysOf, type Login } from './credentials.ts';
import { createEcrRepository } from './ecr.ts';
import type { EcrHost } from './ecr-host.ts';
import { RegistryError } from './error.ts';

/** The registry may not know at once what the API has made: asked so often, at this distance (milliseconds). */
const TRIES = 5;
const DISTANCE = 500;

/** Checks the push; where the repository is missing, it is created first. */
export async function checkPushOrCreate(
  world: AwsWorld & { readonly logins: readonly Login[] },
  host: EcrHost,
  image: ImageName,
  check: () => Promise<void>,
): Promise<void> {
  if (!(await isMissing(check))) return;
  await createEcrRepository(world, host, image, keysGiven(world, image));
  world.log.info(`Created the repository ${repositoryName(image)} (\`create-repository\`)`);
  for (let attempt = 1; ; attempt++) {
    if (attempt === TRIES) return await check();
    if (!(await isMissing(check))) return;
    await sleep(world.clock, DISTANCE * attempt, world.signal);
  }
}

async function isMissing(check: () => Promise<void>): Promise<boolean> {
  try {
    await check();
    return false;
  } catch (error) {
    if (!(error instanceof RegistryError) || error.failure !== 'missing-repository') throw error;
    return true;
  }
}

function keysGiven(
  {
    logins,
    environment,
  }: { readonly logins: readonly Login[]; readonly environment: AwsWorld['environment'] },
  image: ImageName,
): AwsKeys | undefined {
  const login = logins.find(({ registry }) => registry === image.registry);
  return login && awsKeysOf(login, environment);
}
