/** What the demo promises, held against what was seen. */
import type { StepResult } from '../../__tests__/harness/runner.ts';
import type { Seen } from './story.ts';
import { EVERY } from './traffic.ts';

export interface Kept {
  readonly promise: string;
  readonly kept: boolean;
}

/** The words with which v3 ends; the report must quote them. */
export const CAUSE = 'cannot connect to database at db:5432';

export function promises({ v2, v3, image, traffic, during }: Seen): readonly Kept[] {
  const reason = v3.outputs['reason'] ?? '';
  const others = [...during].filter(([version, count]) => version !== 'v2' && count > 0);
  return [
    { promise: 'v2 was built, pushed and became healthy', kept: v2.outputs['result'] === 'succeeded' },
    {
      promise: 'v3 was rolled back and its step failed',
      kept: v3.outputs['result'] === 'rolled-back' && v3.exitCode !== 0,
    },
    { promise: `the cause was named in the app's own words: "${CAUSE}"`, kept: reason.includes(CAUSE) },
    { promise: 'v2 is what runs now', kept: image !== '' && image === v2.outputs['image'] },
    {
      promise: 'v2 never stopped serving, and v3 never served',
      kept: (during.get('v2') ?? 0) > 0 && others.length === 0,
    },
    { promise: 'no request failed', kept: traffic.sent > 0 && traffic.failed.length === 0 },
  ];
}

/** One line about the requests. */
export function countRequests({ traffic }: Seen): string {
  const served = [...traffic.answers].map(([version, count]) => `${version} answered ${count}`).join(', ');
  return `${traffic.sent} requests, one every ${EVERY} ms: ${served}; ${traffic.failed.length} failed`;
}

/** Names and seconds of what took time. */
export function times({ v1, v2, v3 }: Seen): readonly (readonly [string, string])[] {
  const rollback = v3.report?.workloads[0]?.rollback?.seconds;
  return [
    ['v1: build and push', seconds(span(v1, 'image', 'build and push'))],
    ['v2: build and push', seconds(span(v2, 'image', 'build and push'))],
    ['v2: from the patch to complete', seconds(between(v2, 'patch', 'gate'))],
    ['v2: held healthy', seconds(span(v2, 'gate', 'deployment/shop held'))],
    ['v2: the whole step', seconds(v2.milliseconds)],
    ['v3: from the patch to the named cause', seconds(between(v3, 'patch', 'gate'))],
    ['v3: from the verdict to v2 healthy again', rollback === undefined ? '?' : `${rollback.toFixed(1)} s`],
    ['v3: the whole step', seconds(v3.milliseconds)],
  ];
}

/** Milliseconds of one bar of the timeline; undefined when it is not there. */
function span({ report }: StepResult, section: string, label: string): number | undefined {
  const found = report?.timeline.find((each) => each.section === section && each.label === label);
  return found && Date.parse(found.end) - Date.parse(found.start);
}

/** Milliseconds from the start of the first bar of one section to the end of the first bar of another. */
function between({ report }: StepResult, from: string, to: string): number | undefined {
  const first = report?.timeline.find((each) => each.section === from);
  const last = report?.timeline.find((each) => each.section === to);
  return first && last && Date.parse(last.end) - Date.parse(first.start);
}

function seconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '?' : `${(milliseconds / 1000).toFixed(1)} s`;
}
