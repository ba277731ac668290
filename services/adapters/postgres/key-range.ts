/** Ranges of keys in the order of their bytes, which for UTF-8 is the order of code points. */

const SURROGATES_FIRST = 0xd800;
const SURROGATES_LAST = 0xdfff;
const CODE_POINT_MAX = 0x10ffff;

/** The first text after all that begin with the prefix; undefined when there is none. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last < CODE_POINT_MAX) return String.fromCodePoint(...points, nextCodePoint(last));
  }
  return undefined;
}

function nextCodePoint(point: number): number {
  const next = point + 1;
  return next >= SURROGATES_FIRST && next <= SURROGATES_LAST ? SURROGATES_LAST + 1 : next;
}

/** Negative, zero or positive, by bytes; JavaScript's own order differs beyond the basic plane. */
export function compareKeys(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
