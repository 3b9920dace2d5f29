/** Whether the cluster of an earlier `up` still serves. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubeconfigFile } from './credentials.ts';
import { dockerAnswers, dockerEnvironment } from './docker.ts';
import { apiIsReady, nodeIsReady } from './health.ts';
import type { Cluster } from './index.ts';
import type { Place } from './place.ts';
import { runs } from './process.ts';
import { answers } from './registry.ts';
import { until } from './wait.ts';

/** What a finished start leaves to be known. */
export interface Started {
  readonly components: readonly string[];
  readonly registryPort: number;
  readonly kubectl: string;
  readonly ownDocker: boolean;
}

export function remember(place: Place, started: Started): void {
  writeFileSync(file(place), JSON.stringify(started));
}

export type Found =
  | { readonly cluster: Cluster; readonly reason?: undefined }
  | { readonly cluster?: undefined; readonly reason: string };

/** The cluster, when its start was finished and every part of it answers. */
export async function running(place: Place): Promise<Found> {
  const started = read(place);
  if (!started) return { reason: 'it was never started to the end' };
  const dead = started.components.find((name) => !runs(place, name));
  if (dead) return { reason: `${dead} does not run` };
  try {
    // On a machine under load a healthy cluster may answer late; one in use must not be cleaned away for that.
    await until(place, {
      what: 'a healthy cluster',
      of: started.components,
      seconds: 15,
      check: () => health(place, started),
    });
    return { cluster: describe(place, started) };
  } catch (error) {
    return { reason: (error as Error).message.split('\n')[0] ?? '' };
  }
}

async function health(place: Place, { registryPort, ownDocker }: Started): Promise<true | string> {
  if (!(await answers(registryPort))) return 'the registry does not answer';
  if (ownDocker && !(await dockerAnswers(place))) return 'Docker does not answer';
  const api = await apiIsReady(place);
  return api === true ? nodeIsReady(place) : api;
}

export function describe(place: Place, { registryPort, kubectl, ownDocker }: Started): Cluster {
  return {
    kubeconfig: kubeconfigFile(place),
    registry: `127.0.0.1:${registryPort}`,
    env: dockerEnvironment(place, ownDocker),
    kubectl,
    logs: place.logs,
    embedded: true,
  };
}

function read(place: Place): Started | undefined {
  try {
    return JSON.parse(readFileSync(file(place), 'utf8')) as Started;
  } catch {
    return undefined;
  }
}

function file({ state }: Place): string {
  return join(state, 'started.json');
}
