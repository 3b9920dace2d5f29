/** The bridge that pods hang on; its address is the node's. Busybox does it: `ip` is not on every machine. */
import { existsSync, readdirSync } from 'node:fs';
import { type Addresses, nodeAddress } from './addresses.ts';
import { run } from './command.ts';
import type { Place } from './place.ts';

export async function makeBridge({ bridge }: Place, addresses: Addresses, busybox: string): Promise<void> {
  await run(busybox, ['ip', 'link', 'add', 'name', bridge, 'type', 'bridge']);
  await run(busybox, ['ip', 'addr', 'add', `${nodeAddress(addresses)}/22`, 'dev', bridge]);
  await run(busybox, ['ip', 'link', 'set', 'dev', bridge, 'up']);
}

/** Removes the bridge and the host's ends of pods that were killed. */
export async function removeBridge({ bridge }: Place, busybox: string | undefined): Promise<void> {
  const links = `/sys/class/net/${bridge}`;
  if (!existsSync(links)) return;
  const [command, ...first] = busybox ? [busybox, 'ip'] : ['ip'];
  const remove = (name: string): Promise<string> =>
    run(command ?? 'ip', [...first, 'link', 'del', 'dev', name]);
  for (const name of readdirSync(`${links}/brif`)) {
    // The kernel removes it too, as soon as the pod's network namespace is gone.
    await remove(name).catch(() => undefined);
  }
  await remove(bridge);
}
