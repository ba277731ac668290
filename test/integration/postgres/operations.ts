/** Operations to append, for the tests of this folder. */
import { randomUUID } from "node:crypto";
import { sha256 } from "../../../services/core/hash.ts";
import type { AppendOutcome, RegionStore, WalAppend } from "../../../services/ports/region-store.ts";
import { encodeChanges } from "../../../services/protocol/change-codec.ts";

export function makeOperation(key: string): WalAppend {
  const body = encodeChanges([{ field: "note", kind: "lww", operator: "set", argument: key }]);
  return {
    id: randomUUID(),
    tenant: "acme",
    collection: "users",
    key,
    requestHash: sha256(`${key} ${body}`),
    body,
  };
}

export function appendTo(store: RegionStore, operations: readonly WalAppend[]): Promise<AppendOutcome[]> {
  return store.append({
    partition: 0,
    operations,
    nowMs: Date.now(),
    pendingRowsMax: 10_000_000,
    pendingBytesMax: 10_000_000_000,
  });
}

/** The error of a promise that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
