import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BuildInputs } from '../../src/build/inputs.ts';
import { readBuild } from '../../src/inputs/build.ts';
import { Reader } from '../../src/inputs/reader.ts';
import type { Cluster } from '../cluster/index.ts';
import { configOf, fetchJson, type RealCase, realBuild, SHELL } from './real.ts';

/** The inputs of the build group as a workflow writes them, in a real build. */
const setup = inject('setup');
const cluster = setup?.cluster as Cluster;
let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ss-inputs-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Text as it stands behind `with:`. */
async function inputsOf(raw: Readonly<Record<string, string>>): Promise<BuildInputs> {
  const reader = await Reader.open(raw);
  const inputs = readBuild(reader);
  reader.finish();
  return inputs;
}

async function build(raw: Readonly<Record<string, string>>, one: Partial<RealCase> = {}) {
  const repository = `inputs/t${count++}`;
  const tag = `${cluster.registry}/${repository}:x`;
  const inputs = await inputsOf({ network: 'none', ...raw });
  const built = await realBuild({ folder, environment: cluster.env, tag, inputs, ...one });
  const { digest } = await built.result;
  return { ...built, digest, repository };
}

const config = async (repository: string) => (await configOf(cluster.registry, repository, 'x'))['config'];

describe.skipIf(setup === undefined)('in a real build', () => {
  it('lists are lines, or fields between commas where values can have none', async () => {
    const { repository } = await build(
      {
        'build-args': 'ONE=1,2\nTWO="a b"\n\n',
        labels: 'one=a,b\n"two=say ""hi"""',
        platforms: 'linux/amd64, linux/arm64',
        'add-hosts': 'db:10.0.0.1,cache:10.0.0.2',
      },
      {
        dockerfile: `${SHELL}ARG ONE\nARG TWO\nRUN busybox test "$ONE|$TWO" = '1,2|"a b"'\nRUN busybox grep -q '10.0.0.1.*db' /etc/hosts && busybox grep -q '10.0.0.2.*cache' /etc/hosts\n`,
      },
    );
    const { manifests } = await fetchJson(cluster.registry, `${repository}/manifests/x`);
    const [first] = manifests as { digest: string }[];
    expect(manifests).toHaveLength(2);
    expect(await configOf(cluster.registry, repository, first?.digest ?? '')).toMatchObject({
      config: { Labels: { one: 'a,b', two: 'say "hi"' } },
    });
  });
  it('secrets come from values, files and variables', async () => {
    const read = (id: string) => `$(busybox cat /run/secrets/${id})`;
    const mounts = ['a', 'b', 'c'].map((id) => `--mount=type=secret,id=${id}`).join(' ');
    await build(
      { secrets: '"a=1\n2"', 'secret-files': 'b=b.txt', 'secret-envs': 'c=WORD' },
      {
        dockerfile: `${SHELL}RUN ${mounts} busybox test "${read('a')}|${read('b')}|${read('c')}" = "$(busybox printf '1\\n2|from-file|from-variable')"\n`,
        files: { 'b.txt': 'from-file' },
        environment: { ...cluster.env, WORD: 'from-variable' },
      },
    );
  });
  it('a key is offered to the build by ssh, and is not in it', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    const path = join(folder, 'key.pem');
    writeFileSync(path, key, { mode: 0o600 });
    await build(
      { ssh: `default=${path}` },
      {
        dockerfile: `${SHELL}RUN --mount=type=ssh busybox test -S "$SSH_AUTH_SOCK"\nRUN ! busybox test -e "$SSH_AUTH_SOCK"\n`,
      },
    );
  });
  it('named contexts are folders, images and OCI layouts', async () => {
    const base = await build({}, { dockerfile: `${SHELL}RUN echo base > /from\n` });
    const image = `${cluster.registry}/${base.repository}:x`;
    const layout = join(folder, 'layout');
    const save = [
      'buildx',
      'build',
      '--output',
      `type=oci,tar=false,dest=${layout}`,
      '--provenance=false',
      '.',
    ];
    writeFileSync(join(base.workspace, 'Dockerfile'), `FROM ${image}\n`);
    const metadata = join(folder, 'layout.json');
    execFileSync('docker', [...save, '--metadata-file', metadata], {
      cwd: base.workspace,
      env: { ...process.env, ...cluster.env },
      stdio: 'ignore',
    });
    const { repository } = await build(
      {
        'build-contexts': `image=docker-image://${image}\nlayout=oci-layout://${layout}\nfolder=more`,
      },
      {
        dockerfile:
          'FROM scratch\nCOPY --from=image /from /a\nCOPY --from=layout /from /b\nCOPY --from=folder /c.txt /c\n',
        files: { 'more/c.txt': 'c' },
      },
    );
    const { layers } = await fetchJson(cluster.registry, `${repository}/manifests/x`);
    expect(layers).toHaveLength(3);
  });
  it('annotations are of the manifest or the index, as they say', async () => {
    const { repository } = await build({
      annotations: 'manifest:one=1,2\nindex:two=2',
      platforms: 'linux/amd64,linux/arm64',
    });
    const index = await fetchJson(cluster.registry, `${repository}/manifests/x`);
    expect(index['annotations']).toEqual({ two: '2' });
    const [{ digest } = { digest: '' }] = index['manifests'] as { digest: string }[];
    expect(await fetchJson(cluster.registry, `${repository}/manifests/${digest}`)).toMatchObject({
      annotations: { one: '1,2' },
    });
  });
  it('a target, a Dockerfile elsewhere, shared memory and limits', async () => {
    const { repository } = await build(
      { file: 'docker/App.Dockerfile', target: 'small', 'shm-size': '32m', ulimit: 'nofile=1000:1000' },
      {
        files: {
          'docker/App.Dockerfile': `${SHELL.replace('scratch', 'scratch AS small')}RUN busybox test "$(busybox ulimit -n 2>/dev/null || ulimit -n)" = 1000\nLABEL stage=small\nFROM small\nRUN exit 9\n`,
        },
      },
    );
    expect(await config(repository)).toMatchObject({ Labels: { stage: 'small' } });
  });
});

