/** What the feed reports of itself. */

export const FEED_CLOSE_REASONS = [
  "client",
  "stopping",
  "too-many",
  "malformed-frame",
  "slow-consumer",
  "dead",
  "refused",
  "unauthenticated",
] as const;
export type FeedCloseReason = (typeof FEED_CLOSE_REASONS)[number];

export interface FeedMetrics {
  /** How many there are now. */
  subscribed(subscriptions: number): void;
  connected(connections: number): void;
  closed(reason: FeedCloseReason): void;
  sent(frame: { bytes: number }): void;
  /** A pending change was told, so long after it was accepted. */
  delivered(change: { afterMs: number }): void;
  /** A subscription does not keep up: it goes on from the database. */
  fellBehind(): void;
}
