/** The rules of authoritative fields: what a value may become. Compared before and after a write, whatever operator made it. */
import { canonicalJson, type JsonValue } from "../json.ts";
import { hasType, UNIQUE_VALUE_BYTES_MAX, valueTypeOf, type AuthoritativeField } from "../schema.ts";
import { RejectedError } from "./rejection.ts";

/** @throws {RejectedError} the first rule that the change breaks. */
export function checkRules(options: {
  field: string;
  definition: AuthoritativeField;
  before: JsonValue | undefined;
  after: JsonValue | undefined;
}): void {
  const { field, definition, before, after } = options;
  const isSame = canonicalJson(before ?? null) === canonicalJson(after ?? null);
  if (definition.immutable === true && before !== undefined && !isSame) {
    throw new RejectedError("immutable", `"${field}" is set and can't be changed`, field);
  }
  if (definition.states !== undefined && !isSame)
    checkTransition(field, definition.states, { before, after });
  if (after === undefined) return;
  if (!hasType(after, valueTypeOf(definition))) {
    throw new RejectedError("schema", `"${field}" holds values of type ${valueTypeOf(definition)}`, field);
  }
  checkBounds(field, definition, after);
  if (definition.unique === true && Buffer.byteLength(canonicalJson(after)) > UNIQUE_VALUE_BYTES_MAX) {
    const message = `a unique value has at most ${UNIQUE_VALUE_BYTES_MAX} bytes as JSON`;
    throw new RejectedError("bound", `"${field}": ${message}`, field);
  }
}

function checkTransition(
  field: string,
  states: NonNullable<AuthoritativeField["states"]>,
  change: { before: JsonValue | undefined; after: JsonValue | undefined },
): void {
  const { before, after } = change;
  const allowed = typeof before === "string" && Object.hasOwn(states, before) ? states[before]! : [];
  if (typeof after === "string" && allowed.includes(after)) return;
  const next = allowed.length === 0 ? "nothing" : allowed.join(" or ");
  const to = after === undefined ? "unset" : JSON.stringify(after);
  throw new RejectedError(
    "transition",
    `"${field}" can't go from ${JSON.stringify(before)} to ${to}: ${next} may follow`,
    field,
  );
}

function checkBounds(field: string, { min, max }: AuthoritativeField, after: JsonValue): void {
  if (typeof after !== "number") return;
  if (min !== undefined && after < min) {
    throw new RejectedError("bound", `"${field}" would be ${after}, which is below ${min}`, field);
  }
  if (max !== undefined && after > max) {
    throw new RejectedError("bound", `"${field}" would be ${after}, which is above ${max}`, field);
  }
}
