/**
 * Keeps the heap's young space at the size that it has. Watches bring thousands of objects that are read once: V8
 * would grow the space to 32 MB and more of nothing but garbage, where the runner's memory is the build's too.
 * Measured with the events of a rollout of 6,000 pods fed to the gate: 156 MB instead of 283, in the same time.
 */
export function keepYoungSpaceSmall(): void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
}
