/**
 * What is known of a region, and which one gets the next request. Pure.
 *
 *             broken twice, refused the connection, or out of service       the pause is over, and a probe finds it
 *   at home ─────────────────────────────────────────────────────────▶ away ──── ready, and not behind the session ───▶ at home
 *
 * A region that is away gets requests only where no other is at home. Requests never probe: looks do, beside them.
 */
import type { Problem } from "../errors.ts";
import type { ProblemCode } from "../../protocol/http/problems.ts";

export interface RegionState {
  readonly name: string;
  /** Smoothed round trip of probes; undefined until one was answered. */
  readonly roundTripMs: number | undefined;
  /** Requests in a row that nobody answered. */
  readonly silences: number;
  readonly isAway: boolean;
  /** How often in a row it was found away. */
  readonly absences: number;
  /** When to look at it next. */
  readonly lookAtMs: number;
}

export type RegionEvent =
  | { readonly type: "answered" }
  | { readonly type: "silent"; readonly isSent: boolean }
  | { readonly type: "refused"; readonly problem: Problem; readonly retryAfterMs: number | undefined }
  /** A look has found it ready, and not behind. */
  | { readonly type: "found"; readonly roundTripMs: number }
  /** A look has found it not ready, silent, or behind the session. */
  | { readonly type: "missed" };

const SMOOTHING = 0.3;
const SILENCES_MAX = 2;
const PAUSE_MS_BASE = 500;
const PAUSE_MS_MAX = 30_000;
/** How often a region is looked at that is at home. */
export const LOOK_EVERY_MS = 30_000;
/** The current region stays unless another one is better by so much. */
const BETTER_SHARE = 0.8;
const BETTER_MS = 5;

/** The region as such is out of service, for everybody. */
const OUT_OF_SERVICE: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  "draining",
  "clock-skew",
  "bootstrapping",
  "rejoining",
  "not-a-member",
  "starting",
  "store-unavailable",
  "memory-short",
  "session-behind",
]);

export function startRegion(name: string): RegionState {
  return { name, roundTripMs: undefined, silences: 0, isAway: false, absences: 0, lookAtMs: -Infinity };
}

/** @param fraction uniform in [0, 1): looks of many clients must not come together. */
export function stepRegion(
  state: RegionState,
  event: RegionEvent,
  { nowMs, fraction }: { readonly nowMs: number; readonly fraction: number },
): RegionState {
  switch (event.type) {
    case "answered":
      return state.silences === 0 ? state : { ...state, silences: 0 };
    case "found": {
      const { roundTripMs: before = event.roundTripMs } = state;
      const roundTripMs = before + SMOOTHING * (event.roundTripMs - before);
      const lookAtMs = nowMs + LOOK_EVERY_MS * (0.5 + fraction / 2);
      return { ...state, roundTripMs, silences: 0, isAway: false, absences: 0, lookAtMs };
    }
    case "silent": {
      const silences = state.silences + 1;
      // One broken connection says little: a look will say more.
      if (event.isSent && silences < SILENCES_MAX) return { ...state, silences, lookAtMs: nowMs };
      return state.isAway ? state : goAway({ ...state, silences }, nowMs, fraction);
    }
    case "refused": {
      const heard = { ...state, silences: 0 };
      if (!OUT_OF_SERVICE.has(event.problem.code as ProblemCode) || state.isAway) return heard;
      const away = goAway(heard, nowMs, fraction);
      return { ...away, lookAtMs: Math.max(away.lookAtMs, nowMs + (event.retryAfterMs ?? 0)) };
    }
    case "missed":
      return goAway(state, nowMs, fraction);
  }
}

function goAway(state: RegionState, nowMs: number, fraction: number): RegionState {
  const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_BASE * 2 ** Math.min(state.absences, 10));
  const lookAtMs = nowMs + pauseMs * (0.5 + fraction / 2);
  return { ...state, isAway: true, absences: state.absences + 1, lookAtMs };
}

/**
 * @param states in the order that the app has named them.
 * @param current where the last request went.
 * @param tried in this round: others first.
 */
export function chooseRegion(
  states: readonly RegionState[],
  { current, tried }: { readonly current: string | undefined; readonly tried: readonly string[] },
): string {
  const fresh = states.filter(({ name }) => !tried.includes(name));
  const open = fresh.length === 0 ? states : fresh;
  const home = open.filter(({ isAway }) => !isAway);
  // Where all are away, the one that was found away least often in a row.
  const absencesMin = Math.min(...open.map(({ absences }) => absences));
  const candidates = home.length > 0 ? home : open.filter(({ absences }) => absences === absencesMin);
  const nearest = candidates.reduce((best, state) => (distance(state) < distance(best) ? state : best));
  const held = candidates.find(({ name }) => name === current);
  return held !== undefined && !isClearlyNearer(nearest, held) ? held.name : nearest.name;
}

function distance({ roundTripMs = Infinity }: RegionState): number {
  return roundTripMs;
}

function isClearlyNearer(one: RegionState, other: RegionState): boolean {
  return (
    distance(one) < BETTER_SHARE * distance(other) - Number.EPSILON &&
    distance(one) <= distance(other) - BETTER_MS
  );
}
