/** A collection's schema: the consistency class of each field, and how a schema may change. */
import { operatorsOf } from "./fields/index.ts";
import { LOCAL_KINDS, type LocalKind, type Operator } from "./fields/kind.ts";
import { own } from "./json.ts";

export const MERGE_KINDS = LOCAL_KINDS.filter((kind) => kind !== "lww");
export const VALUE_TYPES = ["string", "integer", "number", "boolean", "json"] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

export interface LwwField {
  readonly class: "lww";
  /** Default `json`: any value. */
  readonly type?: ValueType;
}

export interface MergeField {
  readonly class: "merge";
  readonly kind: Exclude<LocalKind, "lww">;
  /** Of the values: for `register` any type, for `max` and `min` a number or a string. */
  readonly type?: ValueType;
}

export type FieldDefinition = LwwField | MergeField;

export interface CollectionSchema {
  readonly fields: { readonly [field: string]: FieldDefinition };
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
export const COLLECTION_NAME_PATTERN = "^[a-z][a-z0-9_-]{0,62}$";
export const FIELD_NAME_PATTERN = "^[a-zA-Z][a-zA-Z0-9_]{0,62}$";

export function kindOfField(definition: FieldDefinition): LocalKind {
  return definition.class === "lww" ? "lww" : definition.kind;
}

export function operatorsOfField(definition: FieldDefinition): readonly Operator[] {
  return operatorsOf(kindOfField(definition));
}

/** The type of the values that a field takes. */
export function valueTypeOf(definition: FieldDefinition): ValueType {
  const kind = kindOfField(definition);
  if (kind === "counter") return "integer";
  return definition.type ?? (kind === "max" || kind === "min" ? "number" : "json");
}

/** What is wrong with a schema that has the right shape, in sentences; empty when nothing is. */
export function schemaProblems(schema: CollectionSchema): string[] {
  const problems: string[] = [];
  const names = Object.keys(schema.fields);
  if (names.length > FIELDS_MAX)
    problems.push(`a collection has at most ${FIELDS_MAX} fields, this one has ${names.length}`);
  for (const [name, definition] of Object.entries(schema.fields)) {
    const kind = kindOfField(definition);
    const { type } = definition;
    if (type === undefined) continue;
    if ((kind === "max" || kind === "min") && !["number", "integer", "string"].includes(type)) {
      problems.push(`field ${name}: a ${kind} holds values of type number, integer or string, not ${type}`);
    }
    if (kind === "counter" && type !== "integer")
      problems.push(`field ${name}: a counter counts in integers, not ${type}`);
    if (kind === "set" || kind === "map") problems.push(`field ${name}: a ${kind} takes no type`);
  }
  return problems;
}

/**
 * Why a schema can't follow another, in sentences; empty when it can. Fields may be added; a field that records may
 * hold values of can't be removed or become something else.
 */
export function evolutionProblems(before: CollectionSchema, after: CollectionSchema): string[] {
  const problems: string[] = [];
  for (const [name, definition] of Object.entries(before.fields)) {
    const next = own(after.fields, name);
    if (next === undefined) {
      problems.push(
        `field ${name} is missing: a field can't be removed, since records may hold values of it`,
      );
      continue;
    }
    const was = describeField(definition);
    const is = describeField(next);
    if (was !== is) problems.push(`field ${name} was ${was} and can't become ${is}`);
  }
  return problems;
}

export function sameSchema(one: CollectionSchema, other: CollectionSchema): boolean {
  return (
    Object.keys(one.fields).length === Object.keys(other.fields).length &&
    evolutionProblems(one, other).length === 0
  );
}

function describeField(definition: FieldDefinition): string {
  const kind = definition.class === "lww" ? "lww" : `merge ${definition.kind}`;
  return `${kind} of ${valueTypeOf(definition)}`;
}
