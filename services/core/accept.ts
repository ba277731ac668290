/** The third equation: accept(write) = local, if every field that it touches is of a local class. Pure validation, no reads. */
import { argumentProblem } from "./fields/argument.ts";
import { OPERATORS, type Change, type Operator } from "./fields/kind.ts";
import { isObject, isStorableText, own, unstorableReason, type JsonValue } from "./json.ts";
import {
  kindOfField,
  operatorsOfField,
  valueTypeOf,
  type CollectionSchema,
  type FieldDefinition,
  type ValueType,
} from "./schema.ts";

export type RefusalCode =
  | "malformed-body"
  | "unknown-operator"
  | "unknown-field"
  | "wrong-operator"
  | "wrong-type"
  | "unstorable-value"
  | "empty-write"
  | "too-many-changes"
  | "condition-on-local-write"
  | "invalid-key";

export class RefusedWriteError extends Error {
  override readonly name = "RefusedWriteError";
  readonly code: RefusalCode;
  readonly field: string | undefined;
  constructor(code: RefusalCode, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

export const KEY_BYTES_MAX = 512;
export const CHANGES_MAX = 256;

/** Members of a body that are conditions: only the log can decide them. */
const CONDITIONS = ["if", "fence"];

/** @throws {RefusedWriteError} `invalid-key` */
export function checkKey(key: string): void {
  if (key.length === 0) throw new RefusedWriteError("invalid-key", "a key has at least one character");
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
    throw new RefusedWriteError("invalid-key", `a key has at most ${KEY_BYTES_MAX} bytes`);
  }
  // Control characters would make keys that no one can read, list or log.
  if (!isStorableText(key) || /\p{Cc}/u.test(key)) {
    throw new RefusedWriteError("invalid-key", "a key has no control characters and no half surrogate pairs");
  }
}

/**
 * Checks a write's body against the schema and lists its changes, by operator and field in the body's order.
 * @throws {RefusedWriteError} says what is wrong and what would be right.
 */
export function planChanges(schema: CollectionSchema, body: unknown): Change[] {
  if (!isObject(body))
    throw new RefusedWriteError("malformed-body", "the body is a JSON object of operators");
  const changes: Change[] = [];
  for (const [operator, fields] of Object.entries(body)) {
    if (!isOperator(operator)) throw unknownOperator(operator);
    for (const [field, argument] of fieldArguments(operator, fields)) {
      changes.push(planChange({ schema, operator, field, argument }));
    }
  }
  if (changes.length === 0) throw new RefusedWriteError("empty-write", "the write changes no field");
  if (changes.length > CHANGES_MAX) {
    throw new RefusedWriteError(
      "too-many-changes",
      `a write has at most ${CHANGES_MAX} changes, this one has ${changes.length}`,
    );
  }
  return changes;
}

function isOperator(name: string): name is Operator {
  return (OPERATORS as readonly string[]).includes(name);
}

function unknownOperator(name: string): RefusedWriteError {
  if (CONDITIONS.includes(name)) {
    const reason = "a region accepts writes of lww and merge fields alone and can't decide a condition";
    return new RefusedWriteError(
      "condition-on-local-write",
      `"${name}" needs an authoritative field: ${reason}`,
    );
  }
  return new RefusedWriteError(
    "unknown-operator",
    `there is no operator "${name}"; known are ${OPERATORS.join(", ")}`,
  );
}

/** `unset` lists fields; every other operator maps fields to arguments. */
function fieldArguments(operator: Operator, fields: unknown): [string, unknown][] {
  if (operator === "unset") {
    if (!Array.isArray(fields) || !fields.every((field) => typeof field === "string")) {
      throw new RefusedWriteError("malformed-body", '"unset" takes a list of field names');
    }
    return [...new Set(fields as string[])].map((field) => [field, null]);
  }
  if (!isObject(fields)) {
    throw new RefusedWriteError(
      "malformed-body",
      `"${operator}" takes an object of fields and their arguments`,
    );
  }
  return Object.entries(fields);
}

function planChange(input: {
  schema: CollectionSchema;
  operator: Operator;
  field: string;
  argument: unknown;
}): Change {
  const { schema, operator, field, argument } = input;
  const definition = own(schema.fields, field);
  if (definition === undefined) {
    const known = Object.keys(schema.fields).join(", ");
    throw new RefusedWriteError(
      "unknown-field",
      `the collection has no field "${field}"; it has ${known}`,
      field,
    );
  }
  const operators = operatorsOfField(definition);
  if (!operators.includes(operator)) {
    const kind = kindOfField(definition);
    throw new RefusedWriteError(
      "wrong-operator",
      `field "${field}" is a ${kind}: it takes ${operators.join(" and ")}, not ${operator}`,
      field,
    );
  }
  const reason = unstorableReason(argument);
  if (reason !== undefined)
    throw new RefusedWriteError("unstorable-value", `the value of "${field}" ${reason}`, field);
  const expected = expectation(definition, operator, argument);
  if (expected !== undefined) {
    throw new RefusedWriteError("wrong-type", `"${operator}" of "${field}" takes ${expected}`, field);
  }
  return {
    field,
    kind: kindOfField(definition),
    operator,
    argument: normalised(operator, argument as JsonValue),
  };
}

/** What the argument should have been, or undefined when it is right. */
function expectation(definition: FieldDefinition, operator: Operator, argument: unknown): string | undefined {
  const type = valueTypeOf(definition);
  const isTyped = operator === "set" || operator === "raise" || operator === "lower";
  if (isTyped && !hasType(argument, type)) return `a value of type ${type}`;
  return argumentProblem(operator, argument);
}

function hasType(value: unknown, type: ValueType): boolean {
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

/** Repeated elements and entry names say nothing twice. */
function normalised(operator: Operator, argument: JsonValue): JsonValue {
  const isList = operator === "add" || operator === "remove" || operator === "drop";
  return isList ? [...new Set(argument as readonly JsonValue[])] : argument;
}
