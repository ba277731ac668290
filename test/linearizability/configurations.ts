/**
 * The memory of a search: which operations were placed, and the state they led to (Lowe 2017). What was reached
 * before, in whatever order, is not searched again.
 */

/** A set of operations, as bits. Operations of a known outcome and the others are numbered apart. */
export interface PlacedSet {
  /** All known ones below this number are in the set, and this one is not. */
  readonly gap: number;
  /** Bit n is the known one of number `gap + n`. The set is nearly a prefix of the history, so the bits stay few. */
  readonly window: bigint;
  readonly unknown: bigint;
}

export const NOTHING_PLACED: PlacedSet = { gap: 0, window: 0n, unknown: 0n };

export function placeKnown(placed: PlacedSet, index: number): PlacedSet {
  let { gap, window } = placed;
  window |= 1n << BigInt(index - gap);
  while ((window & 1n) === 1n) {
    window >>= 1n;
    gap += 1;
  }
  return { gap, window, unknown: placed.unknown };
}

export function placeUnknown(placed: PlacedSet, index: number): PlacedSet {
  return { ...placed, unknown: placed.unknown | (1n << BigInt(index)) };
}

export function hasUnknown({ unknown }: PlacedSet, index: number): boolean {
  return ((unknown >> BigInt(index)) & 1n) === 1n;
}

/** A longer list would take longer to look through than it saves. */
const SETS_MAX = 64;

/**
 * Configurations that were reached. One is as good as another with the same state and the same known operations placed if
 * it has placed no more of the unknown ones: those left over need never take effect. So of each such group the smallest
 * sets of unknown operations are kept, and only a configuration that none of them is part of is new.
 */
export class Configurations {
  readonly #smallest = new Map<string, readonly bigint[]>();

  /** @returns false when nothing can be reached from here that can't be reached from an earlier one. */
  add({ gap, window, unknown }: PlacedSet, stateKey: string): boolean {
    const key = `${gap},${window.toString(32)},${stateKey}`;
    const sets = this.#smallest.get(key);
    if (sets?.some((set) => (set & unknown) === set) === true) return false;
    const others = sets?.filter((set) => (set & unknown) !== unknown) ?? [];
    if (others.length < SETS_MAX) this.#smallest.set(key, [...others, unknown]);
    return true;
  }
}
