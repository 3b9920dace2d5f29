/** A cluster and a registry that somebody else runs, instead of the embedded ones. */
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Cluster } from './index.ts';

/** What STEADYSHIP_KUBECONFIG and STEADYSHIP_REGISTRY name, or undefined when neither is set. */
export function given(): Cluster | undefined {
  const kubeconfig = process.env['STEADYSHIP_KUBECONFIG'];
  const registry = process.env['STEADYSHIP_REGISTRY'];
  if (!kubeconfig && !registry) return undefined;
  if (!kubeconfig || !registry) {
    const [set, unset] = kubeconfig ? ['KUBECONFIG', 'REGISTRY'] : ['REGISTRY', 'KUBECONFIG'];
    throw new Error(`STEADYSHIP_${set} is set and STEADYSHIP_${unset} is not: the tests need both, or none.`);
  }
  const names = ['PATH', 'DOCKER_HOST', 'DOCKER_CONFIG', 'DOCKER_CONTEXT', 'HOME'];
  const env = Object.fromEntries(
    names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
  const logs = join(tmpdir(), 'steadyship-logs');
  mkdirSync(logs, { recursive: true });
  return {
    kubeconfig,
    registry,
    env,
    kubectl: onPath('kubectl'),
    logs,
    embedded: false,
  };
}

function onPath(name: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (!found) throw new Error(`There is no ${name} on PATH; a cluster of yours is used with your own.`);
  return found;
}
