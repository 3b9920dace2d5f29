import type { Log } from '../model/log.ts';
import * as core from './core.ts';

/**
 * The log of a runner's step.
 *
 * @param harmless makes a line harmless: pod logs, events and server errors pass through here, and none of them
 * may give the runner a command
 * @param masked gets what is masked: the runner looks for it letter by letter, so whoever changes a text has to look
 * for it before
 */
export function createLog(harmless: (line: string) => string, masked: Set<string> = new Set()): Log {
  const lines = (text: string): readonly string[] => text.split(/\r\n|\n|\r/).map(harmless);
  return {
    info: (text) => {
      for (const line of lines(text)) core.info(line);
    },
    debug: (text) => {
      for (const line of lines(text)) core.debug(line);
    },
    notice: (message) => core.notice(lines(message).join('\n')),
    warning: (message, at) => {
      const { file, line, endLine } = at?.place ?? {};
      core.warning(lines(message).join('\n'), {
        ...(at === undefined ? {} : { title: harmless(at.title) }),
        ...(file === undefined ? {} : { file: harmless(file) }),
        ...(line === undefined ? {} : { startLine: line, endLine: endLine ?? line }),
      });
    },
    group: (title, body) => core.group(harmless(title), body),
    secret: (value) => {
      // An empty mask would mask every character of the log.
      if (value.trim() === '' || masked.has(value)) return;
      masked.add(value);
      // A kubeconfig has a dozen lines to mask: they go out in one write, and still before whatever is said next.
      process.stdout.cork();
      process.nextTick(() => process.stdout.uncork());
      core.setSecret(value);
    },
  };
}
