/**
 * Splits a list input as Docker's actions do: records on lines, fields between commas, quotes around what
 * holds either. `whole` keeps each line's commas: for `key=value` lines, whose values may bear some.
 *
 * @throws Error of csv-parse when a quote is not closed
 */
export type ParseList = (text: string, options?: { readonly whole?: boolean }) => readonly string[];

/** Loads what it takes to split these texts: quotes are rare, and what reads them is a third of the entry's code. */
export async function listParser(texts: readonly string[]): Promise<ParseList> {
  if (!texts.some((text) => text.includes('"'))) return (text, options) => tidy(splitPlain(text, options));
  const { parse } = await import('csv-parse/sync');
  return (text, { whole = false } = {}) => {
    const records: string[][] = parse(text, {
      columns: false,
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      ...(whole ? { delimiter: '\u0000' } : {}),
    });
    return tidy(records.flat());
  };
}

function splitPlain(text: string, { whole = false } = {}): readonly string[] {
  return text.split(whole ? /\r\n|\n|\r/ : /\r\n|\n|\r|,/);
}

function tidy(fields: readonly string[]): readonly string[] {
  return fields.map((field) => field.trim()).filter((field) => field !== '');
}
