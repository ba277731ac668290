/** How often somebody may: a token bucket (Turner, "New directions in communications", 1986), as a pure step. */

export interface Rate {
  readonly perSecond: number;
  /** How many may come at once after a quiet time. */
  readonly burst: number;
}

export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export interface Taken {
  readonly bucket: Bucket;
  /** Undefined where there was a token; else when there will be one. */
  readonly retryAfterMs: number | undefined;
}

/** Sums of fractions come to a little less than the token that was promised. */
const WHOLE = 1 - 1e-9;

/** @param bucket undefined of who has not come before: then it is full. */
export function takeToken(rate: Rate, bucket: Bucket | undefined, nowMs: number): Taken {
  const { tokens } = refilled(rate, bucket, nowMs);
  if (tokens >= WHOLE) {
    return { bucket: { tokens: Math.max(0, tokens - 1), atMs: nowMs }, retryAfterMs: undefined };
  }
  return {
    bucket: { tokens, atMs: nowMs },
    retryAfterMs: Math.ceil(((1 - tokens) / rate.perSecond) * 1_000),
  };
}

/** Takes tokens for what was let in and turns out to be more: where there are too few, whoever took them waits longer for the next. */
export function spendTokens(rate: Rate, bucket: Bucket | undefined, spent: { count: number; nowMs: number }) {
  const { tokens } = refilled(rate, bucket, spent.nowMs);
  return { tokens: tokens - spent.count, atMs: spent.nowMs } satisfies Bucket;
}

function refilled({ perSecond, burst }: Rate, bucket: Bucket | undefined, nowMs: number): Bucket {
  if (bucket === undefined) return { tokens: burst, atMs: nowMs };
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  return { tokens: Math.min(burst, bucket.tokens + (elapsedMs * perSecond) / 1_000), atMs: nowMs };
}
