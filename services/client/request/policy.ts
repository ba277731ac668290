/**
 * What to do after each try of a request that was not answered as it should be. Pure.
 *
 *   refused, for good ─────────────────────────────────────▶ throw
 *   refused for now, or silent ─▶ retry, while there is time; then throw
 *
 * A change is in doubt from the first try on that may have taken effect. All tries have one Idempotency-Key, so another one
 * is safe; but what another region refuses says nothing of the first try any more: then only an answer ends the doubt, or
 * a decision of the log.
 */
import type { Problem } from "../errors.ts";
import type { ProblemCode } from "../../protocol/http/problems.ts";
import type { Outcome } from "./attempt.ts";

export interface Chase {
  readonly tries: number;
  readonly isInDoubt: boolean;
  /** Where the first try was made that may have taken effect. */
  readonly doubtIn: string | undefined;
  readonly operation: string | undefined;
  readonly expiresAtMs: number | undefined;
  /** Regions tried since the last pause. */
  readonly tried: readonly string[];
  readonly hasNewToken: boolean;
}

export const NEW_CHASE: Chase = {
  tries: 0,
  isInDoubt: false,
  doubtIn: undefined,
  operation: undefined,
  expiresAtMs: undefined,
  tried: [],
  hasNewToken: false,
};

export interface TryContext {
  readonly isChange: boolean;
  /** From an escrow: each region has rights of its own, so an unclear try is repeated where it was made. */
  readonly isTake: boolean;
  readonly region: string;
  readonly regions: number;
  readonly canRenewToken: boolean;
  readonly leftMs: number;
  /** Uniform in [0, 1). */
  readonly fraction: number;
}

export type Decision =
  | { readonly next: "throw" }
  | {
      readonly next: "retry";
      readonly delayMs: number;
      readonly stay: boolean;
      readonly renewToken: boolean;
    };

type Failed = Exclude<Outcome, { type: "answered" }>;

export interface Judged {
  readonly chase: Chase;
  readonly decision: Decision;
}

const BACKOFF_MS_BASE = 50;
const BACKOFF_MS_MAX = 2_000;
/** Tries of a take in the same region while it is silent. */
const TAKE_STAYS_TRIES = 3;
/** Another region would not help: the first has no time for it, or has just gone to get what it lacks. */
const STAY: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  "overloaded",
  "insufficient",
  "request-timeout",
]);

const THROW: Decision = { next: "throw" };

export function judgeTry(before: Chase, outcome: Failed, context: TryContext): Judged {
  const chase = learn(before, outcome, context);
  if (outcome.type === "refused") {
    if (outcome.problem.status === 401 && context.canRenewToken && !before.hasNewToken) {
      const renewed = { ...chase, hasNewToken: true, tried: before.tried };
      return { chase: renewed, decision: { next: "retry", delayMs: 0, stay: true, renewToken: true } };
    }
    if (!isWorthRetrying(outcome, chase)) return { chase, decision: THROW };
  }
  return retry(chase, outcome, context);
}

/** The log has decided on the operation: it stays so. */
export function isFinal({ position, code }: Problem): boolean {
  return position !== undefined || code === "idempotency-key-reused";
}

function learn(chase: Chase, outcome: Failed, context: TryContext): Chase {
  const tried = [...chase.tried, context.region];
  const next = { ...chase, tries: chase.tries + 1, tried };
  if (outcome.type === "silent") {
    return { ...next, ...doubtOf(chase, context, chase.isInDoubt || (context.isChange && outcome.isSent)) };
  }
  const { problem } = outcome;
  const isInDoubt = (chase.isInDoubt && !isFinal(problem)) || (context.isChange && problem.retry === "ask");
  const expiresAtMs = Math.max(chase.expiresAtMs ?? 0, problem.expires_at_ms ?? 0);
  return {
    ...next,
    ...doubtOf(chase, context, isInDoubt),
    operation: problem.operation ?? chase.operation,
    expiresAtMs: expiresAtMs === 0 ? undefined : expiresAtMs,
  };
}

function doubtOf({ doubtIn }: Chase, { region }: TryContext, isInDoubt: boolean) {
  return { isInDoubt, doubtIn: doubtIn ?? (isInDoubt ? region : undefined) };
}

function isWorthRetrying(outcome: Extract<Outcome, { type: "refused" }>, chase: Chase): boolean {
  const { problem, retryAfterMs } = outcome;
  if (problem.retry === "never" || isFinal(problem)) return false;
  if (problem.code !== "insufficient" || retryAfterMs !== undefined || chase.isInDoubt) return true;
  // Nobody has what is lacking, as far as the region knows; what was given elsewhere a moment ago may just arrive.
  return chase.tries === 1;
}

function retry(chase: Chase, outcome: Failed, context: TryContext): Judged {
  const { regions, leftMs, fraction } = context;
  const stay = regions === 1 || staysFor(chase, outcome, context);
  if (!stay && new Set(chase.tried).size < regions) {
    // Somebody else may know, or be able to: at once, but not all requests in the same moment.
    return decided(chase, { delayMs: fraction * BACKOFF_MS_BASE, stay: false, leftMs });
  }
  const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_BASE * 2 ** Math.min(chase.tries, 10));
  const asked = outcome.type === "refused" ? (outcome.retryAfterMs ?? 0) : 0;
  const jittered = Math.max(fraction * ceiling, asked * (1 + fraction / 4));
  return decided({ ...chase, tried: [] }, { delayMs: jittered, stay, leftMs });
}

function staysFor(chase: Chase, outcome: Failed, { isTake }: TryContext): boolean {
  if (outcome.type === "refused") return STAY.has(outcome.problem.code as ProblemCode);
  return isTake && outcome.isSent && chase.tries < TAKE_STAYS_TRIES;
}

function decided(
  chase: Chase,
  { delayMs, stay, leftMs }: { readonly delayMs: number; readonly stay: boolean; readonly leftMs: number },
): Judged {
  if (delayMs >= leftMs) return { chase, decision: THROW };
  return { chase, decision: { next: "retry", delayMs, stay, renewToken: false } };
}
