/** Which of millions of operation ids come more than once, in 16 to 32 bytes each. */

const SLOTS_MIN = 1_024;
/** Of its random end, 48 bits tell ids apart well enough: whoever is taken for repeated by mistake costs a little memory. */
const HEX_DIGITS = 12;

export class RepeatedIds {
  readonly #repeated = new Set<string>();
  /** Open addressing; 0 is free, so that numbers are kept one higher. */
  #slots = new Float64Array(SLOTS_MIN);
  #size = 0;

  get repeated(): ReadonlySet<string> {
    return this.#repeated;
  }

  /** Distinct ids so far. */
  get size(): number {
    return this.#size;
  }

  /** @param id a UUID. */
  tell(id: string): void {
    if (2 * this.#size >= this.#slots.length) this.#grow();
    const number = Number.parseInt(id.slice(-HEX_DIGITS), 16) + 1;
    const slot = slotOf(this.#slots, number);
    if (this.#slots[slot] === number) this.#repeated.add(id);
    else {
      this.#slots[slot] = number;
      this.#size += 1;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Float64Array(2 * before.length);
    for (const number of before) if (number !== 0) this.#slots[slotOf(this.#slots, number)] = number;
  }
}

/** Where the number is, or is to go. */
function slotOf(slots: Float64Array, number: number): number {
  let slot = number % slots.length;
  while (slots[slot] !== 0 && slots[slot] !== number) slot = (slot + 1) % slots.length;
  return slot;
}
