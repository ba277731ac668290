/** Receipts: what a client gets for a write, and can ask for again by operation id. */
import type { StoredOperation } from "../ports/region-store.ts";
import { GatewayError } from "./errors.ts";
import type { Receipt } from "./gateway.ts";

/** @throws {GatewayError} operation-not-found, for an operation that nothing is known of. */
export function receiptOf(stored: StoredOperation, region: string): Receipt {
  const { id, partition, outcome, accepted, lostFields } = stored;
  if (outcome !== undefined && accepted !== undefined && accepted.requestHash !== outcome.requestHash) {
    const reason =
      "another region was first with another request under the same Idempotency-Key; this one had no effect";
    return { operation: id, status: "rejected", region, at: accepted.hlc, reason };
  }
  if (outcome !== undefined) {
    return {
      operation: id,
      status: outcome.status,
      region: outcome.origin,
      at: outcome.hlc,
      position: { partition, sequence: outcome.position },
      ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
      ...(lostFields.length === 0 ? {} : { lostFields }),
    };
  }
  if (accepted === undefined) throw new GatewayError("operation-not-found", `there is no operation ${id}`);
  return { operation: id, status: "accepted", region, at: accepted.hlc };
}
