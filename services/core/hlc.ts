/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014): 48 bits of milliseconds, 16 bits of counter.
 *
 * A stamp is written as 16 hexadecimal digits, so that comparing strings compares stamps and JSON carries it unchanged.
 */

declare const brand: unique symbol;

/** A stamp of the hybrid logical clock: 16 lower-case hexadecimal digits. */
export type Hlc = string & { readonly [brand]: "Hlc" };

export const ZERO_HLC = "0000000000000000" as Hlc;

/** A stamp further ahead of the local clock than this is counted and never absorbed. */
export const MAX_OFFSET_MS = 500;

const HLC_PATTERN = /^[0-9a-f]{16}$/;
const COUNTER_BITS = 16n;

export function isHlc(text: string): text is Hlc {
  return HLC_PATTERN.test(text);
}

/** @param value milliseconds << 16 | counter, as a store keeps it in a 64-bit integer. */
export function hlcFromInteger(value: bigint): Hlc {
  return value.toString(16).padStart(16, "0") as Hlc;
}

export function hlcToInteger(hlc: Hlc): bigint {
  return BigInt(`0x${hlc}`);
}

export function hlcFromMilliseconds(milliseconds: number): Hlc {
  return hlcFromInteger(BigInt(milliseconds) << COUNTER_BITS);
}

export function hlcMilliseconds(hlc: Hlc): number {
  return Number.parseInt(hlc.slice(0, 12), 16);
}

/** The stamp `count` steps later; the counter carries into the milliseconds. */
export function advanceHlc(hlc: Hlc, count: number): Hlc {
  return hlcFromInteger(hlcToInteger(hlc) + BigInt(count));
}

export function maxHlc(one: Hlc, other: Hlc): Hlc {
  return one > other ? one : other;
}

/** True when a stamp is too far ahead of the local clock to be absorbed. */
export function isBeyondOffset(hlc: Hlc, nowMs: number): boolean {
  return hlcMilliseconds(hlc) > nowMs + MAX_OFFSET_MS;
}

/**
 * The first of the next stamps to hand out: after everything issued before, after every stamp observed that is
 * within the allowed offset, and not behind the local clock, as far as that is right.
 * @param input.nowMsMax what is later is not the local clock's right time.
 */
export function nextHlc(input: {
  nowMs: number;
  nowMsMax?: number;
  lastIssued: Hlc;
  observed: readonly Hlc[];
}): Hlc {
  const nowMs = Math.min(input.nowMs, input.nowMsMax ?? input.nowMs);
  let next = maxHlc(hlcFromMilliseconds(nowMs), advanceHlc(input.lastIssued, 1));
  for (const stamp of input.observed) {
    if (!isBeyondOffset(stamp, nowMs)) next = maxHlc(next, advanceHlc(stamp, 1));
  }
  return next;
}

/** What lww writes are ordered by: the stamp, and the region where two stamps are equal. */
export interface Stamp {
  readonly hlc: Hlc;
  readonly origin: string;
}

/** Negative, zero or positive as `one` is older than, the same as or newer than `other`. */
export function compareStamps(one: Stamp, other: Stamp): number {
  if (one.hlc !== other.hlc) return one.hlc < other.hlc ? -1 : 1;
  if (one.origin === other.origin) return 0;
  return one.origin < other.origin ? -1 : 1;
}
