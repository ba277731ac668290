/** The operators of a write, checked against the schema. */
import { argumentProblem } from "../fields/argument.ts";
import { OPERATORS, type Change, type Operator } from "../fields/kind.ts";
import { isObject, own, unstorableReason, type JsonValue } from "../json.ts";
import {
  hasType,
  kindOfField,
  operatorsOfField,
  valueTypeOf,
  type CollectionSchema,
  type FieldDefinition,
} from "../schema.ts";
import { RefusedWriteError } from "./refused-write.ts";

export const CHANGES_MAX = 256;

/**
 * Checks operators against the schema and lists their changes, by operator and field in the body's order.
 * @throws {RefusedWriteError} says what is wrong and what would be right.
 */
export function planChanges(
  schema: CollectionSchema,
  operators: { readonly [operator: string]: unknown },
): Change[] {
  const changes: Change[] = [];
  for (const [operator, fields] of Object.entries(operators)) {
    if (!isOperator(operator)) throw unknownOperator(operator);
    for (const [field, argument] of fieldArguments(operator, fields)) {
      changes.push(planChange({ schema, operator, field, argument }));
    }
  }
  if (changes.length > CHANGES_MAX) {
    throw new RefusedWriteError(
      "too-many-changes",
      `a write has at most ${CHANGES_MAX} changes, this one has ${changes.length}`,
    );
  }
  return changes;
}

/** Those that clients write. */
const CLIENT_OPERATORS: readonly string[] = OPERATORS.filter((operator) => operator !== "move");

function isOperator(name: string): name is Operator {
  return CLIENT_OPERATORS.includes(name);
}

function unknownOperator(name: string): RefusedWriteError {
  return new RefusedWriteError(
    "unknown-operator",
    `there is no operator "${name}"; known are ${CLIENT_OPERATORS.join(", ")}`,
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
  if (definition.deprecated === true) {
    throw new RefusedWriteError(
      "deprecated-field",
      `field "${field}" is deprecated and takes no new writes`,
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

/** Repeated elements and entry names say nothing twice. */
function normalised(operator: Operator, argument: JsonValue): JsonValue {
  const isList = operator === "add" || operator === "remove" || operator === "drop";
  return isList ? [...new Set(argument as readonly JsonValue[])] : argument;
}
