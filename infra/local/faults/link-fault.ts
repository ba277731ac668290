/** What can be wrong with one direction of a link, on top of the topology's latency. */

/** The state of one direction of a link, shared by all connections that it carries. */
export interface LinkCondition {
  readonly isCut: boolean;
  readonly delayMs: number;
  /** Added to the delay, evenly spread between zero and this. */
  readonly jitterMs: number;
  /** Added or taken away, evenly spread; no delay becomes less than zero by it. */
  readonly spreadMs: number;
}

export interface LinkFault {
  /** Nothing arrives, and nobody is told. */
  readonly isCut: boolean;
  /** Added to the one-way delay. */
  readonly latencyMs: number;
  /** Each chunk takes up to so much more or less, evenly spread; never less than nothing, and never out of order. */
  readonly jitterMs: number;
  /** The chance, 0 to 1, that a connection is reset: once when it is made, and once a second while it lives. */
  readonly lossShare: number;
}

/** The latency that the topology gives one direction of a link. */
export interface LinkLatency {
  readonly delayMs: number;
  /** Added to the delay, evenly spread between zero and this. */
  readonly jitterMs: number;
}

export const NO_FAULT: LinkFault = { isCut: false, latencyMs: 0, jitterMs: 0, lossShare: 0 };
export const NO_LATENCY: LinkLatency = { delayMs: 0, jitterMs: 0 };

export const FAULT_DELAY_MS_MAX = 60_000;

export function isFaulty(fault: LinkFault): boolean {
  return fault.isCut || fault.latencyMs > 0 || fault.jitterMs > 0 || fault.lossShare > 0;
}

/** @throws {RangeError} for what no link can have. */
export function assertFault({ latencyMs, jitterMs, lossShare }: LinkFault): void {
  for (const [name, delayMs] of [
    ["latency", latencyMs],
    ["jitter", jitterMs],
  ] as const) {
    if (!(delayMs >= 0 && delayMs <= FAULT_DELAY_MS_MAX)) {
      throw new RangeError(`a link's ${name} is 0 to ${FAULT_DELAY_MS_MAX} ms, not ${delayMs}`);
    }
  }
  if (!(lossShare >= 0 && lossShare <= 1)) {
    throw new RangeError(`a link's loss is a share from 0 to 1, not ${lossShare}`);
  }
}

/** The condition that connections feel. */
export function conditionWith(latency: LinkLatency, fault: LinkFault): LinkCondition {
  return {
    isCut: fault.isCut,
    delayMs: latency.delayMs + fault.latencyMs,
    jitterMs: latency.jitterMs,
    spreadMs: fault.jitterMs,
  };
}

/** How long a chunk is held. @param fractions two numbers in [0, 1). */
export function heldMs(condition: LinkCondition, fractions: readonly [number, number]): number {
  const { delayMs, jitterMs, spreadMs } = condition;
  return Math.max(0, delayMs + fractions[0] * jitterMs + (2 * fractions[1] - 1) * spreadMs);
}

/** The longest that a chunk is held. */
export function heldMsMax({ delayMs, jitterMs, spreadMs }: LinkCondition): number {
  return delayMs + jitterMs + spreadMs;
}
