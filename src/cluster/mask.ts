/**
 * What is told to the runner to mask. A mask is matched line by line and replaces text everywhere, so long
 * texts are given line by line, and nothing so short or so common that it would black out the log.
 */
const SHORTEST = 4;

/** A credential, and its base64. */
export function mask(secret: (value: string) => void, credential: string): void {
  const whole = credential.trim();
  if (whole.length < SHORTEST) return;
  for (const line of whole.split(/\r?\n/)) {
    const text = line.trim();
    // A PEM frame is the same for everybody.
    if (text.length >= SHORTEST && !text.startsWith('-----')) secret(text);
  }
  secret(Buffer.from(whole).toString('base64'));
  // With the newline at the end, as `base64 file` makes it, the last group differs.
  if (credential !== whole) secret(Buffer.from(credential).toString('base64'));
}
