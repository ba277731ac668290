/** What the gateway reports of itself. */
import type { PublishOutcome } from "../runtime/log-breaker.ts";

export interface GatewayMetrics {
  flushed(flush: { operations: number; durationMs: number }): void;
  /** A publish of proposals has ended; every outcome is one of these. */
  proposed(publish: { proposals: number; durationMs: number; outcome: PublishOutcome }): void;
  /** Another region was asked for rights to an escrow. */
  rightsAsked(request: { answer: "granted" | "refused" | "unavailable" | "unknown" }): void;
  /** Another region has asked; 0 is nothing. */
  rightsAnswered(answer: { granted: number }): void;
  /** The region takes no new writes, or does. */
  draining(isDraining: boolean): void;
}
