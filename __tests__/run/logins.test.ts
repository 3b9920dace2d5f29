import { expect, test } from 'vitest';
import { readInputs } from '../../src/inputs.ts';
import { chooseLogins } from '../../src/run/image.ts';
import { failureOf } from '../process/fakes.ts';
import { PRIVATE_RUN } from './fake-world.ts';

const PASSWORD = { username: 'ada', password: 'secret' };
const TOKEN = { registry: 'ghcr.io', username: 'octocat', password: 'token', origin: "the job's own token" };

async function logins(raw: Readonly<Record<string, string>>, ...hosts: readonly string[]) {
  const inputs = await readInputs({
    'bake-file': 'b',
    workloads: 'deployment/web',
    'github-token': 'token',
    ...raw,
  });
  return chooseLogins(inputs, PRIVATE_RUN, hosts);
}

test.each([
  ['the only registry of the targets', {}, ['a.io', 'a.io'], [{ registry: 'a.io', ...PASSWORD }]],
  ['the registry that is named', { registry: 'b.io' }, ['a.io', 'b.io'], [{ registry: 'b.io', ...PASSWORD }]],
])('a password is for %s', async (_, raw, hosts, expected) => {
  expect(await logins({ ...PASSWORD, ...raw }, ...hosts)).toEqual(expected);
});

test('one password for two registries is a mistake, since it would be shown to the wrong one', async () => {
  expect((await failureOf(async () => logins(PASSWORD, 'a.io', 'ghcr.io'))).message).toBe(
    'password: the images go to a.io and ghcr.io, and one password is for one of them. Name it in `registry`, and log in to the other in a step before (docker/login-action).',
  );
});

test.each([
  ['wherever ghcr.io is among them', ['a.io', 'ghcr.io'], [TOKEN]],
  ['nowhere else', ['a.io', 'ghcr.io.evil.io'], []],
])("without a password the job's token is taken %s", async (_, hosts, expected) => {
  expect(await logins({}, ...hosts)).toEqual(expected);
});
