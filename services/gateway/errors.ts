/** Why a gateway refuses. Each has a problem code of its own; transports turn it into a status and a body. */

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
  | "wal-full"
  | "overloaded"
  | "session-behind"
  | "starting";

export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayErrorCode;
  /** The operation whose outcome can be asked for. */
  readonly operation: string | undefined;
  /** When it is worth to come back. */
  readonly retryAfterMs: number | undefined;
  constructor(
    code: GatewayErrorCode,
    message: string,
    options: { operation?: string; retryAfterMs?: number } = {},
  ) {
    super(message);
    this.code = code;
    this.operation = options.operation;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A schema travels through the log: a collection made elsewhere a moment ago may not be here yet. */
export function unknownCollection(name: string, region: string): string {
  return `region ${region} knows no collection "${name}"; one that was made in another region takes a moment to arrive`;
}
