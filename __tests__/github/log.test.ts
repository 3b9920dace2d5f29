import { expect, it, onTestFinished, vi } from 'vitest';
import { createLog } from '../../src/github/log.ts';
import { escapeLogLine } from '../../src/report/escape.ts';

/** What a call prints for the runner. */
function printed(call: (log: ReturnType<typeof createLog>) => void): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  call(createLog(escapeLogLine));
  const text = write.mock.calls.map(([piece]) => String(piece)).join('');
  write.mockRestore();
  return text;
}

it('a warning at a place is an annotation there', () => {
  const place = { file: 'app/Dockerfile', line: 4, endLine: 6 };
  expect(printed((log) => log.warning('Look: here', { title: 'Check: A', place }))).toBe(
    '::warning title=Check%3A A,file=app/Dockerfile,line=4,endLine=6::Look: here\n',
  );
});

it('a place of one line ends there', () => {
  const place = { file: 'Dockerfile', line: 4 };
  expect(printed((log) => log.warning('x', { title: 't', place }))).toBe(
    '::warning title=t,file=Dockerfile,line=4,endLine=4::x\n',
  );
});

it('a warning without a place stands at the run', () => {
  expect(printed((log) => log.warning('x', { title: 't', place: undefined }))).toBe('::warning title=t::x\n');
  expect(printed((log) => log.warning('x'))).toBe('::warning::x\n');
});

it('neither title nor file nor message can give a command', () => {
  const evil = 'a\n::error::owned,file=/etc/passwd::x';
  const text = printed((log) => log.warning(evil, { title: evil, place: { file: evil, line: 1 } }));
  expect(text).toBe(
    '::warning title=a ↵ %3A %3Aerror%3A%3Aowned%2Cfile=/etc/passwd%3A%3Ax,file=a ↵ %3A %3Aerror%3A%3Aowned%2Cfile=/etc/passwd%3A%3Ax,line=1,endLine=1::a%0A: :error::owned,file=/etc/passwd::x\n',
  );
});
