/** One turn of the event loop: what can go on without waiting has done so, and the network was looked at. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
