import { describe, expect, test } from 'vitest';
import type { RunOrder } from '../../src/model/record.ts';
import {
  type Ancestry,
  commitsToCompare,
  type Deployed,
  judgeOrder,
  type Ours,
} from '../../src/plan/order.ts';

const [OURS, THEIRS, THIRD] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)];
const run = (number: number, changes: Partial<RunOrder> = {}): RunOrder => ({
  repository: 'acme/shop',
  workflow: 'acme/shop/.github/workflows/ship.yml',
  ref: 'refs/heads/main',
  number,
  ...changes,
});
const ours = (changes: Partial<Ours> = {}): Ours => ({
  commit: OURS,
  order: run(57),
  attempt: 1,
  event: 'push',
  allowOlder: false,
  ...changes,
});
const deployed = (changes: Partial<Deployed> = {}): Deployed => ({
  workload: 'deployment/web',
  commit: THEIRS,
  run: { title: 'acme/shop run 58', url: 'https://github.com/acme/shop/actions/runs/58' },
  order: run(58),
  ...changes,
});

const OLDER =
  'Commit aaaaaaa is older than commit bbbbbbb, which deployment/web runs already, brought by acme/shop run 58 (https://github.com/acme/shop/actions/runs/58).';
const SKIP = `${OLDER} To go back to it on purpose, re-run this run, or set \`allow-older: true\`.`;

interface Row {
  readonly row: string;
  readonly ours?: Partial<Ours>;
  readonly deployed?: readonly Partial<Deployed>[];
  readonly ancestry?: Ancestry;
  readonly kind: 'go' | 'wished' | 'skip';
  readonly message?: string;
}

describe('a run', () => {
  test.each<Row>([
    {
      row: 'whose commit is a strict ancestor of the deployed one came too late',
      ancestry: 'behind',
      kind: 'skip',
      message: SKIP,
    },
    { row: 'whose commit follows on the deployed one goes', ancestry: 'ahead', kind: 'go' },
    {
      row: 'whose commit is the deployed one goes',
      ours: { commit: THEIRS },
      ancestry: 'behind',
      kind: 'go',
    },
    { row: 'of another branch goes', ancestry: 'diverged', kind: 'go' },
    {
      row: 'that follows on the deployed commit goes, though a re-run of a later run brought that one',
      ours: { order: run(50) },
      ancestry: 'ahead',
      kind: 'go',
    },
    {
      row: 'that nobody can compare came too late when a later run of its workflow deployed already',
      ancestry: 'unknown',
      kind: 'skip',
      message: SKIP,
    },
    {
      row: 'that nobody can compare goes when it is the later one',
      ours: { order: run(59) },
      ancestry: 'unknown',
      kind: 'go',
    },
    {
      row: 'that nobody can compare goes when the other is of another workflow',
      ours: { order: run(57, { workflow: 'x' }) },
      ancestry: 'unknown',
      kind: 'go',
    },
    {
      row: 'that nobody can compare goes when the other is of another branch',
      ours: { order: run(57, { ref: 'refs/heads/x' }) },
      ancestry: 'unknown',
      kind: 'go',
    },
    {
      row: 'that nobody can compare goes when the other is of another repository',
      ours: { order: run(57, { repository: 'x/y' }) },
      ancestry: 'unknown',
      kind: 'go',
    },
    {
      row: 'that nobody can compare goes when no number was recorded',
      deployed: [{ order: undefined }],
      ancestry: 'unknown',
      kind: 'go',
    },
    {
      row: 'came too late also when the later run left no commit behind',
      deployed: [{ commit: undefined }],
      kind: 'skip',
      message: SKIP.replace('commit bbbbbbb', 'a newer commit'),
    },
    { row: 'over a workload of which nothing is known goes', deployed: [], kind: 'go' },
    {
      row: 'came too late for one of two workloads came too late',
      deployed: [{ workload: 'deployment/api', commit: OURS }, {}],
      ancestry: 'behind',
      kind: 'skip',
      message: SKIP,
    },
    {
      row: 'of an image that exists, of which nobody knows the commit, goes',
      ours: { commit: undefined },
      ancestry: 'behind',
      kind: 'go',
    },
    {
      row: 'that is a re-run is somebody’s wish',
      ours: { attempt: 2 },
      ancestry: 'behind',
      kind: 'wished',
      message: `${OLDER} It is deployed all the same: this is attempt 2 of the run, so somebody started it again by hand.`,
    },
    {
      row: 'that was dispatched is somebody’s wish',
      ours: { event: 'workflow_dispatch' },
      ancestry: 'behind',
      kind: 'wished',
      message: `${OLDER} It is deployed all the same: somebody started this run by hand.`,
    },
    {
      row: 'that may be older is the workflow’s wish',
      ours: { allowOlder: true },
      ancestry: 'behind',
      kind: 'wished',
      message: `${OLDER} It is deployed all the same: \`allow-older\` is true.`,
    },
    {
      row: 'that is a re-run and not older has nothing to tell',
      ours: { attempt: 2 },
      ancestry: 'ahead',
      kind: 'go',
    },
    {
      row: 'is skipped without a link where the other run has none',
      deployed: [{ run: { title: 'a run elsewhere', url: undefined } }],
      ancestry: 'behind',
      kind: 'skip',
      message: SKIP.replace(/acme\/shop run 58 \([^)]*\)/, 'a run elsewhere'),
    },
  ])('$row', ({ ours: mine, deployed: theirs = [{}], ancestry = 'unknown', kind, message }) => {
    const order = judgeOrder(ours(mine), theirs.map(deployed), () => ancestry);
    expect(order.kind).toBe(kind);
    expect(order.kind === 'go' ? undefined : order.message).toBe(message);
  });
});

test.each([
  { row: 'each deployed commit once', mine: OURS, theirs: [THEIRS, THEIRS, THIRD], wanted: [THEIRS, THIRD] },
  { row: 'not its own', mine: OURS, theirs: [OURS, undefined], wanted: [] },
  { row: 'nothing without a commit of its own', mine: undefined, theirs: [THEIRS], wanted: [] },
])('a run asks GitHub for $row', ({ mine, theirs, wanted }) => {
  expect(
    commitsToCompare(
      { commit: mine },
      theirs.map((commit) => deployed({ commit })),
    ),
  ).toEqual(wanted);
});
