import { readdir, readFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join, resolve } from 'node:path';
import { isLocalContext } from './context.ts';
import type { BuildInputs } from './inputs.ts';

/** The platform of Linux containers on this machine, in OCI's words. */
export function nativePlatform(): string {
  return `linux/${{ x64: 'amd64', ia32: '386' }[arch() as string] ?? arch()}`;
}

/** Those asked for that are not this machine's own. */
export function foreignPlatforms({ platforms }: Pick<BuildInputs, 'platforms'>): readonly string[] {
  return platforms.filter((platform) => plain(platform) !== nativePlatform());
}

/**
 * The sentence for platforms whose programs nothing here can run; undefined: all is well, or can not be told.
 * It is a warning: a stage that only copies, or is built by a cross-compiler, needs no emulator, and so it is
 * said only where the Dockerfile has a RUN that would.
 */
export async function missingEmulator(args: {
  readonly inputs: Pick<BuildInputs, 'platforms' | 'context' | 'file'>;
  /** What the builder can run; empty: it did not say. */
  readonly able: readonly string[];
  readonly directory: string;
}): Promise<string | undefined> {
  const { inputs, directory } = args;
  const able = new Set(args.able.map(plain));
  const lacking = foreignPlatforms(inputs).filter((platform) => !able.has(plain(platform)));
  if (able.size === 0 || lacking.length === 0 || !isLocalContext(inputs.context)) return undefined;
  const file = inputs.file || join(inputs.context, 'Dockerfile');
  const text = await readFile(resolve(directory, file), 'utf8').catch(() => '');
  const line = foreignRun(text);
  if (line === undefined) return undefined;
  return `The builder runs programs of ${[...able].join(', ')} only, and ${file}:${line} has a RUN for ${lacking.join(', ')}: it will most probably fail there. Add the step \`- uses: docker/setup-qemu-action@v3\` before this one, or build on a runner of that platform.`;
}

/**
 * The line of the first RUN in a stage that is of the target's platform: not `FROM --platform=$BUILDPLATFORM`,
 * nor a stage that is made from one.
 */
export function foreignRun(dockerfile: string): number | undefined {
  const native = new Set<string>();
  let here = false;
  let continued = false;
  for (const [index, line] of dockerfile.split(/\r?\n/).entries()) {
    const instruction = continued ? '' : line.trim();
    continued = /[\\`]\s*$/.test(line) || (continued && /^\s*(?:#|$)/.test(line));
    const from = /^FROM\s+(?:--platform=(\S+)\s+)?(\S+)(?:\s+AS\s+(\S+))?/i.exec(instruction);
    if (from) {
      const [, platform, base = '', name] = from;
      here = platform === undefined ? native.has(base.toLowerCase()) : /BUILDPLATFORM/.test(platform);
      if (here && name !== undefined) native.add(name.toLowerCase());
    } else if (!here && /^RUN\s/i.test(instruction)) return index + 1;
  }
  return undefined;
}

/** What the kernel of this machine runs: for a builder that does not tell. */
export async function localPlatforms(): Promise<readonly string[]> {
  // https://docs.kernel.org/admin-guide/binfmt-misc.html; the names are those that qemu-user-static gives.
  const registered = await readdir('/proc/sys/fs/binfmt_misc').catch(() => []);
  const names: Readonly<Record<string, string>> = {
    x86_64: 'amd64',
    aarch64: 'arm64',
    i386: '386',
    ppc64le: 'ppc64le',
    s390x: 's390x',
    riscv64: 'riscv64',
    arm: 'arm',
  };
  return [
    nativePlatform(),
    ...registered.flatMap((entry) => {
      const name = names[entry.replace(/^qemu-/, '')];
      return name === undefined ? [] : [`linux/${name}`];
    }),
  ];
}

/** Without what is implied: arm64 is v8, and arm is v7 (containerd's platforms.Normalize). */
function plain(platform: string): string {
  const [os = '', architecture = '', variant = ''] = platform
    .trim()
    .replace(/\*$/, '')
    .toLowerCase()
    .split('/');
  const implied = { arm64: 'v8', arm: 'v7', amd64: 'v1' }[architecture];
  return [os, architecture, ...(variant === '' || variant === implied ? [] : [variant])].join('/');
}
