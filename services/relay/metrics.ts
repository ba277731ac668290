/** What the relay reports of itself. */
import type { PublishOutcome } from "../runtime/log-breaker.ts";
import type { RelayState } from "./step.ts";

/** duplicate: acknowledged, and the log had all of it before. */
export type BatchOutcome = PublishOutcome | "duplicate";

export interface RelayMetrics {
  observe(state: RelayState): void;
  published(publish: { outcome: BatchOutcome; durationMs: number; bytes: number }): void;
}
