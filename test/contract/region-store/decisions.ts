/** What the log decides on, for the contract's tests: a collection with rules, and short names for proposals. */
import { sha256 } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import type { RecordId } from "../../../services/core/operation.ts";
import type {
  Condition,
  LeaseAction,
  Proposal,
  ProposedWrite,
  UniqueValue,
} from "../../../services/core/proposal.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { claimRecord, leaseRecord, LEASES_COLLECTION } from "../../../services/core/reserved.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { COLLECTION, nextId, NOW_MS, TENANT } from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

/** Its fields are in no order but their own: where two rules refuse a write, the first in this order is told. */
export const USERS: CollectionSchema = {
  partitionBy: "collection",
  fields: {
    note: { class: "lww" },
    email: { class: "authoritative", type: "string", unique: true },
    id: { class: "authoritative", type: "integer", unique: true },
    credit: { class: "authoritative", type: "integer", min: 0 },
    status: {
      class: "authoritative",
      type: "string",
      initial: "new",
      states: { new: ["paid"], paid: ["shipped", "new"] },
    },
  },
};

/** A log whose first entries make the cluster and the collection. */
export async function openUsers(store: RegionStore): Promise<TestLog> {
  const log = await openLog(store);
  await log.fold(log.schema({ name: COLLECTION, schema: USERS }));
  return log;
}

export function user(key: string): RecordId & { readonly partition: number } {
  return { partition: 0, tenant: TENANT, collection: COLLECTION, key };
}

export function claimOf(field: string, value: string | number): RecordId & { readonly partition: number } {
  return { partition: 0, ...claimRecord({ tenant: TENANT, collection: COLLECTION, field, value }) };
}

export function leaseOf(name: string): RecordId & { readonly partition: number } {
  return { partition: 0, ...leaseRecord(TENANT, name) };
}

/** Of one gateway whose clock is behind log time, well before its deadline. */
export function proposal(
  writes: readonly ProposedWrite[],
  more: Partial<Omit<Proposal, "writes">> = {},
): Proposal {
  const id = nextId();
  return {
    id,
    tenant: TENANT,
    requestHash: sha256(id),
    hlc: hlcFromMilliseconds(NOW_MS),
    deadlineMs: NOW_MS + 1_000_000,
    fences: [],
    writes,
    ...more,
  };
}

export function assign(
  key: string,
  values: { readonly [field: string]: JsonValue },
  condition?: Condition,
): ProposedWrite {
  const changes = Object.entries(values).map(([field, argument]) => {
    const kind = field === "note" ? ("lww" as const) : ("value" as const);
    return { field, kind, operator: "set" as const, argument };
  });
  const write = { collection: COLLECTION, key, action: { type: "change" as const, changes } };
  return condition === undefined ? write : { ...write, condition };
}

export function addCredit(key: string, by: number): ProposedWrite {
  const change = { field: "credit", kind: "value", operator: "inc", argument: by } as const;
  return { collection: COLLECTION, key, action: { type: "change", changes: [change] } };
}

export function erase(key: string): ProposedWrite {
  return { collection: COLLECTION, key, action: { type: "delete" } };
}

/** @param claims the unique values that the record had. */
export function restore(key: string, claims: readonly UniqueValue[] = []): ProposedWrite {
  return { collection: COLLECTION, key, action: { type: "restore", claims } };
}

export function onLease(name: string, action: LeaseAction): ProposedWrite {
  return { collection: LEASES_COLLECTION, key: name, action };
}

export function acquire(name: string, holder: string): ProposedWrite {
  return onLease(name, { type: "acquire", holder, ttlMs: 1_000 });
}

/** The rows of a slice, as a fold would get them. */
export async function loadRows(
  store: RegionStore,
  records: readonly RecordId[],
): Promise<ReadonlyMap<string, StoredRecord>> {
  return (await store.loadSlice({ partition: 0, records, operations: [] })).records;
}
