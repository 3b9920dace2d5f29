/** The few forms of DER that a certificate is written in (ITU-T X.690). */

export type Der = Uint8Array;

export const sequence = (...parts: Der[]): Der => wrap(0x30, Buffer.concat(parts));
export const set = (...parts: Der[]): Der => wrap(0x31, Buffer.concat(parts));
export const octets = (value: Uint8Array): Der => wrap(0x04, value);
export const bits = (value: Uint8Array, unused = 0): Der =>
  wrap(0x03, Buffer.concat([Buffer.of(unused), value]));
export const text = (value: string): Der => wrap(0x0c, Buffer.from(value));
export const yes: Der = wrap(0x01, Buffer.of(0xff));
/** A field told by its number: `inside` is true when it holds other fields. */
export const tagged = (number: number, value: Uint8Array, inside: boolean): Der =>
  wrap((inside ? 0xa0 : 0x80) | number, value);

/** A whole number ≥ 0: a leading zero keeps its first bit from meaning "negative". */
export function integer(value: Uint8Array): Der {
  return wrap(0x02, (value[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), value]) : value);
}

export function objectId(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return wrap(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

export function time(when: Date): Der {
  const digits = when.toISOString().replace(/[-:T]|\.\d+/g, '');
  // Up to 2049 a year has two digits and the type UTCTime: RFC 5280, 4.1.2.5.
  return when.getUTCFullYear() < 2050
    ? wrap(0x17, Buffer.from(digits.slice(2)))
    : wrap(0x18, Buffer.from(digits));
}

function base128(value: number): number[] {
  const groups = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) groups.unshift((rest & 0x7f) | 0x80);
  return groups;
}

function wrap(tag: number, value: Uint8Array): Der {
  const length = value.length < 0x80 ? [value.length] : longLength(value.length);
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}

function longLength(length: number): number[] {
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest >>= 8) digits.unshift(rest & 0xff);
  return [0x80 | digits.length, ...digits];
}
