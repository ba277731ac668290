/** What stops the fold. */

/** The log has another order, place or origin than the state it is folded onto. Folding must stop. */
export class LogMismatchError extends Error {
  override readonly name = "LogMismatchError";
}
