/** What the fold calls a rejection, and what clients are told. */
import type { RejectionCode } from "../../core/decide/rejection.ts";
import type { GatewayErrorCode } from "../errors.ts";

export const REJECTED_CODES: { readonly [Code in RejectionCode]: GatewayErrorCode } = {
  precondition: "precondition-failed",
  unique: "not-unique",
  immutable: "immutable-field",
  transition: "transition-refused",
  bound: "out-of-bounds",
  fence: "stale-fence",
  "lease-held": "lease-held",
  "lease-lost": "lease-lost",
  deleted: "deleted",
  "not-deleted": "not-deleted",
  "region-alive": "region-alive",
  missing: "record-missing",
  schema: "schema-changed",
  expired: "expired",
};
