import { parse } from 'csv-parse/sync';

/**
 * Splits a list input as Docker's actions do: records on lines, fields between commas, quotes around what
 * holds either. `whole` keeps each line's commas: for `key=value` lines, whose values may bear some.
 *
 * @throws Error of csv-parse when a quote is not closed
 */
export function parseList(text: string, options: { readonly whole?: boolean } = {}): readonly string[] {
  if (text.trim() === '') return [];
  const records: string[][] = parse(text, {
    columns: false,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    ...(options.whole === true ? { delimiter: '\u0000' } : {}),
  });
  return records
    .flat()
    .map((field) => field.trim())
    .filter((field) => field !== '');
}
