/** A register with read, write and compare-and-set on its value, as a sequential specification. */
import { canonicalJson, type JsonValue } from "../../services/core/json.ts";
import { isCompleted, UNKNOWN, type RecordedOperation, type Unknown } from "./history.ts";
import type { Model, NoEffect } from "./model.ts";
import { isSame, valueBeside } from "./values.ts";

export type RegisterInput =
  | { readonly type: "read" }
  | { readonly type: "write"; readonly value: JsonValue }
  | { readonly type: "compare-and-set"; readonly expected: JsonValue; readonly value: JsonValue };

export type RegisterOutput =
  | { readonly type: "read"; readonly value: JsonValue }
  | { readonly type: "written" }
  /** The register held another value than the expected one. */
  | { readonly type: "rejected" }
  | NoEffect;

export type RegisterOperation = RecordedOperation<RegisterInput, RegisterOutput>;

export function registerModel(initial: JsonValue = null): Model<JsonValue, RegisterInput, RegisterOutput> {
  const values = { of: canonicalJson, needed, given };
  return { initial, step, stateKey: canonicalJson, hints: { isObservation, simplify, values } };
}

function step(
  state: JsonValue,
  input: RegisterInput,
  output: RegisterOutput | Unknown,
): readonly JsonValue[] {
  const isMet = input.type !== "compare-and-set" || isSame(state, input.expected);
  if (output === UNKNOWN) return input.type === "read" || !isMet ? [state] : [input.value];
  switch (output.type) {
    case "read":
      return input.type === "read" && isSame(state, output.value) ? [state] : [];
    case "written":
      return input.type !== "read" && isMet ? [input.value] : [];
    case "rejected":
      return isMet ? [] : [state];
    case "no-effect":
      return [state];
  }
}

function isObservation(input: RegisterInput, output: RegisterOutput | Unknown): boolean {
  return input.type === "read" || (output !== UNKNOWN && output.type !== "written");
}

function needed(input: RegisterInput, output: RegisterOutput): string | undefined {
  if (output.type === "read") return canonicalJson(output.value);
  return input.type === "compare-and-set" && output.type === "written"
    ? canonicalJson(input.expected)
    : undefined;
}

function given(input: RegisterInput, output: RegisterOutput | Unknown): string | undefined {
  if (input.type === "read" || (output !== UNKNOWN && output.type !== "written")) return undefined;
  return canonicalJson(input.value);
}

/** Values that are neither read nor compared with are all the same. */
function simplify(operations: readonly RegisterOperation[]): readonly RegisterOperation[] {
  const observed = new Set<string>();
  for (const operation of operations) {
    const { input } = operation;
    if (input.type === "compare-and-set") observed.add(canonicalJson(input.expected));
    if (isCompleted(operation) && operation.output.type === "read") {
      observed.add(canonicalJson(operation.output.value));
    }
  }
  const value = valueBeside(observed);
  return operations.map((operation) => {
    const { input } = operation;
    if (input.type === "read" || observed.has(canonicalJson(input.value))) return operation;
    return { ...operation, input: { ...input, value } };
  });
}
