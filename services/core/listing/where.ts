/**
 * Which records a listing by a field is of, and in what order:
 *
 *   where  condition{,condition}     of one field: an equality, or a lower and an upper bound
 *   condition  field:operator:value  eq, gt, gte, lt, lte; a value with a comma is written as a JSON text, "a, b"
 *   order  field | -field            rising or falling
 */
import { RefusedWriteError } from "../accept/refused-write.ts";
import { own } from "../json.ts";
import { valueTypeOf, type CollectionSchema, type FieldDefinition } from "../schema.ts";
import {
  INDEX_KEY_CHARACTERS_MAX,
  indexClassOf,
  indexKey,
  indexSignature,
  KEYS_END,
  nextKey,
  type IndexClass,
} from "./index-key.ts";

export interface Asked {
  readonly where: string | undefined;
  readonly order: string | undefined;
}

/** A range of an index's keys: `from` is in it, `to` is not. */
export interface FieldRange {
  readonly field: string;
  readonly indexClass: IndexClass;
  readonly signature: string;
  readonly from: string;
  readonly to: string;
  readonly isDescending: boolean;
  /** Records in which nothing is set have a value all the same. */
  readonly hasDefault: boolean;
}

const OPERATORS = ["eq", "gt", "gte", "lt", "lte"] as const;
type Operator = (typeof OPERATORS)[number];

interface Condition {
  readonly field: string;
  readonly operator: Operator;
  readonly value: string;
}

const CONDITION = /^([a-zA-Z][a-zA-Z0-9_]*):([a-z]+):(.*)$/su;
const ORDER = /^-?[a-zA-Z][a-zA-Z0-9_]*$/;
export const WHERE_LENGTH_MAX = 4_096;
const SHAPE = "field:operator:value, as status:eq:paid or age:gte:18,age:lt:65";

/** @throws {RefusedWriteError} invalid-parameter, unknown-field, not-indexed: says what is wrong and what would be right. */
export function planRange(schema: CollectionSchema, { where, order }: Asked): FieldRange {
  const conditions = where === undefined ? [] : splitConditions(where).map(readCondition);
  if (order !== undefined && !ORDER.test(order))
    throw invalid("order", `order is the name of a field, with a - before it for falling values`);
  const ordered = order?.replace("-", "");
  const fields = [...new Set([...conditions.map(({ field }) => field), ...(ordered ? [ordered] : [])])];
  const [field, ...others] = fields;
  if (field === undefined) throw invalid("where", `where is made of ${SHAPE}`);
  if (others.length > 0) {
    const told = `this asks for ${fields.join(" and ")}`;
    throw invalid("where", `a listing goes by the index of one field, in where and in order; ${told}`);
  }
  const { definition, indexClass } = indexedField(schema, field);
  return {
    field,
    indexClass,
    signature: indexSignature(definition, indexClass),
    ...boundsOf(conditions, { definition, indexClass }),
    isDescending: order?.startsWith("-") === true,
    hasDefault: indexSignature(definition, indexClass) !== JSON.stringify([indexClass]),
  };
}

interface Indexed {
  readonly definition: FieldDefinition;
  readonly indexClass: IndexClass;
}

function indexedField(schema: CollectionSchema, field: string): Indexed {
  const definition = own(schema.fields, field);
  if (definition === undefined) {
    const known = Object.keys(schema.fields).join(", ");
    const message = `the collection has no field "${field}"; it has ${known}`;
    throw new RefusedWriteError("unknown-field", message, field);
  }
  const indexClass = indexClassOf(definition);
  if (definition.index === true && indexClass !== undefined) return { definition, indexClass };
  const indexed = Object.entries(schema.fields).filter(([, { index }]) => index === true);
  const names = indexed.length === 0 ? "none" : indexed.map(([name]) => name).join(", ");
  const advice =
    indexClass === undefined ? "its values have no order" : 'set "index": true on it in the schema';
  const message = `field ${field} is not indexed (indexed are: ${names}); ${advice}`;
  throw new RefusedWriteError("not-indexed", message, field);
}

/** At commas that are not within a JSON text, which begins right after a colon. */
function splitConditions(where: string): string[] {
  if (where.length > WHERE_LENGTH_MAX)
    throw invalid("where", `where has at most ${WHERE_LENGTH_MAX} characters, this one has ${where.length}`);
  const parts: string[] = [];
  let begin = 0;
  let isQuoted = false;
  for (let index = 0; index < where.length; index += 1) {
    const character = where[index];
    if (isQuoted && character === "\\") index += 1;
    else if (character === '"') isQuoted = !isQuoted && where[index - 1] === ":";
    else if (character === "," && !isQuoted) {
      parts.push(where.slice(begin, index));
      begin = index + 1;
    }
  }
  return [...parts, where.slice(begin)];
}

function readCondition(text: string): Condition {
  const [, field, operator, value] = CONDITION.exec(text) ?? [];
  if (field === undefined || value === undefined)
    throw invalid("where", `"${text}" is no condition: ${SHAPE}`);
  const known = OPERATORS.find((one) => one === operator);
  if (known === undefined)
    throw invalid("where", `there is no operator "${operator}" in where; known are ${OPERATORS.join(", ")}`);
  return { field, operator: known, value };
}

function boundsOf(conditions: readonly Condition[], indexed: Indexed): { from: string; to: string } {
  let from: string | undefined;
  let to: string | undefined;
  for (const { field, operator, value } of conditions) {
    const key = keyOf(field, value, indexed);
    const isLower = operator !== "lt" && operator !== "lte";
    const isUpper = operator !== "gt" && operator !== "gte";
    if ((isLower && from !== undefined) || (isUpper && to !== undefined))
      throw invalid("where", `"${field}" is bounded twice on the same side: one bound says it`);
    if (isLower) from = operator === "gt" ? nextKey(key) : key;
    if (isUpper) to = operator === "lt" ? key : nextKey(key);
  }
  return { from: from ?? "", to: to ?? KEYS_END };
}

function keyOf(field: string, value: string, { definition, indexClass }: Indexed): string {
  const type = valueTypeOf(definition);
  const read = indexClass === "text" ? readText(value) : parsed(value);
  const isOfType = indexClass === "text" || typeof read === indexClass;
  if (!isOfType || (typeof read === "number" && !Number.isFinite(read)))
    throw invalid("where", `field ${field} is of type ${type}, and "${value}" is none`);
  // Then what is cut off a key makes no difference to any comparison with it.
  if (typeof read === "string" && Array.from(read).length >= INDEX_KEY_CHARACTERS_MAX)
    throw invalid("where", `a text in where has less than ${INDEX_KEY_CHARACTERS_MAX} characters`);
  return indexKey(read as string | number | boolean, indexClass)!;
}

function readText(value: string): string {
  if (!value.startsWith('"')) return value;
  const text = parsed(value);
  if (typeof text !== "string") throw invalid("where", `${value} begins like a JSON text and is none`);
  return text;
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function invalid(field: string, message: string): RefusedWriteError {
  return new RefusedWriteError("invalid-parameter", message, field);
}
