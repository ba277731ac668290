/** A collection's schema: the consistency class of each field, and how a schema may change. */
import { operatorsOf } from "./fields/index.ts";
import { LOCAL_KINDS, type ChangeKind, type LocalKind, type Operator } from "./fields/kind.ts";
import { canonicalJson, own, type JsonValue } from "./json.ts";

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

/** Only the log writes it, in its order and by these rules. */
export interface AuthoritativeField {
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
  /** The value of a record that was never given one; for `states`. */
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

/** What a client sees of fields that were never written. */
export function defaultsOf(schema: CollectionSchema): { readonly [field: string]: JsonValue } {
  const defaults: { [field: string]: JsonValue } = {};
  for (const [field, definition] of Object.entries(schema.fields)) {
    if (definition.class === "authoritative" && definition.initial !== undefined) {
      defaults[field] = definition.initial;
    }
  }
  return defaults;
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
    if (definition.class === "authoritative") problems.push(...authoritativeProblems(name, definition));
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

function authoritativeProblems(name: string, definition: AuthoritativeField): string[] {
  const problems: string[] = [];
  const { type = "json", unique, min, max, initial, states } = definition;
  if (unique === true && type !== "string" && type !== "integer") {
    problems.push(`field ${name}: unique values are of type string or integer, not ${type}`);
  }
  if ((min !== undefined || max !== undefined) && type !== "integer" && type !== "number") {
    problems.push(`field ${name}: min and max bound values of type integer or number, not ${type}`);
  }
  if (min !== undefined && max !== undefined && min > max) {
    problems.push(`field ${name}: min ${min} is above max ${max}`);
  }
  if (states === undefined) {
    return initial === undefined ? problems : [...problems, `field ${name}: initial goes with states`];
  }
  if (type !== "string") problems.push(`field ${name}: states are of type string, not ${type}`);
  if (initial === undefined) problems.push(`field ${name}: states need an initial one`);
  else if (!Object.hasOwn(states, initial)) {
    problems.push(`field ${name}: the initial state "${initial}" has no entry in states`);
  }
  if (definition.immutable === true) problems.push(`field ${name}: it has states, and so can't be immutable`);
  if (unique === true) problems.push(`field ${name}: it has states, and so can't be unique`);
  return problems;
}

/** Why a schema can't be in force in a cluster with so many partitions, in sentences; empty when it can. */
export function placementProblems(schema: CollectionSchema, partitions: number): string[] {
  if (partitions === 1 || schema.partitionBy === "collection") return [];
  const unique = Object.entries(schema.fields)
    .filter(([, definition]) => definition.class === "authoritative" && definition.unique === true)
    .map(([name]) => name);
  if (unique.length === 0) return [];
  const reason = `of ${partitions} partitions none sees the others' values`;
  return [
    `${unique.join(", ")} can be unique only within one partition, and ${reason}: set "partitionBy": "collection"`,
  ];
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
  const was = before.partitionBy ?? "key";
  const is = after.partitionBy ?? "key";
  if (was !== is) problems.push(`records are placed by ${was}: they can't be placed by ${is} afterwards`);
  return problems;
}

export function sameSchema(one: CollectionSchema, other: CollectionSchema): boolean {
  return (
    Object.keys(one.fields).length === Object.keys(other.fields).length &&
    evolutionProblems(one, other).length === 0
  );
}

function describeField(definition: FieldDefinition): string {
  const type = valueTypeOf(definition);
  switch (definition.class) {
    case "lww":
      return `lww of ${type}`;
    case "merge":
      return `merge ${definition.kind} of ${type}`;
    case "authoritative":
      return `authoritative of ${type}${describeRules(definition)}`;
  }
}

function describeRules(definition: AuthoritativeField): string {
  const { class: _, type: __, ...rules } = definition;
  return Object.keys(rules).length === 0 ? "" : ` with ${canonicalJson(rules)}`;
}
