/** What the relay reports of itself. */
import type { RelayState } from "./step.ts";

export type PublishOutcome = "acknowledged" | "refused" | "unknown";

export interface RelayMetrics {
  observe(state: RelayState): void;
  published(publish: { outcome: PublishOutcome; durationMs: number; bytes: number }): void;
}
