/** What placement reports of itself. */
import type { MoveReason } from "../core/placement/decide.ts";
import type { Ranked } from "../core/placement/quorum.ts";

export interface PlacementMetrics {
  /** This region has asked for leadership. */
  moved(move: { partition: number; reason: MoveReason; outcome: "moved" | "elsewhere" | "failed" }): void;
  ranked(partition: number, ranking: readonly Ranked[]): void;
}
