/**
 * Kubernetes and etcd, compiled from Go modules: their releases are not in any package registry. One binary
 * after the other, each put in its place when it is whole, so an interrupted run is taken up where it was.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import { withLock } from './lock.ts';
import { cache, here } from './place.ts';

const module = join(here, 'kubernetes');

const targets: Readonly<Record<string, string>> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  pause: './pause',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
};

// Static, so that they run whatever libc there is.
const environment = { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };

/** The folder with the binaries; compiles those that are missing. */
export async function binaries(log: (line: string) => void): Promise<string> {
  // A checkout that git does not trust, or a machine without git, must not stop the compiler.
  const flags = ['-buildvcs=false', '-trimpath', '-ldflags', linkerFlags()];
  const folder = join(cache(), `kubernetes-${await fingerprint(flags)}`);
  if (missing(folder).length === 0) return folder;
  mkdirSync(folder, { recursive: true });
  const waiting = (pid: number): void => log(`process ${pid} is compiling Kubernetes; waiting for it`);
  await withLock(`${folder}.lock`, waiting, () => compile(folder, flags, log));
  return folder;
}

async function compile(folder: string, flags: string[], log: (line: string) => void): Promise<void> {
  const wanted = missing(folder);
  if (wanted.length === 0) return;
  log(
    `compiling Kubernetes ${version()} and etcd: 5 to 8 minutes on 2 cores, once on a machine; it may be interrupted`,
  );
  const began = Date.now();
  let compiled = 0;
  let total = 0;
  let now = 'fetching the sources';
  const tell = (): void => {
    const part = total > wanted.length ? `, ${compiled} of about ${total} packages` : '';
    log(`${now}, ${spent(Date.now() - began)}${part}`);
  };
  const clock = setInterval(tell, 15_000);
  try {
    const packages = wanted.map((name) => targets[name] ?? '');
    const stale = ['list', '-deps', '-f', '{{if .Stale}}{{.ImportPath}}{{end}}', ...flags, ...packages];
    total = (await go(stale)).split('\n').filter(Boolean).length;
    const all = Object.keys(targets);
    for (const name of wanted) {
      now = `compiling ${name} … ${all.length - missing(folder).length + 1} of ${all.length}`;
      tell();
      const partial = join(folder, `${name}.partial`);
      const line = (text: string): void => {
        if (!text.startsWith('go: ')) compiled += 1;
      };
      await go(['build', '-v', ...flags, '-o', partial, targets[name] ?? ''], line);
      renameSync(partial, join(folder, name));
    }
  } finally {
    clearInterval(clock);
  }
  log(`compiled in ${spent(Date.now() - began)}; kept in ${folder}`);
}

function missing(folder: string): string[] {
  return Object.keys(targets).filter((name) => !existsSync(join(folder, name)));
}

/** Without a version in them, clients refuse to speak to a server that calls itself v0.0.0-master. */
function linkerFlags(): string {
  const [, minor = ''] = version().slice(1).split('.');
  const values = { gitVersion: version(), gitMajor: '1', gitMinor: minor, gitTreeState: 'clean' };
  const places = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const set = places.flatMap((place) =>
    Object.entries(values).map(([name, value]) => `-X ${place}.${name}=${value}`),
  );
  return ['-s', '-w', ...set].join(' ');
}

function version(): string {
  const text = readFileSync(join(module, 'go.mod'), 'utf8');
  const found = /k8s\.io\/kubernetes (v\d\S+)/.exec(text)?.[1];
  if (!found) throw new Error(`${join(module, 'go.mod')} does not require k8s.io/kubernetes.`);
  return found;
}

async function fingerprint(flags: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'pause/main.go']) hash.update(readFileSync(join(module, name)));
  hash.update(await go(['env', 'GOVERSION', 'GOARCH'])).update(flags.join(' '));
  return `${version()}-${hash.digest('hex').slice(0, 12)}`;
}

function go(args: readonly string[], line?: (text: string) => void): Promise<string> {
  return run('go', args, { cwd: module, env: environment, ...(line && { line }) });
}

function spent(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60
    ? `${seconds} s`
    : `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, '0')} s`;
}
