/** Shows a step's log as GitHub shows it: workflow commands become groups and coloured lines. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours only where they are seen: styleText asks the terminal, NO_COLOR and FORCE_COLOR. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

const LEVELS: Readonly<Record<string, { readonly word: string; readonly style: Style }>> = {
  error: { word: 'Error', style: ['bold', 'red'] },
  warning: { word: 'Warning', style: 'yellow' },
  notice: { word: 'Notice', style: 'cyan' },
};

/** What the runner keeps for itself. */
const SILENT = new Set(['add-mask', 'debug', 'save-state', 'set-output', 'stop-commands']);

/** Renders the lines of one step, each with the seconds since the step began. */
export class StepLog {
  readonly #print: (line: string) => void;
  readonly #began = performance.now();
  #inGroup = false;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  line(text: string): void {
    const [, command, properties, message] = /^::([\w-]+)(?: ([^:]*))?::(.*)$/.exec(text) ?? [];
    if (command === undefined) this.#show(this.#inGroup ? paint('dim', `  ${text}`) : text);
    else if (command === 'group') {
      this.#show(paint('bold', `▼ ${decode(message)}`));
      this.#inGroup = true;
    } else if (command === 'endgroup') this.#inGroup = false;
    else if (command in LEVELS) this.#annotation(command, properties, decode(message));
    else if (!SILENT.has(command)) this.#show(text);
  }

  #annotation(command: string, properties: string | undefined, message: string): void {
    const { word, style } = LEVELS[command] ?? { word: command, style: 'bold' };
    const title = /(?:^|,)title=([^,]*)/.exec(properties ?? '')?.[1];
    const heading = title === undefined ? word : `${word}: ${decode(title)}`;
    for (const line of [heading, ...message.split('\n')]) this.#show(paint(style, line));
  }

  #show(text: string): void {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1).padStart(5);
    this.#print(`  ${paint('dim', `${seconds} │`)} ${text}`);
  }
}

/** @see https://github.com/actions/toolkit/blob/%40actions/core%403.0.1/packages/core/src/command.ts */
function decode(text = ''): string {
  return text
    .replaceAll('%0A', '\n')
    .replaceAll('%0D', '\r')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%25', '%');
}
