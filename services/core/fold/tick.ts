/** Folding a tick: where a region is, and from when on nothing older can come from it. */
import type { TickEntry } from "../entry.ts";
import type { OriginState, OriginTick } from "./state.ts";
import { setOrigin, type FoldWork } from "./work.ts";

/** Ticks come every second. Between two that are further apart the region, or the log, was away. */
export const TICK_GAP_MS_MAX = 5_000;

export function foldTick(work: FoldWork, entry: TickEntry): void {
  const origin = work.state.origins[entry.origin]!;
  const { walHead, appliedPosition, hlc, software, reads } = entry;
  const { logTimeMs } = work.state;
  const steadySinceMs = steadySince(origin.tick, logTimeMs);
  const advancedAtMs = advancedAt(origin.tick, { appliedPosition, logTimeMs });
  const tick = { walHead, appliedPosition, hlc, software, reads, logTimeMs, steadySinceMs, advancedAtMs };
  // The older promise is kept until it matures; always taking the newest would never mature under load.
  const promise = origin.promise ?? { walHead, hlc };
  setOrigin(work, entry.origin, keepPromise({ ...origin, tick, promise }));
}

function steadySince(last: OriginTick | null, logTimeMs: number): number {
  if (last === null || logTimeMs - last.logTimeMs > TICK_GAP_MS_MAX) return logTimeMs;
  return last.steadySinceMs ?? logTimeMs;
}

function advancedAt(last: OriginTick | null, now: Pick<OriginTick, "appliedPosition" | "logTimeMs">): number {
  if (last === null || now.appliedPosition > last.appliedPosition) return now.logTimeMs;
  return last.advancedAtMs ?? last.logTimeMs;
}

/** Once everything up to the promised WAL head is folded, the promised stamp holds. */
export function keepPromise(origin: OriginState): OriginState {
  const { promise } = origin;
  if (promise === null || origin.watermark < promise.walHead) return origin;
  return { ...origin, promise: null, hlc: promise.hlc > origin.hlc ? promise.hlc : origin.hlc };
}
