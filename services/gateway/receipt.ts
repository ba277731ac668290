/** Receipts: what a client gets for a write, and can ask for again by operation id. */
import type { StoredOperation } from "../ports/region-store.ts";
import { GatewayError } from "./errors.ts";
import type { Receipt } from "./gateway.ts";

/** @throws {GatewayError} operation-not-found, for an operation that nothing is known of. */
export function receiptOf(stored: StoredOperation, region: string): Receipt {
  const { id, partition, outcome, accepted, lostFields } = stored;
  if (outcome !== undefined && accepted !== undefined && accepted.requestHash !== outcome.requestHash) {
    const message =
      "another region was first with another request under the same Idempotency-Key; this one had no effect";
    const rejection = { code: "precondition", message } as const;
    return { operation: id, status: "rejected", region, at: accepted.hlc, rejection };
  }
  if (outcome !== undefined) {
    const { status, origin, hlc, position, rejection, results } = outcome;
    return {
      operation: id,
      status,
      region: origin,
      at: hlc,
      position: { partition, sequence: position },
      ...(rejection !== undefined && { rejection }),
      ...(results !== undefined && { results }),
      ...(lostFields.length > 0 && { lostFields }),
    };
  }
  if (accepted === undefined) throw new GatewayError("operation-not-found", `there is no operation ${id}`);
  return { operation: id, status: "accepted", region, at: accepted.hlc };
}
