/** Why the log refuses a proposal. Each reason has a code that clients can act on. */

export const REJECTION_CODES = [
  /** A condition of the request does not hold. */
  "precondition",
  /** Another record has the unique value. */
  "unique",
  "immutable",
  "transition",
  /** Beyond the field's bounds, or those of what a field can hold. */
  "bound",
  /** The fence's lease has passed on or run out. */
  "fence",
  /** Another holds the lease. */
  "lease-held",
  /** The lease is no longer the one that the token names. */
  "lease-lost",
  /** The record is deleted. */
  "deleted",
  /** The record is not deleted, and so can't be restored. */
  "not-deleted",
  "missing",
  /** The region whose rights were to be reclaimed is not lost. */
  "region-alive",
  /** The collection's schema is no longer the one that the proposal was made for, or can't follow it. */
  "schema",
  /** The log ordered it after its deadline. */
  "expired",
] as const;
export type RejectionCode = (typeof REJECTION_CODES)[number];

export interface Rejection {
  readonly code: RejectionCode;
  readonly message: string;
  /** Index of the write in its transaction. */
  readonly write?: number;
  readonly field?: string;
}

/** Thrown within a decision, and caught at its end: it never leaves `decide`. */
export class RejectedError extends Error {
  override readonly name = "RejectedError";
  readonly code: RejectionCode;
  readonly field: string | undefined;
  constructor(code: RejectionCode, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
