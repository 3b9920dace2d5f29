/** Puts an image with one static program into a registry, over its API: no Docker needed. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch } from 'node:os';
import { gzipSync } from 'node:zlib';

export interface Image {
  /** `127.0.0.1:5000/pause:1` */
  readonly reference: string;
  /** Path of the static program; it is the file /program of the image. */
  readonly program: string;
  /** By default the program. */
  readonly entrypoint?: readonly string[];
  /** The arguments that the entrypoint gets (Cmd). */
  readonly args?: readonly string[];
  /** `NAME=value` */
  readonly env?: readonly string[];
  /** What the image says of itself, be it true or not; by default this machine's. */
  readonly architecture?: string;
  readonly login?: Login;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** This machine's architecture, as images name it. */
export function architecture(): string {
  return arch() === 'x64' ? 'amd64' : arch();
}

/** Returns the manifest's digest. */
export async function pushImage(image: Image): Promise<string> {
  return (await push(image)).digest;
}

/** An image for several platforms; returns the index' digest. */
export async function pushIndex(
  reference: string,
  images: readonly Omit<Image, 'reference'>[],
): Promise<string> {
  const manifests: object[] = [];
  for (const [index, image] of images.entries()) {
    const descriptor = await push({ ...image, reference: `${reference}-${index}` });
    const platform = { os: 'linux', architecture: image.architecture ?? architecture() };
    manifests.push({ ...descriptor, platform });
  }
  const repository = new Repository(reference, images[0]?.login);
  return (await repository.putManifest({ schemaVersion: 2, mediaType: INDEX, manifests })).digest;
}

async function push(image: Image): Promise<Descriptor> {
  const repository = new Repository(image.reference, image.login);
  const layer = layerOf(image.program);
  const { entrypoint = ['/program'], args, env } = image;
  const config = {
    architecture: image.architecture ?? architecture(),
    os: 'linux',
    config: { Entrypoint: entrypoint, ...(args && { Cmd: args }), ...(env && { Env: env }) },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
  };
  const json = Buffer.from(JSON.stringify(config));
  const [configBlob, layerBlob] = await Promise.all([
    repository.putBlob('application/vnd.oci.image.config.v1+json', json),
    repository.putBlob('application/vnd.oci.image.layer.v1.tar+gzip', layer.content),
  ]);
  return await repository.putManifest({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: configBlob,
    layers: [layerBlob],
  });
}

/** One repository of a registry, as far as pushing takes. */
class Repository {
  readonly #base: string;
  readonly #tag: string;
  readonly #authorization: Readonly<Record<string, string>>;

  constructor(reference: string, login: Login | undefined) {
    const [, host, repository, tag] = /^([^/]+)\/(.+):([^:/]+)$/.exec(reference) ?? [];
    if (!host || !repository || !tag) throw new Error(`${reference} is not HOST/REPOSITORY:TAG.`);
    this.#base = `http://${host}/v2/${repository}`;
    this.#tag = tag;
    const basic = login && Buffer.from(`${login.user}:${login.password}`).toString('base64');
    this.#authorization = basic === undefined ? {} : { authorization: `Basic ${basic}` };
  }

  async putBlob(mediaType: string, content: Uint8Array): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digest(content), size: content.length };
    const headers = this.#authorization;
    const there = await fetch(`${this.#base}/blobs/${descriptor.digest}`, { method: 'HEAD', headers });
    if (there.ok) return descriptor;
    const begun = await this.#send(`${this.#base}/blobs/uploads/`, { method: 'POST' });
    const target = new URL(begun.headers.get('location') ?? '', this.#base);
    target.searchParams.set('digest', descriptor.digest);
    const body = new Uint8Array(content);
    await this.#send(target, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body,
    });
    return descriptor;
  }

  async putManifest(manifest: { readonly mediaType: string } & Record<string, unknown>): Promise<Descriptor> {
    const body = JSON.stringify(manifest);
    const headers = { 'content-type': manifest.mediaType };
    await this.#send(`${this.#base}/manifests/${this.#tag}`, { method: 'PUT', headers, body });
    return {
      mediaType: manifest.mediaType,
      digest: digest(Buffer.from(body)),
      size: Buffer.byteLength(body),
    };
  }

  async #send(url: string | URL, request: RequestInit): Promise<Response> {
    const headers = { ...(request.headers as Record<string, string>), ...this.#authorization };
    const response = await fetch(url, { ...request, headers });
    if (!response.ok)
      throw new Error(`${request.method} ${url}: ${response.status} ${await response.text()}`);
    return response;
  }
}

interface Layer {
  readonly diffId: string;
  readonly content: Uint8Array;
}

const layers = new Map<string, Layer>();

/** Packed once: many images differ in their arguments alone. */
function layerOf(program: string): Layer {
  const known = layers.get(program);
  if (known) return known;
  const tar = archive('program', readFileSync(program));
  const layer = { diffId: digest(tar), content: gzipSync(tar, { level: 1 }) };
  layers.set(program, layer);
  return layer;
}

function digest(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** A tar (POSIX ustar) with one executable file. */
function archive(name: string, content: Uint8Array): Uint8Array {
  const header = Buffer.alloc(512);
  const octal = (value: number, width: number): string => value.toString(8).padStart(width, '0');
  header.write(name, 0);
  header.write(octal(0o755, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(content.length, 11), 124);
  header.write(octal(0, 11), 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    ),
    148,
  );
  header.write('\0 ', 154);
  const padding = Buffer.alloc(1024 + ((512 - (content.length % 512)) % 512));
  return Buffer.concat([header, content, padding]);
}
