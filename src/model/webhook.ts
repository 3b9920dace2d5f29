/**
 * What to do about an admission webhook that the API server could not ask, without which nothing goes on
 * (`failurePolicy: Fail`, the default): the beginning of a sentence; undefined when its words are about something else.
 *
 * @see https://github.com/kubernetes/apiserver/blob/v0.34.0/pkg/util/webhook/error.go (ErrCallingWebhook)
 */
export function reviveWebhook(said: string): string | undefined {
  const name = /failed calling webhook "([^"]+)"/.exec(said)?.[1];
  return name === undefined
    ? undefined
    : `Bring the admission webhook ${name} back, or take its registration away`;
}
