/** How a request on records ended, in a word: what operators count users' luck by. */

/** A write that the region takes alone, one that the log decides, a read. */
export const ASKED_KINDS = ["local", "decided", "read"] as const;
export type AskedKind = (typeof ASKED_KINDS)[number];

/**
 * - rejected: the request itself is at fault, or the log has decided against it.
 * - refused: nothing has happened, and the same request may succeed later.
 * - unknown: it may have taken effect.
 * - failed: a bug of the server.
 */
export type RequestOutcome = "ok" | "accepted" | "committed" | "rejected" | "refused" | "unknown" | "failed";

/** What a request of each kind can come to. */
export const OUTCOMES_OF: { readonly [Kind in AskedKind]: readonly RequestOutcome[] } = {
  local: ["accepted", "committed", "rejected", "refused", "unknown", "failed"],
  decided: ["committed", "rejected", "refused", "unknown", "failed"],
  read: ["ok", "rejected", "refused", "unknown", "failed"],
};

/** @param status of the HTTP answer. */
export function outcomeOf(kind: AskedKind, status: number): RequestOutcome {
  if (status === 429 || status === 503) return "refused";
  if (status === 504) return "unknown";
  if (status >= 500) return "failed";
  // A read that finds nothing there was answered.
  if (kind === "read" && (status < 400 || status === 404 || status === 410)) return "ok";
  if (status >= 400) return "rejected";
  return status === 202 ? "accepted" : "committed";
}
