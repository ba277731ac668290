/** A record: the states of its fields, and how an operation changes them. Fold and view share this file, so they can't disagree. */
import { applyChange, forgetMarkers, showField, type FieldState } from "./fields/index.ts";
import type { Change, Loss, WriteContext } from "./fields/kind.ts";
import type { Hlc } from "./hlc.ts";
import { LIFETIME_MS_MAX } from "./schema.ts";
import { own, type JsonValue } from "./json.ts";
import type { Operation, RecordId } from "./operation.ts";

export type Fields = { readonly [field: string]: FieldState };

/** A record in committed state. */
export interface StoredRecord extends RecordId {
  readonly fields: Fields;
  /** Log position of the last change. */
  readonly version: number;
  /** The record is deleted: its fields are kept for a restore, and no write but that has an effect (I8). */
  readonly tombstone?: Tombstone;
  /** Log time after which the record is as if it had never been; of a deleted one, after which it may be forgotten. */
  readonly expiresAtMs?: number;
}

/** Whether nothing is to be seen of a record any more. A tombstone stays until it is swept. */
export function isExpired(
  record: Pick<StoredRecord, "tombstone" | "expiresAtMs">,
  logTimeMs: number,
): boolean {
  return record.tombstone === undefined && record.expiresAtMs !== undefined && logTimeMs > record.expiresAtMs;
}

/** When a record that is changed now expires, by its collection's schema. */
export function expiryOf(lifeMs: number | undefined, logTimeMs: number): { readonly expiresAtMs?: number } {
  // Bounded here as well: a time that no store can hold would stop every region that folds it.
  return lifeMs === undefined ? {} : { expiresAtMs: logTimeMs + Math.min(lifeMs, LIFETIME_MS_MAX) };
}

export interface Tombstone {
  readonly hlc: Hlc;
  readonly origin: string;
  readonly logTimeMs: number;
}

export interface FieldLoss extends Loss {
  readonly field: string;
}

export interface OperationResult {
  readonly fields: Fields;
  /** False when every change lost: the operation is superseded. */
  readonly effective: boolean;
  readonly losses: readonly FieldLoss[];
}

/** Applies all changes of an operation to a record's fields. */
export function applyOperation(options: {
  fields: Fields | undefined;
  operation: Operation;
  origin: string;
  position: number;
}): OperationResult {
  const { fields, operation, origin, position } = options;
  const write = writeContext(operation, { origin, position });
  return applyChanges({ fields, changes: operation.changes, write });
}

export function writeContext(
  operation: Operation,
  place: { readonly origin: string; readonly position: number },
): WriteContext {
  return { operation: operation.id, hlc: operation.hlc, seen: operation.seen, ...place };
}

function applyChanges(options: {
  fields: Fields | undefined;
  changes: readonly Change[];
  write: WriteContext;
}): OperationResult {
  const { changes, write } = options;
  const fields: { [field: string]: FieldState } = { ...options.fields };
  const losses: FieldLoss[] = [];
  let effective = changes.length === 0;
  for (const change of changes) {
    const result = applyChange(own(fields, change.field), change, write);
    fields[change.field] = result.state;
    for (const loss of result.losses) losses.push({ ...loss, field: change.field });
    effective ||= result.effective;
  }
  return { fields, effective, losses };
}

/** Drops the markers of the changed fields that nothing can be older than. */
function forgetInFields(fields: Fields, changes: readonly Change[], floor: Hlc): Fields {
  let kept: { [field: string]: FieldState } | undefined;
  for (const { field: name } of changes) {
    const state = own(fields, name);
    if (state === undefined) continue;
    const left = forgetMarkers(state, floor);
    if (left === state) continue;
    kept ??= { ...fields };
    if (left === undefined) delete kept[name];
    else kept[name] = left;
  }
  return kept ?? fields;
}

/** Applies changes as a fold does, first forgetting markers: a field that is full of them must not refuse what there is room for. */
export function foldChanges(options: {
  fields: Fields | undefined;
  floor: Hlc;
  changes: readonly Change[];
  write: WriteContext;
}): OperationResult & { readonly hasForgotten: boolean } {
  const { fields, floor, changes, write } = options;
  const before = fields && forgetInFields(fields, changes, floor);
  return { ...applyChanges({ fields: before, changes, write }), hasForgotten: before !== fields };
}

/** What a client sees of a record's fields; of a field that was never written, what its definition says. */
export function showFields(
  fields: Fields,
  defaults: { readonly [field: string]: JsonValue } = {},
): { [field: string]: JsonValue } {
  const shown: { [field: string]: JsonValue } = { ...defaults };
  for (const [field, state] of Object.entries(fields)) {
    const value = showField(state);
    if (value !== undefined) shown[field] = value;
  }
  return shown;
}
