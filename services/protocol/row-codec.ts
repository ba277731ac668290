/**
 * Rows of committed state on the wire, checked as strictly as what clients write: a row that the fold could not work on
 * would stop every region.
 */
import { Type, type TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { RowContent } from "../core/entry.ts";
import { FIELD_ENTRIES_MAX } from "../core/fields/kind.ts";
import { isStorableText, own, unstorableReason } from "../core/json.ts";
import { CLAIM_FIELD, CLAIMS_COLLECTION, LEASE_FIELD, LEASES_COLLECTION } from "../core/reserved.ts";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { HlcText, Name, Sequence } from "./wire-types.ts";

function exact<Members extends { [member: string]: TSchema }>(members: Members) {
  return Type.Object(members, { additionalProperties: false });
}

function texts<Value extends TSchema>(value: Value, maxProperties?: number) {
  // Any text at all: the default pattern leaves names with line breaks unchecked.
  return Type.Record(
    Type.String({ pattern: "^[\\s\\S]*$" }),
    value,
    maxProperties === undefined ? {} : { maxProperties },
  );
}

const Safe = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });
const written = { hlc: HlcText, origin: Name, position: Sequence };
const cell = { ...written, value: Type.Optional(Type.Unknown()) };

const FieldState = Type.Union([
  exact({ kind: Type.Literal("lww"), ...cell }),
  exact({ kind: Type.Literal("counter"), sum: Safe }),
  exact({ kind: Type.Literal("set"), elements: texts(texts(Sequence), FIELD_ENTRIES_MAX) }),
  exact({ kind: Type.Literal("map"), entries: texts(exact(cell), FIELD_ENTRIES_MAX) }),
  exact({
    kind: Type.Literal("register"),
    values: Type.Array(exact({ ...written, value: Type.Unknown() })),
  }),
  exact({ kind: Type.Enum(["max", "min"]), value: Type.Union([Type.Number(), Type.String()]) }),
  exact({ kind: Type.Literal("escrow"), min: Safe, rights: texts(Sequence) }),
  exact({ kind: Type.Literal("value"), value: Type.Optional(Type.Unknown()) }),
  exact({
    kind: Type.Literal("lease"),
    holder: Type.Union([Type.Null(), Type.String()]),
    token: Sequence,
    expiresAtMs: Sequence,
  }),
  exact({ kind: Type.Literal("claim"), key: Name }),
]);

const rows = Compile(
  exact({
    version: Type.Integer({ minimum: 1 }),
    fields: texts(FieldState),
    tombstone: Type.Optional(exact({ hlc: HlcText, origin: Name, logTimeMs: Sequence })),
    expiresAtMs: Type.Optional(Sequence),
  }),
);

/** Member by member, so that one row has one text; the fields stay in their order, in which they are stored. */
export function toRowContent({ version, fields, tombstone, expiresAtMs }: RowContent): RowContent {
  return {
    version,
    fields,
    ...(tombstone !== undefined && { tombstone }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  };
}

/** Of the collections that the fold keeps for itself: the one field of their rows, and its kind. */
const RESERVED_FIELDS: { readonly [collection: string]: { readonly field: string; readonly kind: string } } =
  {
    [CLAIMS_COLLECTION]: { field: CLAIM_FIELD, kind: "claim" },
    [LEASES_COLLECTION]: { field: LEASE_FIELD, kind: "lease" },
  };

/** @throws {UndecodableEntryError} the value is no row that the fold could have made in that collection. */
export function checkRow(collection: string, value: unknown): RowContent {
  const row = checkShape(value);
  const reserved = own(RESERVED_FIELDS, collection);
  const [[field, state] = [undefined, undefined], ...others] = Object.entries(row.fields);
  const isRight = field === reserved?.field && state?.kind === reserved?.kind && others.length === 0;
  if (reserved === undefined || isRight) return row;
  throw new UndecodableEntryError(`row: this is none of ${collection}`);
}

function checkShape(value: unknown): RowContent {
  if (!rows.Check(value)) throw new UndecodableEntryError(`row: ${explain(rows, value)}`);
  const row = value as RowContent;
  const reason = unstorableReason(row.fields, -ROW_DEPTH);
  if (reason !== undefined) throw new UndecodableEntryError(`row: ${reason}`);
  for (const state of Object.values(row.fields)) {
    if (state.kind === "set")
      Object.keys(state.elements).forEach((text) => parseJson(text, "element of a set"));
  }
  const { origin = "" } = row.tombstone ?? {};
  if (!isStorableText(origin)) throw new UndecodableEntryError("row: the tombstone's origin can't be stored");
  return row;
}

/** How far a value is inside its row's fields at most: field → entries → entry → value. */
const ROW_DEPTH = 4;
