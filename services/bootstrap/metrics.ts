/** What loading another region's state reports of itself. */
import type { BootstrapStage } from "../ports/bootstraps.ts";

export interface BootstrapMetrics {
  /** Undefined while none is under way here. */
  stage(partition: number, stage: BootstrapStage | undefined): void;
  loaded(partition: number, page: { readonly rows: number; readonly bytes: number }): void;
  secondsLeft(partition: number, seconds: number | undefined): void;
  ended(partition: number, outcome: "verified" | "source-lost"): void;
}
