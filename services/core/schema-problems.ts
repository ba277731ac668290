/** What is wrong with a schema as such, before it is compared with another. */
import { indexClassOf, INDEXED_FIELDS_MAX } from "./listing/index-key.ts";
import {
  defaultOf,
  FIELDS_MAX,
  hasType,
  isEscrow,
  kindOfField,
  LIFETIME_MS_MAX,
  valueTypeOf,
  type AuthoritativeField,
  type CollectionSchema,
  type FieldDefinition,
  type MergeField,
} from "./schema.ts";

const UNIQUE_FIELDS_MAX = 16;
const TTL_MS_MIN = 1_000;

/** What is wrong with a schema that has the right shape, in sentences; empty when nothing is. */
export function schemaProblems(schema: CollectionSchema): string[] {
  const problems: string[] = [];
  const names = Object.keys(schema.fields);
  if (names.length > FIELDS_MAX)
    problems.push(`a collection has at most ${FIELDS_MAX} fields, this one has ${names.length}`);
  for (const [name, definition] of Object.entries(schema.fields)) {
    problems.push(...typeProblems(name, definition));
    if (definition.class === "authoritative") problems.push(...authoritativeProblems(name, definition));
    const value = defaultOf(definition);
    if (value !== undefined && !hasType(value, valueTypeOf(definition)))
      problems.push(`field ${name}: its default is not of type ${valueTypeOf(definition)}`);
  }
  return [...problems, ...indexProblems(schema), ...lifeProblems(schema)];
}

function indexProblems({ fields }: CollectionSchema): string[] {
  const indexed = Object.entries(fields).filter(([, { index }]) => index === true);
  const problems = indexed
    .filter(([, definition]) => indexClassOf(definition) === undefined)
    .map(([name, definition]) => {
      const kind = kindOfField(definition);
      const isCollection = kind === "set" || kind === "map" || kind === "register";
      const reason = isCollection
        ? `the values of a ${kind} have no order`
        : "values of any type have no order; give it the type string, integer, number or boolean";
      return `field ${name} can't be indexed: ${reason}`;
    });
  if (indexed.length > INDEXED_FIELDS_MAX) {
    const count = `a collection has at most ${INDEXED_FIELDS_MAX} indexed fields`;
    problems.push(`${count}, since each write keeps all of them; this one has ${indexed.length}`);
  }
  return problems;
}

function typeProblems(name: string, definition: FieldDefinition): string[] {
  const kind = kindOfField(definition);
  const { type } = definition;
  const problems = definition.class === "merge" ? boundProblems(name, definition) : [];
  if (type === undefined) return problems;
  if ((kind === "max" || kind === "min") && !["number", "integer", "string"].includes(type)) {
    problems.push(`field ${name}: a ${kind} holds values of type number, integer or string, not ${type}`);
  }
  if ((kind === "counter" || kind === "escrow") && type !== "integer")
    problems.push(
      `field ${name}: ${kind === "counter" ? "a counter" : "an escrow"} counts in integers, not ${type}`,
    );
  if (kind === "set" || kind === "map") problems.push(`field ${name}: a ${kind} takes no type`);
  return problems;
}

function boundProblems(name: string, { kind, min }: MergeField): string[] {
  if (min === undefined) return [];
  if (kind !== "escrow") return [`field ${name}: a ${kind} has no min; an escrow has`];
  return Number.isSafeInteger(min) ? [] : [`field ${name}: the min of an escrow is an integer, not ${min}`];
}

function lifeProblems({ fields, ttlMs, tombstoneRetentionMs }: CollectionSchema): string[] {
  const problems: string[] = [];
  const unique = uniqueFields(fields);
  if (unique.length > UNIQUE_FIELDS_MAX)
    problems.push(
      `a collection has at most ${UNIQUE_FIELDS_MAX} unique fields, this one has ${unique.length}`,
    );
  if (ttlMs !== undefined && unique.length > 0) {
    const reason = "whether its owner has expired can't be seen from a claim";
    problems.push(`records with unique fields (${unique.join(", ")}) can't expire: ${reason}`);
  }
  const escrows = escrowFields(fields);
  if (ttlMs !== undefined && escrows.length > 0) {
    const reason = "a region may take from what another takes for expired";
    problems.push(`records with escrow fields (${escrows.join(", ")}) can't expire: ${reason}`);
  }
  for (const [what, value] of Object.entries({ ttlMs, tombstoneRetentionMs })) {
    if (value === undefined || (value >= TTL_MS_MIN && value <= LIFETIME_MS_MAX)) continue;
    problems.push(`${what} is a time from ${TTL_MS_MIN} to ${LIFETIME_MS_MAX} ms, not ${value}`);
  }
  return problems;
}

function uniqueFields(fields: CollectionSchema["fields"]): string[] {
  return Object.entries(fields)
    .filter(([, definition]) => definition.class === "authoritative" && definition.unique === true)
    .map(([name]) => name);
}

function escrowFields(fields: CollectionSchema["fields"]): string[] {
  return Object.entries(fields)
    .filter(([, definition]) => isEscrow(definition))
    .map(([name]) => name);
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
  if (definition.immutable === true && definition.default !== undefined) {
    problems.push(`field ${name}: it is immutable, and so can't have a default`);
  }
  if (states !== undefined && definition.default !== undefined) {
    problems.push(`field ${name}: its states begin with "initial", not with a default`);
  }
  if (unique === true && definition.default !== undefined) {
    problems.push(`field ${name}: it is unique, and so can't have a default`);
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
  const unique = uniqueFields(schema.fields);
  if (unique.length === 0) return [];
  const reason = `of ${partitions} partitions none sees the others' values`;
  return [
    `${unique.join(", ")} can be unique only within one partition, and ${reason}: set "partitionBy": "collection"`,
  ];
}
