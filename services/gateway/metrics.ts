/** What the gateway reports of itself. */

export interface GatewayMetrics {
  flushed(flush: { operations: number; durationMs: number }): void;
}
