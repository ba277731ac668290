/** Tells what a failed statement has left behind: nothing, or perhaps a commit; or that it is our bug. */
import pg from "pg";
import { StoreUnavailableError } from "../../ports/region-store.ts";

/** How far a statement had got when it failed. */
export type Phase = "connecting" | "reading" | "writing";

/**
 * Classes of SQLSTATE that another try won't cure: the statement or its data is wrong, and that is a bug of ours.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const BUG_CLASSES = new Set(["0A", "20", "21", "22", "23", "24", "25", "34", "42", "44", "54", "P0"]);
/** Exceptions to the classes: a standby that was asked to write, and a plan made before a migration. */
const PASSING_STATES = new Set(["25006", "25P03", "0A000"]);

/** What a server, or a proxy before it, says when it does not know itself whether it has committed. */
const DOUBTFUL_STATES = new Set(["40003"]);
const DOUBTFUL_CLASS = "08";

/** The driver says these before it has sent anything. */
const UNSENT_MESSAGES = new Set([
  "Client has encountered a connection error and is not queryable",
  "Client was closed and is not queryable",
]);

/**
 * The error to throw for a failure of a statement that is a transaction of its own.
 *
 *   not connected                 nothing was sent: none
 *   ERROR from the server         the transaction was rolled back: none
 *   FATAL or PANIC, connection lost, no answer in time     the commit may have come first: unknown
 *   ERROR about the connection or the completion itself    unknown
 *
 * A read has no effect to be unsure of. Bugs are returned as they are, so that nobody retries them.
 */
export function toStoreError(error: unknown, phase: Phase): unknown {
  if (isBug(error, phase)) return error;
  const outcome = phase === "writing" && mayHaveCommitted(error) ? "unknown" : "none";
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreUnavailableError(`PostgreSQL: ${reason || "no connection"}`, { outcome, cause: error });
}

function isBug(error: unknown, phase: Phase): boolean {
  if (!(error instanceof Error)) return true;
  if (error instanceof pg.DatabaseError) {
    // A refused connection is a matter of configuration or of load, whatever its class.
    if (phase === "connecting" || error.code === undefined || PASSING_STATES.has(error.code)) return false;
    return BUG_CLASSES.has(error.code.slice(0, 2));
  }
  if (error instanceof StoreUnavailableError) return true;
  // The driver's and the socket's own failures are plain errors; anything of another kind was thrown by our code.
  return error.name !== "Error" && error.name !== "AggregateError";
}

function mayHaveCommitted(error: unknown): boolean {
  // After an ERROR the session lives on and its transaction is gone. FATAL (shutdown, kill) can strike between the
  // commit and its answer.
  if (error instanceof pg.DatabaseError) return error.severity !== "ERROR" || isDoubtful(error.code ?? "");
  return !(error instanceof Error && UNSENT_MESSAGES.has(error.message));
}

function isDoubtful(state: string): boolean {
  return DOUBTFUL_STATES.has(state) || state.startsWith(DOUBTFUL_CLASS);
}

/** Raised by functions of the migrations, where nothing but the transaction's end will do. */
export const LOST_WAL_STATE = "FB002";
export const DISPLACED_STATE = "FB003";
export const ROLE_REFUSED_STATE = "FB004";
export const ROLE_REFUSED_FOR_NOW_STATE = "FB005";

/** The SQLSTATE that a failure of a statement came with, if it did. */
export function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof StoreUnavailableError)) return undefined;
  return error.cause instanceof pg.DatabaseError ? error.cause.code : undefined;
}
