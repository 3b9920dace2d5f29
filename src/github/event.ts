/** What GitHub says of the run, read once at the start. Text of an event is hostile: it is only compared. */
export interface RunFacts {
  readonly event: string;
  /** `owner/name`; undefined outside of GitHub. */
  readonly repository: string | undefined;
  readonly defaultBranch: string | undefined;
  /** Whether anybody may read the logs. Not known counts as yes: what is shown once can not be taken back. */
  readonly isPublic: boolean;
  /** The event says that it is public. Where the event says nothing, nothing more than needs be is told. */
  readonly saidPublic: boolean;
  /** For the image's labels. */
  readonly about: {
    readonly name: string | undefined;
    readonly description: string | undefined;
    readonly url: string | undefined;
    /** An SPDX identifier. */
    readonly license: string | undefined;
  };
  readonly pullRequest:
    | { readonly number: number; readonly headSha: string; readonly fromFork: boolean }
    | undefined;
  /** Set off by a fork, yet with the base repository's secrets: what the fork wrote must not run next to them. */
  readonly privilegedForFork: boolean;
  readonly actor: string | undefined;
  readonly runId: string;
  readonly runAttempt: string;
  /** Counts the runs of a workflow; a re-run keeps its number. undefined outside of GitHub. */
  readonly runNumber: number | undefined;
  /** `refs/heads/main` */
  readonly ref: string;
  /** The workflow's file, without the ref behind the @. */
  readonly workflow: string;
  readonly apiUrl: string;
  /** Where a person reads this run; undefined outside of GitHub. */
  readonly runUrl: string | undefined;
}

/**
 * Reads the runner's variables and the event payload.
 *
 * @param environment the runner's environment
 * @param payload the parsed event file; undefined when there is none
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/variables
 */
export function readRunFacts(
  environment: Readonly<Record<string, string | undefined>>,
  payload: unknown,
): RunFacts {
  const server = environment['GITHUB_SERVER_URL'] ?? 'https://github.com';
  const repository = nonEmpty(environment['GITHUB_REPOSITORY']);
  const event = environment['GITHUB_EVENT_NAME'] ?? '';
  const runId = environment['GITHUB_RUN_ID'] ?? '';
  const pull = at(payload, 'pull_request');
  const number = at(pull, 'number');
  const headSha = at(at(pull, 'head'), 'sha');
  const headRepository = at(at(at(pull, 'head'), 'repo'), 'full_name');
  const baseRepository = at(at(at(pull, 'base'), 'repo'), 'full_name');
  const fork =
    event === 'workflow_run'
      ? at(at(at(payload, 'workflow_run'), 'head_repository'), 'full_name') !==
        at(at(payload, 'repository'), 'full_name')
      : headRepository !== baseRepository;
  return {
    event,
    repository,
    defaultBranch: text(at(at(payload, 'repository'), 'default_branch')),
    isPublic: at(at(payload, 'repository'), 'private') !== true,
    saidPublic: at(at(payload, 'repository'), 'private') === false,
    about: readAbout(at(payload, 'repository'), repository),
    pullRequest:
      typeof number === 'number' && typeof headSha === 'string'
        ? { number, headSha, fromFork: headRepository !== baseRepository }
        : undefined,
    privilegedForFork: (event === 'workflow_run' || event === 'pull_request_target') && fork,
    actor: nonEmpty(environment['GITHUB_ACTOR']),
    runId,
    runAttempt: environment['GITHUB_RUN_ATTEMPT'] ?? '1',
    runNumber: /^\d+$/.test(environment['GITHUB_RUN_NUMBER'] ?? '')
      ? Number(environment['GITHUB_RUN_NUMBER'])
      : undefined,
    ref: environment['GITHUB_REF'] ?? '',
    workflow: (environment['GITHUB_WORKFLOW_REF'] ?? '').replace(/@.*$/, ''),
    apiUrl: nonEmpty(environment['GITHUB_API_URL']) ?? 'https://api.github.com',
    runUrl:
      repository === undefined || runId === '' ? undefined : `${server}/${repository}/actions/runs/${runId}`,
  };
}

function readAbout(json: unknown, repository: string | undefined): RunFacts['about'] {
  const license = text(at(at(json, 'license'), 'spdx_id'));
  return {
    name: text(at(json, 'name')) ?? repository?.replace(/^.*\//, ''),
    description: text(at(json, 'description')),
    url: text(at(json, 'html_url')),
    // What GitHub says of a license that it does not recognise.
    license: license === 'NOASSERTION' ? undefined : license,
  };
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? nonEmpty(value) : undefined;
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
