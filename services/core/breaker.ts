/**
 * A circuit breaker (Nygard, "Release It!", 2007) whose patience follows what it guards: what takes much longer than the
 * slowest hundredth of late is taken for lost.
 *
 *             failed, or slow                   pause over
 *   closed ──────────────────────▶ open ─────────────────────▶ half-open
 *      ▲                             ▲                             │
 *      │                             └───────── failed ◀───────────┤
 *      └───────────────────── acknowledged ◀───────────────────────┘
 */
import { unreachable } from "./assert.ts";

export type BreakerPhase = "closed" | "open" | "half-open";

/** refused: there was nobody to take it. timed-out: no answer came. slow: no answer has come yet. */
export type BreakerReason = "refused" | "timed-out" | "slow";

export interface BreakerState {
  readonly phase: BreakerPhase;
  /** Why it opened; undefined while it is closed. */
  readonly reason: BreakerReason | undefined;
  /** When it opened, or closed again. */
  readonly sinceMs: number;
  /** Probes that failed since it opened. */
  readonly failedProbes: number;
  /** What has no answer after this long opens it. */
  readonly slowAfterMs: number;
  /** How long the last acknowledged ones took. */
  readonly durationsMs: readonly number[];
}

/** All times are of one monotonic clock. */
export type BreakerEvent =
  | { readonly type: "acknowledged"; readonly nowMs: number; readonly durationMs: number }
  /** Of one sent at `sentAtMs`: of what was sent before the breaker last changed, it says nothing new. */
  | {
      readonly type: "failed";
      readonly nowMs: number;
      readonly sentAtMs: number;
      readonly reason: BreakerReason;
    }
  /** The pause is over: one probe is sent. */
  | { readonly type: "probing" }
  | { readonly type: "probe-failed"; readonly reason: BreakerReason };

export const WINDOW_SAMPLES = 256;
/** Before that many are known, a percentile of them means little. */
const SAMPLES_MIN = 20;
const PERCENTILE = 0.99;
const MULTIPLIER = 4;
/** A link that loses a packet makes one publish wait for some hundred milliseconds; that alone is no reason to refuse. */
export const SLOW_AFTER_MS_MIN = 1_000;
/** Elections take 4 s and longer: waiting for longer would find out nothing. */
export const SLOW_AFTER_MS_MAX = 4_000;
const SLOW_AFTER_MS_FIRST = 2_000;

export function startBreaker(nowMs: number): BreakerState {
  return {
    phase: "closed",
    reason: undefined,
    sinceMs: nowMs,
    failedProbes: 0,
    slowAfterMs: SLOW_AFTER_MS_FIRST,
    durationsMs: [],
  };
}

export function stepBreaker(state: BreakerState, event: BreakerEvent): BreakerState {
  switch (event.type) {
    case "acknowledged":
      return close(measure(state, event.durationMs), event.nowMs);
    case "failed":
      return state.phase === "closed" && event.sentAtMs >= state.sinceMs ? open(state, event) : state;
    case "probing":
      return state.phase === "open" ? { ...state, phase: "half-open" } : state;
    case "probe-failed":
      if (state.phase === "closed") return state;
      return { ...state, phase: "open", reason: event.reason, failedProbes: state.failedProbes + 1 };
    default:
      return unreachable(event);
  }
}

/** Whatever was acknowledged, probe or not, shows that the log takes entries. */
function close(state: BreakerState, nowMs: number): BreakerState {
  if (state.phase === "closed") return state;
  return { ...state, phase: "closed", reason: undefined, sinceMs: nowMs, failedProbes: 0 };
}

function open(state: BreakerState, event: { nowMs: number; reason: BreakerReason }): BreakerState {
  return { ...state, phase: "open", reason: event.reason, sinceMs: event.nowMs };
}

function measure(state: BreakerState, durationMs: number): BreakerState {
  const durationsMs = [...state.durationsMs.slice(1 - WINDOW_SAMPLES), durationMs];
  return { ...state, durationsMs, slowAfterMs: patienceMs(durationsMs) };
}

function patienceMs(durationsMs: readonly number[]): number {
  if (durationsMs.length < SAMPLES_MIN) return SLOW_AFTER_MS_FIRST;
  const patience = MULTIPLIER * percentile(durationsMs);
  return Math.min(SLOW_AFTER_MS_MAX, Math.max(SLOW_AFTER_MS_MIN, patience));
}

/** The nearest rank: of 256 the third largest. Cheaper than sorting, as few are larger. */
function percentile(values: readonly number[]): number {
  const rank = values.length - Math.ceil(values.length * PERCENTILE);
  const largest: number[] = [];
  for (const value of values) {
    if (largest.length > rank && value <= largest[rank]!) continue;
    const place = largest.findIndex((other) => other < value);
    largest.splice(place === -1 ? largest.length : place, 0, value);
    largest.length = Math.min(largest.length, rank + 1);
  }
  return largest[rank]!;
}
