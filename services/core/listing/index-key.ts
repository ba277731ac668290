/**
 * Keys by which records are found by the value of a field: texts that sort by bytes as the values do. The database makes
 * the same keys of what is committed (`forebay_index_key`); here they are made of what is pending.
 */
import { canonicalJson, type JsonValue } from "../json.ts";
import { defaultOf, kindOfField, valueTypeOf, type FieldDefinition } from "../schema.ts";

export type IndexClass = "text" | "number" | "boolean";

/** Of texts so many characters count; longer ones that begin alike are in the order of their records' keys. */
export const INDEX_KEY_CHARACTERS_MAX = 256;
export const INDEXED_FIELDS_MAX = 8;

/** After every key. */
export const KEYS_END = "\u{10ffff}".repeat(INDEX_KEY_CHARACTERS_MAX + 1);

const CLASSES = {
  string: "text",
  integer: "number",
  number: "number",
  boolean: "boolean",
  json: undefined,
} as const;

/** Undefined of a field whose values have no order. */
export function indexClassOf(definition: FieldDefinition): IndexClass | undefined {
  const kind = kindOfField(definition);
  if (kind === "set" || kind === "map" || kind === "register") return undefined;
  return CLASSES[valueTypeOf(definition)];
}

/** All that the keys of a field's values depend on: where it changes, they have to be made anew. */
export function indexSignature(definition: FieldDefinition, indexClass: IndexClass): string {
  const value = defaultOf(definition);
  return canonicalJson(value === undefined ? [indexClass] : [indexClass, value]);
}

/** Of what a field shows; undefined of nothing, and of a value of another type. */
export function indexKey(value: JsonValue | undefined, indexClass: IndexClass): string | undefined {
  if (typeof value === "string" && indexClass === "text") return cut(value);
  if (typeof value === "number" && indexClass === "number") return numberKey(value);
  if (typeof value === "boolean" && indexClass === "boolean") return value ? "1" : "0";
  return undefined;
}

/** The first text after a key. */
export function nextKey(key: string): string {
  return `${key}\u0001`;
}

function cut(text: string): string {
  if (text.length <= INDEX_KEY_CHARACTERS_MAX) return text;
  // By code points, as the database counts; twice as many units are always enough of them.
  const points = Array.from(text.slice(0, 2 * INDEX_KEY_CHARACTERS_MAX));
  return points.slice(0, INDEX_KEY_CHARACTERS_MAX).join("");
}

const DOUBLE_BYTES = 8;
const HEX_DIGITS = 16;

/** The bits of the double: all turned below zero, the sign above. */
function numberKey(number: number): string {
  const view = new DataView(new ArrayBuffer(DOUBLE_BYTES));
  // There are two zeros, and they are equal.
  view.setFloat64(0, number === 0 ? 0 : number);
  const bits = view.getBigUint64(0);
  const sign = 1n << 63n;
  const key = number < 0 ? BigInt.asUintN(64, ~bits) : bits | sign;
  return key.toString(16).padStart(HEX_DIGITS, "0");
}
