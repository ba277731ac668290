/** How many retries all requests of a client may make together, as a bucket of tokens: when many fail, they must not become many more. */

export interface Budget {
  /** Below zero: so many are waiting for theirs. */
  readonly tokens: number;
  readonly atMs: number;
}

export interface BudgetLimits {
  /** Retries at once. */
  readonly retriesMax: number;
  /** On the whole. */
  readonly retriesPerSecond: number;
}

export const BUDGET_DEFAULT: BudgetLimits = { retriesMax: 128, retriesPerSecond: 20 };

export function startBudget({ retriesMax }: BudgetLimits, nowMs: number): Budget {
  return { tokens: retriesMax, atMs: nowMs };
}

/**
 * One more retry, at once or later.
 * @param leftMs until when it has to be: where it can't, nothing is taken.
 * @returns how long it has to wait; undefined where that is too long.
 */
export function takeRetry(
  budget: Budget,
  {
    limits,
    nowMs,
    leftMs,
  }: { readonly limits: BudgetLimits; readonly nowMs: number; readonly leftMs: number },
): { readonly budget: Budget; readonly waitMs: number | undefined } {
  const refilled = ((nowMs - budget.atMs) / 1_000) * limits.retriesPerSecond;
  const tokens = Math.min(limits.retriesMax, budget.tokens + refilled);
  const waitMs = Math.max(0, (1 - tokens) / limits.retriesPerSecond) * 1_000;
  if (waitMs >= leftMs) return { budget: { tokens, atMs: nowMs }, waitMs: undefined };
  return { budget: { tokens: tokens - 1, atMs: nowMs }, waitMs };
}
