/** kwok, compiled from its Go module: it plays the kubelets of nodes that do not exist, for thousands of pods. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../command.ts';
import { withLock } from '../lock.ts';
import { cache } from '../place.ts';

const module = import.meta.dirname;

/** What its nodes and pods do: both are ready at once, and go when they are deleted. From the module itself. */
const STAGES = [
  'node/fast/node-initialize.yaml',
  'node/heartbeat-with-lease/node-heartbeat-with-lease.yaml',
  'pod/fast/pod-ready.yaml',
  'pod/fast/pod-complete.yaml',
  'pod/fast/pod-delete.yaml',
];

export interface Kwok {
  readonly binary: string;
  /** For `--config`. */
  readonly stages: string;
}

/** Paths of what is compiled once on a machine. */
export async function kwok(log: (line: string) => void): Promise<Kwok> {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum']) hash.update(readFileSync(join(module, name)));
  hash.update(await run('go', ['env', 'GOVERSION', 'GOARCH'], { cwd: module }));
  const folder = join(cache(), `kwok-${hash.digest('hex').slice(0, 12)}`);
  const binary = join(folder, 'kwok');
  const stages = join(folder, 'stages.yaml');
  if (existsSync(binary)) return { binary, stages };
  mkdirSync(folder, { recursive: true });
  const waiting = (pid: number): void => log(`process ${pid} is compiling kwok; waiting for it`);
  await withLock(`${folder}.lock`, waiting, async () => {
    if (existsSync(binary)) return;
    log('compiling kwok: 2 minutes on 2 cores, once on a machine');
    const flags = ['-buildvcs=false', '-trimpath', '-ldflags', '-s -w'];
    await run('go', ['build', ...flags, '-o', `${binary}.partial`, 'sigs.k8s.io/kwok/cmd/kwok'], {
      cwd: module,
      env: { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
    });
    const source = await run('go', ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kwok'], { cwd: module });
    const read = (stage: string): string =>
      readFileSync(join(source.trim(), 'kustomize', 'stage', stage), 'utf8');
    writeFileSync(stages, STAGES.map(read).join('\n---\n'));
    renameSync(`${binary}.partial`, binary);
  });
  return { binary, stages };
}
