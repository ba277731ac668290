/** From values of a file or table to arguments of operators, as the collection's schema types them. */
import type { Operator } from "../../core/fields/kind.ts";
import {
  escrowMin,
  isEscrow,
  kindOfField,
  valueTypeOf,
  type FieldDefinition,
  type ValueType,
} from "../../core/schema.ts";
import { RowError } from "./row.ts";

export interface Target {
  readonly field: string;
  readonly definition: FieldDefinition;
  /** Undefined: what makes a new record's field the value. */
  readonly operator: Operator | undefined;
}

/** How values of the source read. */
export interface Reading {
  readonly isText: boolean;
  readonly isNullValue: boolean;
}

export interface Operation {
  readonly operator: Operator;
  readonly argument: unknown;
}

/** What makes an empty field the value that is imported. */
const DEFAULT_OPERATORS = {
  lww: "set",
  register: "set",
  value: "set",
  counter: "inc",
  set: "add",
  map: "put",
  max: "raise",
  min: "lower",
  escrow: "give",
} as const satisfies { readonly [kind: string]: Operator };

export function defaultOperator(definition: FieldDefinition): Operator {
  return DEFAULT_OPERATORS[kindOfField(definition)];
}

/** @returns undefined where the value says nothing. @throws {RowError} */
export function convert(target: Target, value: unknown, reading: Reading): Operation | undefined {
  const { definition } = target;
  const operator = target.operator ?? defaultOperator(definition);
  const type = operandType(definition, operator);
  if (isNothing(value, type, reading)) return undefined;
  if (operator === "unset") return booleanOf(value) === true ? { operator, argument: null } : undefined;
  if (target.operator === undefined && isEscrow(definition)) return giveUpTo(value, escrowMin(definition));
  return { operator, argument: argumentOf(value, { operator, type, isText: reading.isText }) };
}

type OperandType = ValueType | "list" | "entries" | "flag";

function operandType(definition: FieldDefinition, operator: Operator): OperandType {
  switch (operator) {
    case "set":
    case "raise":
    case "lower":
      return valueTypeOf(definition);
    case "add":
    case "remove":
    case "drop":
      return "list";
    case "put":
      return "entries";
    case "unset":
      return "flag";
    default:
      return "integer";
  }
}

/** An empty text is a value of fields of text alone; unquoted in CSV it does not come here. */
function isNothing(value: unknown, type: OperandType, { isNullValue }: Reading): boolean {
  if (value === undefined) return true;
  if (value === null) return !(isNullValue && type === "json");
  return value === "" && type !== "string" && type !== "json";
}

function argumentOf(
  value: unknown,
  { operator, type, isText }: { operator: Operator; type: OperandType; isText: boolean },
): unknown {
  switch (type) {
    case "list":
      return listOf(value, isText, operator);
    case "entries":
      return entriesOf(value, isText);
    case "flag":
      return booleanOf(value);
    default:
      return convertType(value, type, isText);
  }
}

/** @throws {RowError} */
export function convertType(value: unknown, type: ValueType, isText: boolean): unknown {
  switch (type) {
    case "string":
      return textOf(value);
    case "integer":
      return integerOf(value);
    case "number":
      return numberOf(value);
    case "boolean":
      return booleanOf(value) ?? wrong(value, "is neither true nor false");
    case "json":
      return isText && typeof value === "string" ? jsonOr(value) : plain(value);
  }
}

/** The number that an escrow is to have; what it begins at is there already. */
function giveUpTo(value: unknown, min: number): Operation | undefined {
  const number = integerOf(value);
  if (number < min) throw new RowError(`${number} is below the escrow's bound of ${min}`);
  return number === min ? undefined : { operator: "give", argument: number - min };
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (value instanceof Date) return value.toISOString();
  return wrong(value, "is no text");
}

const WHOLE_NUMBER = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function integerOf(value: unknown): number {
  const text = typeof value === "string" ? value.trim() : value;
  const number = typeof text === "string" && WHOLE_NUMBER.test(text) ? Number(text) : text;
  if (Number.isSafeInteger(number)) return (number as number) + 0;
  return wrong(value, "is no whole number between -(2^53 - 1) and 2^53 - 1");
}

function numberOf(value: unknown): number {
  const text = typeof value === "string" ? value.trim() : value;
  const number = typeof text === "string" && NUMBER.test(text) ? Number(text) : text;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  return wrong(value, "is no number");
}

const TRUE = ["true", "t", "yes", "y", "1"];
const FALSE = ["false", "f", "no", "n", "0"];

function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const text = String(value).trim().toLowerCase();
  if (TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : undefined;
}

/** A JSON list, a list, or one element. */
function listOf(value: unknown, isText: boolean, operator: Operator): unknown[] {
  const given = isText && typeof value === "string" && value.trim().startsWith("[") ? jsonOr(value) : value;
  const list = Array.isArray(given) ? given : [plain(given)];
  const isElement = (element: unknown) =>
    typeof element === "string" || (operator !== "drop" && ["number", "boolean"].includes(typeof element));
  if (list.every(isElement)) return list;
  return wrong(
    value,
    operator === "drop" ? "is no list of names" : "is no list of texts, numbers and booleans",
  );
}

function entriesOf(value: unknown, isText: boolean): unknown {
  const given = isText && typeof value === "string" ? jsonOr(value) : value;
  if (typeof given === "object" && given !== null && !Array.isArray(given) && !(given instanceof Date))
    return given;
  return wrong(value, 'is no JSON object of entries such as {"email":true}');
}

/** A number that would come back as another text, such as 007, 1.10 or one of twenty digits, stays text. */
function jsonOr(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "number" && String(value) !== text.trim() ? text : value;
  } catch {
    return text;
  }
}

/** What drivers hand over that JSON has not. */
function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Buffer.isBuffer(value)) return value.toString("base64");
  return value;
}

const SHOWN_MAX = 60;

function wrong(value: unknown, why: string): never {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  throw new RowError(`"${text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text}" ${why}`);
}
