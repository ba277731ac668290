/** A collection's schema: the consistency class of each field, and how a schema may change. */
import { operatorsOf } from "./fields/index.ts";
import { LOCAL_KINDS, type ChangeKind, type LocalKind, type Operator } from "./fields/kind.ts";
import { own, type JsonValue } from "./json.ts";

export const MERGE_KINDS = LOCAL_KINDS.filter((kind) => kind !== "lww");
export const VALUE_TYPES = ["string", "integer", "number", "boolean", "json"] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

/** What every field may have. */
interface AnyField {
  /** New writes are refused; what is there stays to be read. */
  readonly deprecated?: boolean;
  /** Records can be listed by its values, which have an order: texts, numbers, true and false. */
  readonly index?: boolean;
}

export interface LwwField extends AnyField {
  readonly class: "lww";
  /** Default `json`: any value. */
  readonly type?: ValueType;
  /** What is shown where nothing is set. */
  readonly default?: JsonValue;
}

export interface MergeField extends AnyField {
  readonly class: "merge";
  readonly kind: Exclude<LocalKind, "lww">;
  /** Of the values: for `register` any type, for `max` and `min` a number or a string. */
  readonly type?: ValueType;
  /** Of an `escrow`: the bound that it never goes below, and begins at. Default 0. */
  readonly min?: number;
}

/** Only the log writes it, in its order and by these rules. */
export interface AuthoritativeField extends AnyField {
  readonly class: "authoritative";
  /** Default `json`: any value. */
  readonly type?: ValueType;
  /** No two records of the collection have the same value. */
  readonly unique?: boolean;
  /** Once set, it stays. */
  readonly immutable?: boolean;
  /** Of numbers, inclusive. */
  readonly min?: number;
  readonly max?: number;
  /** What is shown, and built on, where nothing is set. */
  readonly default?: JsonValue;
  /** The same for `states`. */
  readonly initial?: string;
  /** From each state, the states that may follow it. */
  readonly states?: { readonly [state: string]: readonly string[] };
}

export type FieldDefinition = LwwField | MergeField | AuthoritativeField;

export interface CollectionSchema {
  readonly fields: { readonly [field: string]: FieldDefinition };
  /** `collection`: all records are in one partition, as unique fields need it. Default `key`. */
  readonly partitionBy?: "key" | "collection";
  /** Deletes are decided by the log. */
  readonly delete?: "authoritative";
  /** Records expire when they were not changed for so long, by log time. */
  readonly ttlMs?: number;
  /** Deleted records are kept for so long, and then forgotten; for ever without it. */
  readonly tombstoneRetentionMs?: number;
}

/** A schema as the log has ordered it. */
export interface Collection {
  readonly tenant: string;
  readonly name: string;
  /** 1, 2, 3… */
  readonly version: number;
  readonly schema: CollectionSchema;
}

export const FIELDS_MAX = 256;
/** Of lifetimes: a hundred years, so that no time of expiry is beyond what a store can hold. */
export const LIFETIME_MS_MAX = 100 * 366 * 24 * 3_600_000;
export const COLLECTION_NAME_PATTERN = "^[a-z][a-z0-9_-]{0,62}$";
export const FIELD_NAME_PATTERN = "^[a-zA-Z][a-zA-Z0-9_]{0,62}$";

/** Bytes of the JSON text of a unique value: it is looked up by index. */
export const UNIQUE_VALUE_BYTES_MAX = 512;

export function kindOfField(definition: FieldDefinition): ChangeKind {
  switch (definition.class) {
    case "lww":
      return "lww";
    case "merge":
      return definition.kind;
    case "authoritative":
      return "value";
  }
}

/** What a client sees of fields where nothing is set. */
export function defaultsOf(schema: CollectionSchema): { readonly [field: string]: JsonValue } {
  const defaults: { [field: string]: JsonValue } = {};
  for (const [field, definition] of Object.entries(schema.fields)) {
    const value = defaultOf(definition);
    if (value !== undefined) defaults[field] = value;
  }
  return defaults;
}

export function defaultOf(definition: FieldDefinition): JsonValue | undefined {
  if (definition.class === "merge") return isEscrow(definition) ? escrowMin(definition) : undefined;
  return definition.class === "authoritative"
    ? (definition.initial ?? definition.default)
    : definition.default;
}

export type EscrowField = MergeField & { readonly kind: "escrow" };

export function isEscrow(definition: FieldDefinition | undefined): definition is EscrowField {
  return definition?.class === "merge" && definition.kind === "escrow";
}

export function escrowMin({ min = 0 }: EscrowField): number {
  return min;
}

/**
 * Whether a change is of the kind that its field has. It is not where the field has become authoritative since, or
 * before: then the change was accepted, or proposed, under another schema. Fields that the schema lacks have yet to come.
 */
export function isOfFieldKind(
  schema: CollectionSchema,
  change: { field: string; kind: ChangeKind },
): boolean {
  const definition = own(schema.fields, change.field);
  return definition === undefined || kindOfField(definition) === change.kind;
}

/** By name: where the order of fields decides which of several rules is told, it must not be that of a store. */
export function fieldsInOrder(schema: CollectionSchema): [string, FieldDefinition][] {
  return Object.entries(schema.fields).sort(([one], [other]) => (one < other ? -1 : 1));
}

export function hasType(value: unknown, type: ValueType): boolean {
  switch (type) {
    case "json":
      return true;
    case "integer":
      return Number.isSafeInteger(value);
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
  }
}

export function operatorsOfField(definition: FieldDefinition): readonly Operator[] {
  const operators = operatorsOf(kindOfField(definition));
  // Rights move between regions on demand: clients have nothing to do with it.
  if (definition.class !== "authoritative") return operators.filter((operator) => operator !== "move");
  // A sum is known only when it is decided: too late to look up who else has it.
  const isSummable = definition.unique !== true && ["integer", "json"].includes(valueTypeOf(definition));
  return isSummable ? operators : operators.filter((operator) => operator !== "inc");
}

/** The type of the values that a field takes. */
export function valueTypeOf(definition: FieldDefinition): ValueType {
  const kind = kindOfField(definition);
  if (kind === "counter" || kind === "escrow") return "integer";
  return definition.type ?? (kind === "max" || kind === "min" ? "number" : "json");
}
