/**
 * Why this content can not be recognised with certainty; whoever catches it builds. The message goes on behind
 * "because", so it begins in lower case and has no full stop.
 */
export class Doubt extends Error {
  override readonly name = 'Doubt';
}
