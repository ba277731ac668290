/** Operations for the contract's tests, and short names for what the tests do with stores. */
import fc from "fast-check";
import type { Change } from "../../../services/core/fields/kind.ts";
import { sha256 } from "../../../services/core/hash.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { recordIdText, type Operation } from "../../../services/core/operation.ts";
import { showFields, type StoredRecord } from "../../../services/core/record.ts";
import { viewFields } from "../../../services/core/view.ts";
import { decodeChanges, encodeChanges } from "../../../services/protocol/change-codec.ts";
import type { ListedRecord } from "../../../services/ports/record-snapshot.ts";
import type { RegionStore, WalAppend, WalRow } from "../../../services/ports/region-store.ts";

export const REGION = "eu";
export const MEMBERS = ["ap", "eu", "us"];
export const NOW_MS = 1_700_000_000_000;
export const UNBOUNDED = { pendingRowsMax: 1_000_000_000, pendingBytesMax: 1_000_000_000_000 };
export const TENANT = "acme";
export const COLLECTION = "users";

let ids = 0;
export function nextId(): string {
  return uuidOf("contract", String((ids += 1)));
}

export function set(field: string, value: JsonValue): Change {
  return { field, kind: "lww", operator: "set", argument: value };
}

export function increment(field: string, by: number): Change {
  return { field, kind: "counter", operator: "inc", argument: by };
}

export function append(key: string, changes: readonly Change[] = [set("note", key)]): WalAppend {
  const id = nextId();
  const body = encodeChanges(changes);
  return { id, tenant: TENANT, collection: COLLECTION, key, requestHash: sha256(`${key} ${body}`), body };
}

export const foreignOperation = fc
  .record({
    key: fc.constantFrom("a", "b", "c", "d", "ключ"),
    field: fc.constantFrom("x", "y"),
    value: fc.string(),
  })
  .map(({ key, field, value }) => append(key, [set(field, value.toWellFormed().replaceAll("\u0000", ""))]));

export function appendTo(store: RegionStore, operations: readonly WalAppend[], nowMs = NOW_MS) {
  return store.append({ partition: 0, operations, nowMs, ...UNBOUNDED });
}

export function readAll(store: RegionStore, partition = 0): Promise<WalRow[]> {
  return store.readWal({ partition, after: 0, rowsMax: 100_000, bytesMax: 1_000_000_000 });
}

export function list(
  store: RegionStore,
  options: { prefix?: string; after?: string | undefined; limit?: number },
): Promise<ListedRecord[]> {
  const { prefix = "", after, limit = 1_000 } = options;
  return store.listRecords({ tenant: TENANT, collection: COLLECTION, prefix, after, limit });
}

export function keysOf(records: readonly { readonly key: string }[]): string[] {
  return records.map((record) => record.key);
}

export async function scan(store: RegionStore, partition: number) {
  let position: number | undefined;
  const records: StoredRecord[] = [];
  for await (const page of store.scanRecords(partition)) {
    position = page.position;
    records.push(...page.records);
  }
  return { position, records };
}

export function byId(records: readonly StoredRecord[]): Map<string, StoredRecord> {
  return new Map(records.map((record) => [recordIdText(record), record]));
}

export function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

export function viewOf(snapshot: { committed: StoredRecord | undefined; pending: readonly WalRow[] }) {
  const pending = snapshot.pending.map((row): Operation => ({ ...row, changes: decodeChanges(row.body) }));
  return showFields(viewFields({ committed: snapshot.committed?.fields, pending, origin: REGION }) ?? {});
}

/** Repeats a probe for as long as the work takes. */
export async function during(work: Promise<unknown>, probe: () => Promise<void>): Promise<void> {
  const state = { isOver: false };
  const ending = work.finally(() => (state.isOver = true));
  while (!state.isOver) await probe();
  await ending;
}
