/** What placement reports of itself. */
import type { MoveReason, StayReason } from "../core/placement/decide.ts";
import type { Ranked } from "../core/placement/quorum.ts";

export interface PlacementMetrics {
  /** This region has looked, and decided so. */
  looked(look: { partition: number; decision: MoveReason | StayReason }): void;
  /** This region has asked for leadership. */
  moved(move: { partition: number; reason: MoveReason; outcome: "moved" | "elsewhere" | "failed" }): void;
  ranked(partition: number, ranking: readonly Ranked[]): void;
}
