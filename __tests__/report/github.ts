import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';

/**
 * What GitHub makes of a markdown before its filters: GFM with raw HTML, autolinks, tables. Micromark follows
 * the specification, of which GitHub's cmark-gfm is the reference.
 */
export function toHtml(markdown: string): string {
  return micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true });
}

/** The text that a person reads in a piece of HTML. */
export function toText(html: string): string {
  return html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

/** Text outside of code, in which GitHub looks for mentions, references, addresses and emoji. */
export function outsideCode(html: string): string {
  return toText(html.replace(/<pre>.*?<\/pre>/gs, ' ').replace(/<code[^>]*>.*?<\/code>/gs, ' '));
}

/** The runner's two ways to find a command (actions/runner src/Runner.Common/ActionCommand.cs), at their laxest. */
export function isCommand(line: string): boolean {
  const seen = line.replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]/gu, '').trimStart();
  return seen.startsWith('::') || seen.includes('##[');
}
