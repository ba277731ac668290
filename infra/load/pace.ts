/**
 * When each request is due: an open loop, at fixed times that no answer moves.
 *
 * A client that waits for an answer before it sends the next request sends least while the server is slowest, and so
 * leaves out just what was to be measured ("coordinated omission", Gil Tene, "How NOT to Measure Latency"). Here the times
 * are fixed beforehand, and latency counts from them, as in wrk2.
 */

export class Pace {
  readonly ratePerSecond: number;
  /** When the first request is due, from the start of the load. */
  readonly offsetMs: number;

  /** @throws {RangeError} for a rate that is no positive number. */
  constructor({ ratePerSecond, offsetMs = 0 }: { ratePerSecond: number; offsetMs?: number }) {
    if (!(ratePerSecond > 0 && Number.isFinite(ratePerSecond))) {
      throw new RangeError(`a rate is a number of requests per second above 0, not ${ratePerSecond}`);
    }
    this.ratePerSecond = ratePerSecond;
    this.offsetMs = offsetMs;
  }

  /** When request n is due, from 0, in milliseconds from the start of the load. */
  dueAtMs(number: number): number {
    return this.offsetMs + (number * 1_000) / this.ratePerSecond;
  }

  /** How many requests are due by then: the numbers below this one. */
  dueBy(elapsedMs: number): number {
    if (elapsedMs < this.offsetMs) return 0;
    const estimate = Math.floor(((elapsedMs - this.offsetMs) * this.ratePerSecond) / 1_000) + 1;
    // Rounding may be one off either way; dueAtMs is what counts.
    if (this.dueAtMs(estimate) <= elapsedMs) return estimate + 1;
    return this.dueAtMs(estimate - 1) <= elapsedMs ? estimate : estimate - 1;
  }
}

/** One pace for each stream, shifted against each other so that they don't all send in the same moment. */
export function pacesOf(streams: readonly { readonly ratePerSecond: number }[]): Pace[] {
  return streams.map(({ ratePerSecond }, index) => {
    const offsetMs = (1_000 / ratePerSecond) * (index / streams.length);
    return new Pace({ ratePerSecond, offsetMs });
  });
}
