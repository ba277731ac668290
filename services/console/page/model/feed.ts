/**
 * The page's connection to its region, as a step function: what is known, how old it is, and when to try again.
 *
 *   connecting ─ opened, view ─▶ live ─ closed ─▶ waiting ─ retry ─▶ connecting
 *                                 └─ nothing for long ─▶ waiting
 */
import type { ClusterView } from "../../../protocol/cluster/view.ts";
import { outcomeSample, type OutcomeSample } from "./rates.ts";

export interface FeedState {
  readonly connection: "connecting" | "live" | "waiting";
  /** Since when it is so, on the page's own clock. */
  readonly sinceMs: number;
  /** The region wants another key. */
  readonly isRefused: boolean;
  /** Tries without a view in between. */
  readonly attempts: number;
  readonly retryAtMs: number | undefined;
  readonly view: ClusterView | undefined;
  readonly receivedAtMs: number | undefined;
  /** The last ones, oldest first: rates are made of them. */
  readonly samples: readonly OutcomeSample[];
}

export type FeedEvent =
  | { readonly type: "view"; readonly view: ClusterView }
  /** `chance` from 0 to 1 spreads the pages that a region has lost at once. */
  | { readonly type: "closed"; readonly chance: number }
  | { readonly type: "refused" }
  | { readonly type: "retry" };

/** The feed sends every second: after so long without it, it is taken for dead. */
export const SILENT_MS_MAX = 5_000;
const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 10_000;
const SAMPLES_MAX = 16;

export function initialFeed(nowMs: number): FeedState {
  return {
    connection: "connecting",
    sinceMs: nowMs,
    isRefused: false,
    attempts: 0,
    retryAtMs: undefined,
    view: undefined,
    receivedAtMs: undefined,
    samples: [],
  };
}

export function stepFeed(state: FeedState, event: FeedEvent, nowMs: number): FeedState {
  switch (event.type) {
    case "view":
      return {
        connection: "live",
        sinceMs: state.connection === "live" ? state.sinceMs : nowMs,
        isRefused: false,
        attempts: 0,
        retryAtMs: undefined,
        view: event.view,
        receivedAtMs: nowMs,
        samples: [...samplesBefore(state, event.view), outcomeSample(event.view)].slice(-SAMPLES_MAX),
      };
    case "closed": {
      const attempts = state.attempts + 1;
      const sinceMs = state.connection === "live" ? nowMs : state.sinceMs;
      const retryAtMs = nowMs + retryDelayMs(attempts, event.chance);
      return { ...state, connection: "waiting", sinceMs, attempts, retryAtMs };
    }
    case "refused":
      return { ...state, isRefused: true };
    case "retry":
      return { ...state, connection: "connecting", retryAtMs: undefined };
    default:
      return event satisfies never;
  }
}

/** Another process, behind the same address, counts from elsewhere. */
function samplesBefore({ view, samples }: FeedState, next: ClusterView): readonly OutcomeSample[] {
  return view?.viewer.process === next.viewer.process ? samples : [];
}

/** Half to all of twice as long each time. */
export function retryDelayMs(attempts: number, chance: number): number {
  const fullMs = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(attempts - 1, 16));
  return fullMs * (0.5 + chance / 2);
}

/** How old the newest view is, by the page's clock; undefined where there is none. */
export function viewAgeMs(state: FeedState, nowMs: number): number | undefined {
  return state.receivedAtMs === undefined ? undefined : Math.max(0, nowMs - state.receivedAtMs);
}

/** The viewer's wall clock now: that of the newest view, and what has passed since. */
export function wallTimeMs(state: FeedState, nowMs: number): number | undefined {
  const ageMs = viewAgeMs(state, nowMs);
  return state.view === undefined || ageMs === undefined ? undefined : state.view.viewer.at + ageMs;
}
