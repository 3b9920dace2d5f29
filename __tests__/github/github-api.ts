/**
 * A server in the place of api.github.com that knows GitHub's own description of its API: a request that the
 * description does not have, or an answer of ours that GitHub would not give, is a violation.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { Ajv } from 'ajv';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: object;
  readonly 'x-multi-segment'?: boolean;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
  };
  readonly responses: Readonly<
    Record<
      string,
      { readonly $ref?: string; readonly content?: Readonly<Record<string, { readonly schema?: object }>> }
    >
  >;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly examples: Readonly<Record<string, { readonly value: unknown }>> };
}

const require = createRequire(import.meta.url);
const file = require.resolve('@octokit/openapi/generated/api.github.com.json');
const description = JSON.parse(readFileSync(file, 'utf8'), nullable) as Description;
const ajv = new Ajv({ strict: false, validateFormats: false, coerceTypes: true });
ajv.addSchema(description, 'github');

/** One of the examples that the description holds: `commit-comparison`. */
export function example(name: string): Readonly<Record<string, unknown>> {
  return structuredClone(description.components.examples[name]?.value) as Readonly<Record<string, unknown>>;
}

/** What to answer; undefined: not at all. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Request {
  readonly operation: string;
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

export class GitHubApi {
  readonly requests: Request[] = [];
  readonly violations: string[] = [];
  /** How each request is answered; the number counts those before it. */
  answer: (request: Request, index: number) => Answer | undefined = () => ({ status: 503 });
  readonly #server: Server;

  constructor() {
    this.#server = createServer((message, response) => {
      const failed = (error: unknown): Answer => {
        this.violations.push(String(error));
        return { status: 500 };
      };
      void this.#serve(message)
        .catch(failed)
        .then((answer) => {
          if (answer === undefined) return;
          const headers = { 'content-type': 'application/json; charset=utf-8', ...answer.headers };
          response.writeHead(answer.status, headers);
          response.end(JSON.stringify(answer.body ?? { message: `status ${answer.status}` }));
        });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(message: IncomingMessage): Promise<Answer | undefined> {
    const url = new URL(message.url ?? '', 'http://localhost');
    const method = (message.method ?? '').toLowerCase();
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const found = findOperation(method, url.pathname);
    if (found === undefined) {
      this.violations.push(`${method} ${url.pathname} is not in GitHub's description`);
      return { status: 404 };
    }
    const request: Request = {
      operation: found.operation.operationId,
      path: found.path,
      query: Object.fromEntries(url.searchParams),
      authorization: message.headers.authorization,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
    this.#checkRequest(found.operation, request);
    const answer = this.answer(request, this.requests.push(request) - 1);
    if (answer !== undefined) this.#checkAnswer(found.operation, answer);
    return answer;
  }

  #checkRequest(operation: Operation, request: Request): void {
    const parameters = (operation.parameters ?? []).map((each) =>
      '$ref' in each ? resolve<Parameter>(each.$ref) : each,
    );
    for (const parameter of parameters) {
      const value = parameter.in === 'path' ? request.path[parameter.name] : request.query[parameter.name];
      if (parameter.in === 'header') continue;
      if (value !== undefined) this.#check(`${request.operation} ${parameter.name}`, parameter.schema, value);
      else if (parameter.required) this.violations.push(`${request.operation} lacks ${parameter.name}`);
    }
    for (const name of Object.keys(request.query)) {
      if (!parameters.some((each) => each.in === 'query' && each.name === name))
        this.violations.push(`${request.operation} has no ${name}`);
    }
    const schema = operation.requestBody?.content?.['application/json']?.schema;
    if (schema !== undefined && request.body !== undefined)
      this.#check(`${request.operation} body`, schema, request.body);
    else if (operation.requestBody?.required) this.violations.push(`${request.operation} lacks its body`);
  }

  #checkAnswer(operation: Operation, { status, body }: Answer): void {
    const declared = operation.responses[String(status)];
    const response = declared?.$ref === undefined ? declared : resolve<typeof declared>(declared.$ref);
    const schema = response?.content?.['application/json']?.schema;
    if (schema !== undefined && body !== undefined)
      this.#check(`the answer to ${operation.operationId}`, schema, structuredClone(body));
  }

  #check(what: string, schema: object, value: unknown): void {
    const validate = ajv.compile(rebased(schema));
    if (!validate({ value })) this.violations.push(`${what}: ${ajv.errorsText(validate.errors)}`);
  }
}

/** OpenAPI 3.0's `nullable`, in JSON Schema's words where there is no type to widen. */
function nullable(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('nullable' in value) || 'type' in value) return value;
  const { nullable: __, ...schema } = value;
  return { anyOf: [schema, { type: 'null' }] };
}

/** In a field, so that a text from the URL can be read as the number that it stands for. */
function rebased(schema: object): object {
  const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"github#/')) as object;
  return { type: 'object', properties: { value: absolute } };
}

function resolve<T>(ref: string): T {
  const keys = ref.replace('#/', '').split('/');
  return keys.reduce<unknown>(
    (value, key) => (value as Readonly<Record<string, unknown>>)[key],
    description,
  ) as T;
}

function findOperation(
  method: string,
  path: string,
): { readonly operation: Operation; readonly path: Readonly<Record<string, string>> } | undefined {
  for (const [template, operations] of Object.entries(description.paths)) {
    const operation = operations[method];
    const pattern = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{([^}]+)\}/g, '(?<$1>[^/]+)');
    const match =
      operation === undefined
        ? null
        : new RegExp(
            `^${pattern.replace(/\(\?<([^>]+)>/g, (_, name: string) => `(?<${name.replaceAll('-', '_')}>`)}$`,
          ).exec(path);
    if (operation === undefined || match === null) continue;
    const values = Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
    return { operation, path: Object.fromEntries(values) as Record<string, string> };
  }
  return undefined;
}
