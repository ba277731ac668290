/** Why a write, or a listing, is refused before anything is asked: its own text says what is wrong. */

export type RefusalCode =
  | "malformed-body"
  | "unknown-operator"
  | "unknown-field"
  | "wrong-operator"
  | "deprecated-field"
  | "wrong-type"
  | "unstorable-value"
  | "empty-write"
  | "too-many-changes"
  | "condition-on-local-write"
  | "take-is-local"
  | "invalid-condition"
  | "precondition-failed"
  | "too-many-writes"
  | "record-repeated"
  | "invalid-lease"
  | "invalid-parameter"
  | "not-indexed"
  | "invalid-key";

export class RefusedWriteError extends Error {
  override readonly name = "RefusedWriteError";
  readonly code: RefusalCode;
  readonly field: string | undefined;
  constructor(code: RefusalCode, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
