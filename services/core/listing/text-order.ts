/** The order in which stores keep texts: by the bytes of their UTF-8, which is that of their code points. */

/** Negative, zero or positive. JavaScript's own order differs beyond the basic plane. */
export function compareTexts(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index += 1) {
    const difference = rank(one.charCodeAt(index)) - rank(other.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

const SURROGATES_FIRST = 0xd800;
const SURROGATES_END = 0xe000;
const UNITS = 0x10000;

/** Half a surrogate pair stands for a code point beyond all that one unit can say. */
function rank(unit: number): number {
  return unit >= SURROGATES_FIRST && unit < SURROGATES_END ? unit + UNITS : unit;
}
