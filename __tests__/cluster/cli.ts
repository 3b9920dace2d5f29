/** `node __tests__/cluster/cli.ts up|down|status` */
import { type Cluster, down, status, up } from './index.ts';

const log = (line: string): void => console.error(line);

// An exit of our own runs what ends the compiler and gives back the lock.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

function tell({ kubeconfig, registry, env, logs }: Cluster): void {
  const quote = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;
  for (const [name, value] of Object.entries({ KUBECONFIG: kubeconfig, REGISTRY: registry, ...env })) {
    console.log(`export ${name}=${quote(value)}`);
  }
  log(`logs: ${logs}`);
}

async function main(command: string | undefined): Promise<number> {
  if (command === 'up') {
    tell(await up(log));
    return 0;
  }
  if (command === 'down') {
    await down(log);
    return 0;
  }
  if (command === 'status') {
    const { cluster, reason } = await status();
    if (cluster) tell(cluster);
    else log(`the cluster is not up (${reason}); start it with: npm run cluster:up`);
    return cluster ? 0 : 1;
  }
  log('usage: node __tests__/cluster/cli.ts up|down|status');
  return 2;
}

try {
  process.exitCode = await main(process.argv[2]);
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
