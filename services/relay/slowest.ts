/** How far the slowest region is, by the ticks that this one has folded. */
import type { FoldNews } from "../runtime/fold-feed.ts";

export type FoldPlace = Pick<FoldNews, "position" | "logTimeMs" | "origins">;

/** Of log time, since a region's last tick. */
const HEARD_WITHIN_MS = 3_000;
/** Of log time, since a region's ticks last told of another position: it may tick, and not fold at all. */
const MOVED_WITHIN_MS = 5_000;
/** Some ten seconds of a backlog, where it goes out unhindered. */
const CATCHING_UP_ENTRIES = 4_096;

export class SlowestRegion {
  /** By region: where its ticks say that it is, and since when. */
  readonly #places = new Map<string, { readonly position: number; readonly sinceMs: number }>();

  /** Nobody slows down for a region that is silent or stands still, or that has to catch up with a longer past. */
  position({ position, logTimeMs, origins }: FoldPlace): number {
    let slowest = position;
    for (const [region, { tick }] of Object.entries(origins)) {
      if (tick === null || logTimeMs - tick.logTimeMs > HEARD_WITHIN_MS) continue;
      const isMoving = this.#isMoving(region, tick);
      if (!isMoving || position - tick.appliedPosition > CATCHING_UP_ENTRIES) continue;
      slowest = Math.min(slowest, tick.appliedPosition);
    }
    return slowest;
  }

  #isMoving(region: string, tick: { readonly appliedPosition: number; readonly logTimeMs: number }): boolean {
    const known = this.#places.get(region);
    if (known?.position === tick.appliedPosition) return tick.logTimeMs - known.sinceMs <= MOVED_WITHIN_MS;
    this.#places.set(region, { position: tick.appliedPosition, sinceMs: tick.logTimeMs });
    return true;
  }
}