/** The attestations of the first platform, by the kind of their predicate. */
async function attestations(repository: string): Promise<Readonly<Record<string, string>>> {
  const { manifests } = await fetchJson(cluster.registry, `${repository}/manifests/x`);
  const all = (manifests ?? []) as { digest: string; annotations?: Record<string, string> }[];
  const found = all.find(
    ({ annotations }) => annotations?.['vnd.docker.reference.type'] === 'attestation-manifest',
  );
  if (found === undefined) return {};
  const { layers } = await fetchJson(cluster.registry, `${repository}/manifests/${found.digest}`);
  const entries = (layers as { digest: string; annotations: Record<string, string> }[]).map(
    async ({ digest, annotations }) => [
      annotations['in-toto.io/predicate-type'] ?? '',
      JSON.stringify(await fetchJson(cluster.registry, `${repository}/blobs/${digest}`)),
    ],
  );
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

const SLSA = 'https://slsa.dev/provenance/v0.2';

describe.skipIf(setup === undefined)('attestations', () => {
  const dockerfile = `${SHELL}ARG WORD\nRUN : a-line-of-the-dockerfile\n`;
  /** A checkout whose remote bears a token, as some CI scripts leave it. */
  const git = (workspace: string) => {
    for (const args of [
      ['init', '--quiet'],
      ['remote', 'add', 'origin', 'https://x:ghs_remote@github.com/acme/secret.git'],
      ['add', 'Dockerfile'],
      ['-c', 'user.name=A', '-c', 'user.email=a@b.c', 'commit', '--quiet', '--message=x'],
    ]) {
      execFileSync('git', args, { cwd: workspace });
    }
  };
  const attest = async (raw: Readonly<Record<string, string>>, isPublic: boolean) => {
    const { repository } = await build(
      { 'build-args': 'WORD=build-arg-value', secrets: 'npm=secret-value', ...raw },
      { dockerfile, prepare: git, rest: { isPublic, runUrl: 'https://github.com/acme/shop/actions/runs/7' } },
    );
    return await attestations(repository);
  };
  it('are none unless they are asked for', async () => {
    expect(await attest({}, true)).toEqual({});
    expect(await attest({ provenance: 'false', sbom: 'false' }, true)).toEqual({});
  });
  it('of a private repository leak nothing', async () => {
    const { [SLSA]: provenance = '' } = await attest({ provenance: 'true' }, false);
    expect(provenance).toContain('https://github.com/acme/shop/actions/runs/7');
    for (const leak of ['build-arg-value', 'secret-value', 'ghs_remote', 'a-line-of-the-dockerfile']) {
      expect(provenance).not.toContain(leak);
    }
    expect(provenance).not.toContain(Buffer.from('a-line-of-the-dockerfile').toString('base64').slice(0, 20));
  });
  it('of a public one tell how it was built, and no secret', async () => {
    const { [SLSA]: provenance = '' } = await attest({ provenance: 'true' }, true);
    expect(provenance).toContain('build-arg-value');
    for (const leak of ['secret-value', 'ghs_remote']) expect(provenance).not.toContain(leak);
  });
  it('have the mode that is asked for', async () => {
    const { [SLSA]: least = '' } = await attest({ provenance: 'mode=min' }, true);
    expect(least).not.toContain('build-arg-value');
    const { [SLSA]: most = '' } = await attest({ provenance: 'mode=max,builder-id=mine' }, false);
    expect(most).toContain('build-arg-value');
    expect(most).toContain('"id":"mine"');
  });
  it('of the contents are made by the generator that is named', async () => {
    const statement =
      '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"name":"by-our-scanner"}}';
    const scanner = await build(
      {},
      {
        dockerfile: `${SHELL}COPY scan.sh /scan.sh\nENTRYPOINT ["/bin/busybox", "sh", "/scan.sh"]\n`,
        files: { 'scan.sh': `echo '${statement}' > "$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"\n` },
      },
    );
    const found = await attest({ sbom: `generator=${cluster.registry}/${scanner.repository}:x` }, false);
    expect(found['https://spdx.dev/Document']).toContain('by-our-scanner');
  });
});
