/** ACTIONS_RUNTIME_TOKEN as a job gets it. */
import { createHmac, randomBytes } from 'node:crypto';

/** What stands in a run's token: its own branch to read and write, others to read. */
export interface Scopes {
  readonly own: string;
  readonly others?: readonly string[];
}

const WRITE = 3;
const READ = 1;

/** What it may do stands in `ac`, as JSON in a string; the permissions are bits. */
export function sign({ own, others = [] }: Scopes, key: Buffer): string {
  const now = Math.floor(Date.now() / 1000);
  const access = [
    { Scope: own, Permission: WRITE },
    ...others.map((scope) => ({ Scope: scope, Permission: READ })),
  ];
  const claims = {
    ac: JSON.stringify(access),
    iss: 'https://token.actions.githubusercontent.com',
    nbf: now - 60,
    exp: now + 21_600,
    jti: randomBytes(8).toString('hex'),
  };
  const head = [{ typ: 'JWT', alg: 'HS256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${head}.${createHmac('sha256', key).update(head).digest('base64url')}`;
}
