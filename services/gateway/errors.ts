/** Why a gateway refuses. Each has a problem code of its own; transports turn it into a status and a body. */
import type { RefusalReason } from "../core/admission/reason.ts";
import type { EscrowLeft } from "../core/escrow.ts";
import type { Session } from "../core/session.ts";

export type GatewayErrorCode =
  | "unknown-collection"
  | "record-not-found"
  | "operation-not-found"
  | "schema-rejected"
  | "invalid-schema"
  | "invalid-name"
  | "idempotency-key-reused"
  | "outcome-unknown"
  | "store-unavailable"
  | "no-quorum"
  | "insufficient"
  | "wal-full"
  | "clock-skew"
  | "overloaded"
  | "session-behind"
  | "too-stale"
  | "expired"
  | "not-supported-yet"
  | "across-partitions"
  | "record-deleted"
  | "lease-not-found"
  | "conflict-not-found"
  | "conflict-not-restorable"
  | "malformed-body"
  | "unknown-region"
  | "region-not-fit"
  | "drain-refused"
  | "remove-refused"
  | "leader-not-moved"
  | "log-healthy"
  | "rebuild-refused"
  | "region-not-compared"
  | "reconciler-unavailable"
  | "backup-not-found"
  | "too-many-backups"
  | "draining"
  | "index-building"
  | "too-much-pending"
  | "bootstrapping"
  | "rejoining"
  | "not-a-member"
  | "session-lost"
  | "cursor-expired"
  | "invalid-cursor"
  | "too-many-subscriptions"
  | "unauthenticated"
  | "forbidden"
  | "rate-limited"
  | "too-many-api-keys"
  | "api-key-not-found"
  | "signing-keys-unavailable"
  | RejectedCode
  | "starting";

/** What the log has decided against, as problems name it. */
export type RejectedCode =
  | "precondition-failed"
  | "not-unique"
  | "immutable-field"
  | "transition-refused"
  | "out-of-bounds"
  | "stale-fence"
  | "lease-held"
  | "lease-lost"
  | "deleted"
  | "not-deleted"
  | "record-missing"
  | "region-alive"
  | "schema-changed";

/** What a client can do with besides the code. */
export interface GatewayErrorDetails {
  /** The operation whose outcome can be asked for. */
  readonly operation?: string;
  /** Log time after which the operation is certainly dead, if the log has not decided on it before. */
  readonly expiresAtMs?: number;
  /** When it is worth to come back. */
  readonly retryAfterMs?: number;
  /** The field that is wrong. */
  readonly field?: string;
  /** Index of the write of a transaction that is wrong. */
  readonly write?: number;
  /** Where the log has rejected it. */
  readonly position?: { readonly partition: number; readonly sequence: number };
  /** What the client has seen with this answer. */
  readonly session?: Session;
  /** The answer to an earlier try of the same request. */
  readonly isReplayed?: boolean;
  /** What is left of an escrow that was to be taken from. */
  readonly left?: EscrowLeft;
  /** Which bound the region keeps. */
  readonly reason?: RefusalReason;
  /** How old the region's view may be. */
  readonly stalenessMs?: number;
  /** What the credential lacks. */
  readonly scope?: string;
}

export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayErrorCode;
  readonly details: GatewayErrorDetails;
  constructor(code: GatewayErrorCode, message: string, details: GatewayErrorDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** A schema travels through the log: a collection made elsewhere a moment ago may not be here yet. */
export function unknownCollection(name: string, region: string): string {
  return `region ${region} knows no collection "${name}"; one that was made in another region takes a moment to arrive`;
}
