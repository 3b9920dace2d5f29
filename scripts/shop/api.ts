/**
 * The cluster's API as plain HTTP on this machine. kubectl does the talking, so that whatever a kubeconfig
 * logs in with works, and so that what is seen through it owes nothing to SteadyShip's own client.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Cluster } from '../../__tests__/cluster/index.ts';

export interface Api {
  /** `http://127.0.0.1:41234` */
  readonly url: string;
  close(): void;
}

export async function openApi({ kubectl, kubeconfig }: Cluster): Promise<Api> {
  const child = spawn(kubectl, ['--kubeconfig', kubeconfig, 'proxy', '--port=0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const close = (): void => {
    child.kill();
  };
  process.once('exit', close);
  try {
    return { url: `http://${await address(child)}`, close };
  } catch (error) {
    close();
    throw error;
  }
}

function address(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const take = (text: string): void => {
      said += text;
      const found = /Starting to serve on (\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`kubectl proxy ended with ${code}: ${said.trim()}`)));
  });
}
