/** What the log has decided against, as errors: receipts name the reason, and errors its problem. */
import type { ImportAnswer } from "../protocol/http/import.ts";
import type { ProblemCode } from "../protocol/http/problems.ts";
import { ForebayError, type ForebayErrorCode, type Problem } from "./errors.ts";

type Reason = NonNullable<Exclude<ImportAnswer["lines"][number], { status: "refused" }>["code"]>;

/** Where the two have different names. */
const PROBLEMS: { readonly [R in Exclude<Reason, ProblemCode>]: ProblemCode } = {
  precondition: "precondition-failed",
  unique: "not-unique",
  immutable: "immutable-field",
  transition: "transition-refused",
  bound: "out-of-bounds",
  fence: "stale-fence",
  missing: "record-missing",
  schema: "schema-changed",
};

export interface Rejected {
  readonly operation?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly field?: string;
  readonly write?: number;
  readonly position?: Problem["position"];
}

export function rejectionOf(answer: Rejected): ForebayError {
  const { code, reason, operation, field, write, position } = answer;
  return new ForebayError({
    ...(operation !== undefined && { operation }),
    ...(field !== undefined && { field }),
    ...(write !== undefined && { write }),
    ...(position !== undefined && { position }),
    code: ((PROBLEMS as { readonly [reason: string]: ProblemCode })[code!] ??
      code ??
      "precondition-failed") as ForebayErrorCode,
    status: 409,
    retry: "never",
    detail: reason ?? "the log has rejected an earlier try of the same change",
  });
}
