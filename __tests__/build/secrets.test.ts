import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../src/build/inputs.ts';
import { namedVariables, placeSecrets } from '../../src/build/secrets.ts';
import { failureOf, recordingLog, temporaryFolder } from '../process/fakes.ts';

const environment = { GH: 'ghs_1', INPUT_PASSWORD: 'p', ACTIONS_RUNTIME_TOKEN: 'jwt', VERSION: '7' };

function place(inputs: Partial<BuildInputs>, folder = temporaryFolder()) {
  const log = recordingLog();
  const sources = placeSecrets({
    inputs: { ...NO_BUILD_INPUTS, ...inputs },
    folder,
    directory: folder,
    environment,
    log,
  });
  return { folder, log, sources };
}

describe('a secret', () => {
  it('lies in a file that only we can read, and is masked', async () => {
    const { folder, log, sources } = place({ secrets: ['npm=abc=def', 'multi=line 1\nline 2\n'] });
    expect(await sources).toEqual([
      { id: 'npm', file: join(folder, 'secret-0') },
      { id: 'multi', file: join(folder, 'secret-1') },
    ]);
    expect(readFileSync(join(folder, 'secret-0'), 'utf8')).toBe('abc=def');
    expect(readFileSync(join(folder, 'secret-1'), 'utf8')).toBe('line 1\nline 2\n');
    expect(statSync(join(folder, 'secret-0')).mode & 0o777).toBe(0o600);
    expect(log.secrets).toEqual(['abc=def', 'line 1\nline 2\n']);
  });
  it('that is empty is left out, and told', async () => {
    const { log, sources } = place({ secrets: ['npm='] });
    expect(await sources).toEqual([]);
    expect(log.warnings).toEqual([
      'The secret "npm" of the input secrets is empty and is not given to the build.',
    ]);
  });
  it('may be a file or a variable of the step', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'token'), 't');
    const { sources } = place({ secretFiles: ['a=token'], secretEnvs: ['b=GH'] }, folder);
    expect(await sources).toEqual([
      { id: 'a', file: join(folder, 'token') },
      { id: 'b', variable: 'GH' },
    ]);
  });
  it('that is wrong is told with all others, and its value is not', async () => {
    const { folder, sources } = place({
      secrets: ['s3cr3t', 'x,src=/etc/shadow=1'],
      secretFiles: ['f=gone'],
      secretEnvs: ['e=NOT_SET', 'i=INPUT_PASSWORD', 't=ACTIONS_RUNTIME_TOKEN'],
    });
    expect((await failureOf(() => sources)).message.split('\n')).toEqual([
      'Line 1 of the input secrets is not of the form "id=value": the id has letters, digits, "_", "." and "-".',
      'Line 2 of the input secrets is not of the form "id=value": the id has letters, digits, "_", "." and "-".',
      `The file ${join(folder, 'gone')} of the secret "f" (input secret-files) does not exist.`,
      'The variable NOT_SET of the secret "e" (input secret-envs) is not set: give it to the step with env.',
      'The input secret-envs names INPUT_PASSWORD, which holds what only this step may read. Use secrets for "i".',
      'The input secret-envs names ACTIONS_RUNTIME_TOKEN, which holds what only this step may read. Use secrets for "t".',
    ]);
  });
});

it('docker gets the variables that the user named, and no others', () => {
  const inputs = { ...NO_BUILD_INPUTS, buildArgs: ['VERSION', 'A=GH', 'INPUT_PASSWORD', 'GONE'] };
  expect(namedVariables(inputs, [{ id: 'b', variable: 'GH' }], environment)).toEqual({
    GH: 'ghs_1',
    VERSION: '7',
  });
});
