/** Unique values (I9): each is claimed by the one record that has it, in a record of its own. Freed on change and on delete. */
import type { ClaimState } from "../fields/authoritative/claim.ts";
import { canonicalJson, own, type JsonScalar, type JsonValue } from "../json.ts";
import { recordIdText, type RecordId } from "../operation.ts";
import { showFields, type StoredRecord } from "../record.ts";
import { CLAIM_FIELD, claimRecord } from "../reserved.ts";
import { fieldsInOrder, type CollectionSchema } from "../schema.ts";
import type { UniqueValue } from "../proposal.ts";
import { RejectedError } from "./rejection.ts";

/** Whether a value can be unique: the schema allows strings and integers. */
export function isUniqueValue(value: JsonValue): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

/** The unique values that a live record has. */
export function uniqueValues(schema: CollectionSchema, record: StoredRecord | undefined): UniqueValue[] {
  if (record === undefined || record.tombstone !== undefined) return [];
  const shown = showFields(record.fields);
  const values: UniqueValue[] = [];
  for (const [field, definition] of fieldsInOrder(schema)) {
    if (definition.class !== "authoritative" || definition.unique !== true) continue;
    const value = own(shown, field);
    if (value !== undefined) values.push({ field, value: value as JsonScalar });
  }
  return values;
}

/** How one record's unique values change. */
export interface ClaimChange {
  readonly record: RecordId;
  readonly freed: readonly UniqueValue[];
  readonly taken: readonly UniqueValue[];
  /** Index of the write, for the rejection. */
  readonly write: number;
}

export function claimChange(options: {
  schema: CollectionSchema;
  record: RecordId;
  before: StoredRecord | undefined;
  after: StoredRecord;
  write: number;
}): ClaimChange {
  const { schema, record, before, after, write } = options;
  const had = uniqueValues(schema, before);
  const has = uniqueValues(schema, after);
  const isIn = (values: readonly UniqueValue[]) => (one: UniqueValue) =>
    values.some((other) => other.field === one.field && other.value === one.value);
  return {
    record,
    write,
    freed: had.filter((value) => !isIn(has)(value)),
    taken: has.filter((value) => !isIn(had)(value)),
  };
}

/**
 * The claims' records as all changes together leave them: freed first, so that two records can swap their values.
 * @param ownerOf the claim's record as it is; `undefined` where nobody has the value.
 * @throws {RejectedError} unique; tells by `write` which record wanted the value.
 */
export function settleClaims(options: {
  changes: readonly ClaimChange[];
  claimOf: (id: string) => StoredRecord | undefined;
  position: number;
  onWrite: (write: number) => void;
}): Map<string, StoredRecord | null> {
  const { changes, claimOf, position, onWrite } = options;
  const claims = new Map<string, StoredRecord | null>();
  for (const { record, freed } of changes) {
    for (const value of freed) claims.set(recordIdText(claimRecord({ ...record, ...value })), null);
  }
  for (const { record, taken, write } of changes) {
    onWrite(write);
    for (const { field, value } of taken) {
      const claim = claimRecord({ ...record, field, value });
      const id = recordIdText(claim);
      const present = claims.has(id) ? claims.get(id)! : claimOf(id);
      if (present !== undefined && present !== null) throw alreadyTaken(field, value, present);
      claims.set(id, {
        ...claim,
        fields: { [CLAIM_FIELD]: { kind: "claim", key: record.key } },
        version: position,
      });
    }
  }
  return claims;
}

function alreadyTaken(field: string, value: JsonScalar, claim: StoredRecord): RejectedError {
  const { key } = claim.fields[CLAIM_FIELD] as ClaimState;
  return new RejectedError(
    "unique",
    `${canonicalJson(value)} is the "${field}" of record "${key}" already`,
    field,
  );
}
