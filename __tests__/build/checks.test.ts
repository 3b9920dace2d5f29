import { describe, expect, it } from 'vitest';
import { type BuildWarning, readWarnings, WarningReader } from '../../src/build/checks.ts';
import { tellWarnings } from '../../src/build/tell-warnings.ts';
import { Lines } from '../../src/process/lines.ts';
import { recordingLog } from '../process/fakes.ts';

const CASING =
  "ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)";
const SECRET = 'SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "TOKEN")';

function read(output: string): readonly BuildWarning[] {
  const reader = new WarningReader();
  const lines = new Lines((line) => reader.push(line), /^(?:#\d+ )?\d+\.\d+ /);
  lines.push(output);
  lines.end();
  return reader.warnings();
}

const told = (output: string) => read(output).map(({ rule, line }) => `${rule}:${line}`);
const ONE = { detail: '', url: undefined, file: undefined, endLine: undefined };

describe('warnings in what buildx prints', () => {
  // 0.13 with BuildKit 0.25: the lines of the step are lost to a race.
  const old = `#1 DONE 0.1s\n\n \u001b[33m2 warnings found (use --debug to expand):\n\u001b[0m - ${CASING} (line 1)\n - ${SECRET} (line 8)\n`;
  it('are those of its list', () => {
    expect(read(old)).toEqual([
      { ...ONE, rule: 'ConsistentInstructionCasing', message: CASING.slice(29), line: 1 },
      { ...ONE, rule: 'SecretsUsedInArgOrEnv', message: SECRET.slice(23), line: 8 },
    ]);
  });
  it('are told once where the step has them, too', () => {
    const both = `#1 WARN: ${CASING} (line 1)\n#1 DONE 0.0s\n${old.replace('--debug', 'docker --debug')}`;
    expect(told(both)).toEqual(['ConsistentInstructionCasing:1', 'SecretsUsedInArgOrEnv:8']);
  });
  it('may be one', () => {
    expect(
      told(` \u001b[33m1 warning found (use --debug to expand):\n\u001b[0m - ${SECRET} (line 8)\n`),
    ).toEqual(['SecretsUsedInArgOrEnv:8']);
  });
  it('may be of no check and no line', () => {
    expect(read('#9 WARN: the cache is old')).toEqual([
      { ...ONE, rule: undefined, message: 'the cache is old', line: undefined },
    ]);
  });
  it('are none of what a RUN writes, however it writes it', () => {
    const fakes = [
      '#5 0.085 WARN: JSONArgsRecommended: fake (line 2)',
      '#5 0.085 #1 WARN: JSONArgsRecommended: fake (line 2)',
      '#5 0.341 x\r#1 WARN: Fake: x (line 2)',
      '#5 0.085  1 warning found:',
      '#5 0.085  - Fake: x (line 2)',
      '#5 0.341 x\r 1 warning found:',
      '#5 0.341 x\r - Fake: x (line 2)',
      // What BuildKit repeats of a step that failed.
      '------',
      ' > [2/2] RUN fake:',
      '0.085 x\r 1 warning found:',
      '0.085 x\r - Fake: x (line 2)',
      '------',
      ' - Fake: x (line 2)',
    ];
    expect(read(fakes.join('\n'))).toEqual([]);
  });
  it('end with the list', () => {
    expect(told(`${old}Dockerfile:7\n - Fake: x (line 3)`)).toEqual([
      'ConsistentInstructionCasing:1',
      'SecretsUsedInArgOrEnv:8',
    ]);
  });
});

/** As buildx 0.29 wrote it, with BUILDX_METADATA_WARNINGS. */
function entry(short: string, line: number, more = {}) {
  return {
    vertex: 'sha256:a5676eef909b7f344506d45d7e6beb600b9948163a2f63b4b0124c127e794368',
    level: 1,
    short: Buffer.from(short).toString('base64'),
    detail: [Buffer.from('Sensitive data should not be used in the ARG or ENV commands').toString('base64')],
    url: 'https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/',
    sourceInfo: { filename: 'Dockerfile', data: '', language: 'Dockerfile' },
    range: [{ start: { line }, end: { line: line + 1 } }],
    ...more,
  };
}

const metadata = (...entries: unknown[]): string => JSON.stringify({ 'buildx.build.warnings': entries });

describe('warnings in the metadata file', () => {
  it('say what, where and why', () => {
    expect(readWarnings(metadata(entry(`${SECRET} (line 8)`, 8)))).toEqual([
      {
        rule: 'SecretsUsedInArgOrEnv',
        message: SECRET.slice(23),
        detail: 'Sensitive data should not be used in the ARG or ENV commands',
        url: 'https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/',
        file: 'Dockerfile',
        line: 8,
        endLine: 9,
      },
    ]);
  });
  it('are told once, though each platform has them', () => {
    const warning = entry(`${SECRET} (line 8)`, 8);
    expect(
      readWarnings(metadata(warning, { ...warning, vertex: 'sha256:b' }, entry(`${SECRET} (line 9)`, 9))),
    ).toHaveLength(2);
  });
  it('may lack all but their words, and be addressed to a strange place', () => {
    const bare = { short: Buffer.from('no check').toString('base64') };
    const strange = entry(CASING, 1, {
      url: 'javascript:alert(1)',
      detail: null,
      range: null,
      sourceInfo: null,
    });
    expect(readWarnings(metadata(bare, strange, null, {}))).toMatchObject([
      { rule: undefined, message: 'no check', line: undefined, url: undefined, detail: '' },
      { rule: 'ConsistentInstructionCasing', url: undefined, line: undefined, file: undefined },
    ]);
  });
  it('are none where none are', () => {
    expect(readWarnings('{"containerimage.digest":"sha256:a"}')).toEqual([]);
    expect(readWarnings('{"buildx.build.warnings":null}')).toEqual([]);
  });
});

describe('a warning for a person', () => {
  const warning = readWarnings(metadata(entry(`${SECRET} (line 8)`, 8)))[0] as BuildWarning;
  it('stands at its lines', () => {
    const log = recordingLog();
    tellWarnings([warning], 'app/Dockerfile', log);
    expect(log.warnings).toEqual([
      'Do not use ARG or ENV instructions for sensitive data (ENV "TOKEN"). Sensitive data should not be used in the ARG or ENV commands. https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/',
    ]);
    expect(log.marks).toEqual([
      {
        title: 'Dockerfile check: SecretsUsedInArgOrEnv',
        place: { file: 'app/Dockerfile', line: 8, endLine: 9 },
      },
    ]);
  });
  it.each([
    ['elsewhere', undefined],
    ['another', 'app/web.Dockerfile'],
  ])('only names the line where the Dockerfile is %s', (_, path) => {
    const log = recordingLog();
    tellWarnings([{ ...warning, detail: '', url: undefined }], path, log);
    expect(log.warnings).toEqual([
      'Do not use ARG or ENV instructions for sensitive data (ENV "TOKEN") (line 8 of the Dockerfile).',
    ]);
    expect(log.marks.map((mark) => mark?.place)).toEqual([undefined]);
  });
  it('is one of few', () => {
    const log = recordingLog();
    tellWarnings(
      Array.from({ length: 12 }, (_, index) => ({ ...warning, line: index })),
      'Dockerfile',
      log,
    );
    expect(log.warnings).toHaveLength(8);
    expect(log.lines).toEqual(['4 more warnings of the build: see the list at the end of its output']);
  });
});
