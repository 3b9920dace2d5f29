/** Whether this machine can run the embedded cluster. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const remedy = 'set STEADYSHIP_KUBECONFIG and STEADYSHIP_REGISTRY to use a cluster and a registry of yours';

/** One line why the embedded cluster cannot run here and what to do, or undefined when it can. */
export function unavailable(): string | undefined {
  if (process.env['STEADYSHIP_KUBECONFIG']) return undefined;
  const problem = obstacle();
  return problem && `The embedded cluster cannot run here: ${problem}; ${remedy}.`;
}

function obstacle(): string | undefined {
  if (process.platform !== 'linux') return `it needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'it needs root';
  if (!mayAdminister()) return 'this root may not mount and make networks (CAP_SYS_ADMIN and CAP_NET_ADMIN)';
  if (!onPath('go'))
    return 'it is compiled with Go (1.26 or newer, or one that fetches it), and there is no go on PATH';
  const missing = ['apt-get', 'dpkg-deb', 'mount'].find((name) => !onPath(name));
  return (
    missing && `it takes containerd and Docker from Debian's or Ubuntu's packages, and there is no ${missing}`
  );
}

/** In a container, root may lack what makes pods. */
function mayAdminister(): boolean {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const administration = (1n << 21n) | (1n << 12n);
  return (effective & administration) === administration;
}

function onPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
