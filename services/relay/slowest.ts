/** How far the slowest region is, by the ticks that this one has folded. */
import type { FoldNews } from "../runtime/fold-feed.ts";

export type FoldPlace = Pick<FoldNews, "position" | "logTimeMs" | "origins">;

/** Of log time, since a region's last tick. */
const HEARD_WITHIN_MS = 3_000;
/** Some ten seconds of a backlog. */
const CATCHING_UP_ENTRIES = 4_096;

/** Nobody slows down for a region that is silent, or that has to catch up with a longer past. */
export function slowestPosition({ position, logTimeMs, origins }: FoldPlace): number {
  let slowest = position;
  for (const { tick } of Object.values(origins)) {
    const isHeard = tick !== null && logTimeMs - tick.logTimeMs <= HEARD_WITHIN_MS;
    if (!isHeard || position - tick.appliedPosition > CATCHING_UP_ENTRIES) continue;
    slowest = Math.min(slowest, tick.appliedPosition);
  }
  return slowest;
}
