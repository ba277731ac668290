/** Operations for measurements: a name set and a counter counted up, about 230 bytes each in the log. */
import { sha256 } from "../../services/core/hash.ts";
import { encodeChanges } from "../../services/protocol/change-codec.ts";
import type { WalAppend } from "../../services/ports/region-store.ts";

/** The collection of all of them, and its fields. */
export const BENCH_COLLECTION = "bench";
export const BENCH_FIELDS = {
  name: { class: "lww", type: "string" },
  likes: { class: "merge", kind: "counter" },
  credit: { class: "authoritative", type: "integer", min: 0 },
} as const;

/** Steps through all keys before it comes back to one. */
const STRIDE = 7_919;

export function benchOperation(options: { number: number; keys: number; prefix?: string }): WalAppend {
  const { number, keys, prefix = "key" } = options;
  const body = encodeChanges([
    { field: "name", kind: "lww", operator: "set", argument: `Ada Lovelace ${number}` },
    { field: "likes", kind: "counter", operator: "inc", argument: 1 },
  ]);
  return {
    id: timeOrderedId(number),
    tenant: "default",
    collection: BENCH_COLLECTION,
    key: `${prefix}-${(number * STRIDE) % keys}`,
    requestHash: sha256(body),
    body,
  };
}

/** As a gateway makes them for requests without an idempotency key. */
function timeOrderedId(number: number): string {
  const time = (1_700_000_000_000 + number).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, "0")}`;
}
