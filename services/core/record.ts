/** A record: the states of its fields, and how an operation changes them. Fold and view share this file, so they can't disagree. */
import { applyChange, forgetMarkers, showField, type FieldState } from "./fields/index.ts";
import type { Loss, WriteContext } from "./fields/kind.ts";
import type { Hlc } from "./hlc.ts";
import { own, type JsonValue } from "./json.ts";
import type { Operation, RecordId } from "./operation.ts";

export type Fields = { readonly [field: string]: FieldState };

/** A record in committed state. */
export interface StoredRecord extends RecordId {
  readonly fields: Fields;
  /** Log position of the last change. */
  readonly version: number;
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
  const { operation, origin, position } = options;
  const write: WriteContext = {
    operation: operation.id,
    origin,
    hlc: operation.hlc,
    seen: operation.seen,
    position,
  };
  const fields: { [field: string]: FieldState } = { ...options.fields };
  const losses: FieldLoss[] = [];
  let effective = operation.changes.length === 0;
  for (const change of operation.changes) {
    const result = applyChange(own(fields, change.field), change, write);
    fields[change.field] = result.state;
    for (const loss of result.losses) losses.push({ ...loss, field: change.field });
    effective ||= result.effective;
  }
  return { fields, effective, losses };
}

/** Drops the markers of the named fields that nothing can be older than. */
export function forgetInFields(fields: Fields, names: readonly string[], floor: Hlc): Fields {
  let kept: { [field: string]: FieldState } | undefined;
  for (const name of names) {
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

/** What a client sees of a record's fields. */
export function showFields(fields: Fields): { [field: string]: JsonValue } {
  const shown: { [field: string]: JsonValue } = {};
  for (const [field, state] of Object.entries(fields)) {
    const value = showField(state);
    if (value !== undefined) shown[field] = value;
  }
  return shown;
}
