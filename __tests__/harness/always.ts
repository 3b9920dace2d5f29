import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import type { StepResult } from './runner.ts';

const ajv = new Ajv2020({ allErrors: true, strict: true });
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const schema = new URL('../../docs/report.schema.json', import.meta.url);
const validate = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')));

/** What is true of every step, whatever it was asked and however it ended. */
export function checkAlways(step: StepResult, token: string): void {
  const { report, outputs, summary, log, errors } = step;
  if (report !== undefined) {
    validate(structuredClone(report));
    expect(validate.errors ?? []).toEqual([]);
    expect(outputs).toMatchObject({ result: report.result });
    expect(errors.every((error) => error.startsWith(outputs['reason'] ?? ''))).toBe(true);
    expect(summary).toContain('## ');
  }
  const shown = log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  const left = [...shown, summary, JSON.stringify([outputs, report, step.state])];
  expect(left.filter((text) => text.includes(token))).toEqual([]);
}
