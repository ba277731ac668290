/** The shape of a transaction: which records it writes, and what to each. */
import { isObject } from "../json.ts";
import type { Fence } from "../proposal.ts";
import { planFence } from "./condition.ts";
import { checkKey } from "./key.ts";
import { RefusedWriteError } from "./refused-write.ts";

export const TRANSACTION_WRITES_MAX = 100;

export interface TransactionPart {
  readonly collection: string;
  readonly key: string;
  readonly type: "change" | "delete" | "restore";
  /** Of a change: operators and conditions. Of the others: conditions. */
  readonly body: { readonly [member: string]: unknown };
}

export interface TransactionShape {
  readonly parts: readonly TransactionPart[];
  readonly fence: Fence | undefined;
}

/** @throws {RefusedWriteError} says what is wrong and what would be right. */
export function parseTransaction(body: unknown): TransactionShape {
  if (
    !isObject(body) ||
    !Array.isArray(body["writes"]) ||
    Object.keys(body).some((name) => !MEMBERS.includes(name))
  ) {
    throw new RefusedWriteError(
      "malformed-body",
      'a transaction is an object with "writes" and, if need be, "fence"',
    );
  }
  const writes = body["writes"] as unknown[];
  if (writes.length === 0) throw new RefusedWriteError("empty-write", "the transaction has no writes");
  if (writes.length > TRANSACTION_WRITES_MAX) {
    throw new RefusedWriteError(
      "too-many-writes",
      `a transaction has at most ${TRANSACTION_WRITES_MAX} writes, this one has ${writes.length}`,
    );
  }
  const parts = writes.map(parsePart);
  refuseRepeats(parts);
  return { parts, fence: body["fence"] === undefined ? undefined : planFence(body["fence"]) };
}

const MEMBERS = ["writes", "fence"];

function parsePart(write: unknown): TransactionPart {
  if (!isObject(write))
    throw new RefusedWriteError("malformed-body", "each write of a transaction is an object");
  const { collection, key, delete: isDelete, restore: isRestore, ...body } = write;
  if (typeof collection !== "string" || typeof key !== "string") {
    throw new RefusedWriteError(
      "malformed-body",
      'each write of a transaction names a "collection" and a "key"',
    );
  }
  checkKey(key);
  if (body["fence"] !== undefined) {
    throw new RefusedWriteError("malformed-body", '"fence" belongs to the transaction, next to "writes"');
  }
  if (isDelete === undefined && isRestore === undefined) return { collection, key, type: "change", body };
  const isOne =
    (isDelete === true && isRestore === undefined) || (isRestore === true && isDelete === undefined);
  const isAlone = Object.keys(body).every((name) => name === "if");
  if (!isOne || !isAlone) {
    throw new RefusedWriteError(
      "malformed-body",
      'a write has operators, or "delete": true, or "restore": true; only "if" goes with the latter two',
    );
  }
  return { collection, key, type: isDelete === true ? "delete" : "restore", body };
}

/** All conditions and changes are against the records as they were before, so one record can't have two writes. */
function refuseRepeats(parts: readonly TransactionPart[]): void {
  const seen = new Set<string>();
  for (const { collection, key } of parts) {
    const name = `${collection}\n${key}`;
    if (seen.has(name)) {
      throw new RefusedWriteError(
        "record-repeated",
        `record "${key}" of "${collection}" has two writes: make them one`,
      );
    }
    seen.add(name);
  }
}
