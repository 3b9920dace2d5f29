/**
 * What we use of @actions/core, and nothing else of it: the rest brings an HTTP client of its own, which takes as
 * long to load as everything else before the first request. The build keeps what is named here.
 */
export {
  debug,
  error,
  getState,
  group,
  info,
  notice,
  saveState,
  setOutput,
  setSecret,
  summary,
  warning,
} from '@actions/core';
