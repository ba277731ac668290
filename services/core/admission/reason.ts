/** Why load is refused, and when it is worth coming back. */

export const REFUSAL_REASONS = [
  "requests-in-flight",
  "event-loop-delay",
  "tenant-share",
  "tenant-rate",
  "requests-waiting",
  "memory",
  "wal-rows",
  "wal-bytes",
  "wal-age",
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;
/** Where nothing moves, nobody can say when it will. */
const RETRY_MS_STALLED = 5_000;

/**
 * When what is too much now will have gone at the pace of late, spread over as long again, so that those who were
 * refused together don't return together.
 * @param fraction random, in [0, 1).
 * @returns milliseconds.
 */
export function retryAfterMs(options: { excess: number; perSecond: number; fraction: number }): number {
  const { excess, perSecond, fraction } = options;
  const waitMs = perSecond > 0 ? (excess / perSecond) * 1_000 : RETRY_MS_STALLED;
  const atLeastMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, waitMs));
  return Math.ceil(atLeastMs * (1 + fraction));
}
