/** What clients see of a record: the region's view of it, and its version. */
import type { Operation } from "../core/operation.ts";
import { showFields } from "../core/record.ts";
import { defaultsOf, type CollectionSchema } from "../core/schema.ts";
import { viewFields } from "../core/view.ts";
import type { RecordSnapshot } from "../ports/record-snapshot.ts";
import type { WalRow } from "../ports/region-store.ts";
import { decodeChanges } from "../protocol/change-codec.ts";
import type { RecordView } from "./gateway.ts";

export type ShownSnapshot = Omit<RecordSnapshot, "position">;

/** Undefined where there is nothing to see. A tombstone is not looked at. */
export function viewRecord(input: {
  readonly key: string;
  readonly snapshot: ShownSnapshot;
  readonly schema: CollectionSchema;
  readonly region: string;
}): RecordView | undefined {
  const { key, snapshot, schema, region } = input;
  const { committed, pending } = snapshot;
  const fields = viewFields({
    committed: committed?.fields,
    pending: pending.map(toOperation),
    origin: region,
    schema,
  });
  if (fields === undefined) return undefined;
  return {
    key,
    fields: showFields(fields, defaultsOf(schema)),
    version: viewVersion(snapshot, region),
    pending: pending.length,
  };
}

/** Pending operations change the view without changing the committed version. */
export function viewVersion({ committed, pending }: ShownSnapshot, region: string): string {
  const suffix = pending.length === 0 ? "" : `.${region}.${pending.at(-1)!.sequence}`;
  return `${committed?.version ?? 0}${suffix}`;
}

function toOperation(row: WalRow): Operation {
  const { body, ...operation } = row;
  return { ...operation, changes: decodeChanges(body) };
}
