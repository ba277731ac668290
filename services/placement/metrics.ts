/** What placement reports of itself. */
import type { MoveReason, StayReason } from "../core/placement/decide.ts";
import type { Ranked } from "../core/placement/quorum.ts";
import type { Leadership } from "../ports/global-log.ts";

/** What a look has seen of a partition's log; undefined is what could not be asked. */
export interface LogLook {
  readonly leadership: Leadership | undefined;
  readonly lastPosition: number | undefined;
}

export interface PlacementMetrics {
  /** The log, as it was seen at a look. */
  sawLog(partition: number, look: LogLook): void;
  /** By region: what this region's own server has measured. */
  sawRoutes(roundTripsMs: { readonly [region: string]: number }): void;
  /** This process does not look any more. */
  left(partition: number): void;
  /** This region has looked, and decided so. */
  looked(look: { partition: number; decision: MoveReason | StayReason }): void;
  /** This region has asked for leadership. */
  moved(move: { partition: number; reason: MoveReason; outcome: "moved" | "elsewhere" | "failed" }): void;
  ranked(partition: number, ranking: readonly Ranked[]): void;
}
