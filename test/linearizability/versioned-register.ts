/**
 * A record versioned by log sequence, as a sequential specification: a version is an integer from 0 on, larger than that
 * of every earlier write. A write with an unknown outcome has a version that later operations narrow down: a read says it,
 * a condition that held says it, one that did not hold says what it is not.
 */
import { canonicalJson, type JsonValue } from "../../services/core/json.ts";
import { isCompleted, UNKNOWN, type RecordedOperation, type Unknown } from "./history.ts";
import type { Model, NoEffect } from "./model.ts";
import { isSame, valueBeside } from "./values.ts";

/** A number: the record is at that version. `null`: there is no record. `"*"`: there is one. */
export type VersionCondition = number | null | "*";

export type VersionedInput =
  | { readonly type: "read" }
  | { readonly type: "write"; readonly value: JsonValue }
  | { readonly type: "conditional-write"; readonly version: VersionCondition; readonly value: JsonValue };

/** No record: `null` for both. */
interface VersionedSight {
  readonly type: "read";
  readonly value: JsonValue;
  readonly version: number | null;
}

export type VersionedOutput =
  | VersionedSight
  | { readonly type: "written"; readonly version: number }
  /** The condition did not hold. */
  | { readonly type: "rejected" }
  | NoEffect;

export type VersionedOperation = RecordedOperation<VersionedInput, VersionedOutput>;

/** A version that nobody has seen yet: any integer from `least` on but the excluded ones, all of which are larger. */
interface UnseenVersion {
  readonly least: number;
  readonly excluded: readonly number[];
}

export interface VersionedState {
  readonly value: JsonValue;
  /** Null: no record. */
  readonly version: number | UnseenVersion | null;
}

const NO_RECORD: VersionedState = { value: null, version: null };

export function versionedRegisterModel(
  initial = NO_RECORD,
): Model<VersionedState, VersionedInput, VersionedOutput> {
  const values = { of: (state: VersionedState) => canonicalJson(state.value), needed, given };
  return { initial, step, stateKey, hints: { isObservation, isPossibleLater, simplify, values } };
}

function stateKey({ value, version }: VersionedState): string {
  return `${typeof version === "number" ? version : canonicalJson(version)} ${canonicalJson(value)}`;
}

function step(
  state: VersionedState,
  input: VersionedInput,
  output: VersionedOutput | Unknown,
): readonly VersionedState[] {
  if (output === UNKNOWN) return input.type === "read" ? [state] : stepUnknownWrite(state, input);
  switch (output.type) {
    case "read":
      return input.type === "read" ? stepRead(state, output) : [];
    case "written": {
      const before = input.type === "read" ? undefined : leastBefore(state, input);
      if (input.type === "read" || before === undefined || output.version <= before) return [];
      return [{ value: input.value, version: output.version }];
    }
    case "rejected":
      return input.type === "conditional-write" ? stepRejected(state, input.version) : [];
    case "no-effect":
      return [state];
  }
}

function stepRead({ value, version }: VersionedState, seen: VersionedSight): readonly VersionedState[] {
  return isSame(value, seen.value) && canBe(version, seen.version) ? [{ value, version: seen.version }] : [];
}

type Write = Exclude<VersionedInput, { type: "read" }>;

function stepUnknownWrite(state: VersionedState, input: Write): readonly VersionedState[] {
  const { value, version } = state;
  const before = leastBefore(state, input);
  if (before === undefined) return [];
  const isUnseen = version !== null && typeof version !== "number" && version.excluded.length === 0;
  // Of two such writes of one value in a row the second adds nothing: it might as well never have had an effect.
  if (isUnseen && isSame(value, input.value)) return [];
  return [{ value: input.value, version: { least: before + 1, excluded: [] } }];
}

/** What the version of a write must be larger than, at the least, or undefined where its condition can't hold. */
function leastBefore({ version }: VersionedState, input: Write): number | undefined {
  if (input.type === "write") return leastOf(version);
  if (input.version === "*") return version === null ? undefined : leastOf(version);
  if (!canBe(version, input.version)) return undefined;
  // A condition that held says which version it was.
  return input.version ?? leastOf(null);
}

function stepRejected(state: VersionedState, condition: VersionCondition): readonly VersionedState[] {
  const { value, version } = state;
  if (condition === "*") return version === null ? [state] : [];
  if (version === condition) return [];
  if (version === null || typeof version === "number" || condition === null || !canBe(version, condition)) {
    return [state];
  }
  return [{ value, version: without(version, condition) }];
}

function without({ least, excluded }: UnseenVersion, version: number): UnseenVersion {
  const rest = [...excluded, version].sort((one, other) => one - other);
  let first = least;
  while (rest[0] === first) {
    rest.shift();
    first += 1;
  }
  return { least: first, excluded: rest };
}

function canBe(version: VersionedState["version"], expected: number | null): boolean {
  if (version === null || expected === null || typeof version === "number") return version === expected;
  return expected >= version.least && !version.excluded.includes(expected);
}

function leastOf(version: VersionedState["version"]): number {
  if (version === null) return -1;
  return typeof version === "number" ? version : version.least;
}

function isObservation(input: VersionedInput, output: VersionedOutput | Unknown): boolean {
  return input.type === "read" || (output !== UNKNOWN && output.type !== "written");
}

/** Versions only grow, and a record never goes away. */
function isPossibleLater(state: VersionedState, input: VersionedInput, output: VersionedOutput): boolean {
  const { version } = state;
  const least = leastOf(version);
  const condition = input.type === "conditional-write" ? input.version : undefined;
  switch (output.type) {
    case "read":
      return output.version === null ? version === null : output.version >= least;
    case "written":
      if (condition === null && version !== null) return false;
      return output.version > least && (typeof condition !== "number" || condition >= least);
    case "rejected":
      return condition !== "*" || version === null;
    case "no-effect":
      return true;
  }
}

function needed(_input: VersionedInput, output: VersionedOutput): string | undefined {
  return output.type === "read" ? canonicalJson(output.value) : undefined;
}

function given(input: VersionedInput, output: VersionedOutput | Unknown): string | undefined {
  if (input.type === "read" || (output !== UNKNOWN && output.type !== "written")) return undefined;
  return canonicalJson(input.value);
}

/**
 * Versions tell which write a read has seen, if the write's outcome is known: its value is made one that no other write
 * has. All values that nobody can have read are the same. So a write with an unknown outcome stands out only where a read
 * has seen a version that no write is known to have.
 */
function simplify(operations: readonly VersionedOperation[]): readonly VersionedOperation[] {
  const written = new Map<number, string>();
  const seen = new Set<string>();
  for (const { input, output } of operations) {
    if (input.type !== "read" && output?.type === "written")
      written.set(output.version, canonicalJson(input.value));
    if (output?.type === "read") seen.add(canonicalJson(output.value));
  }
  const isOfKnownWrite = ({ value, version }: VersionedSight): boolean =>
    version !== null && written.get(version) === canonicalJson(value);
  const unobserved = valueBeside(seen);
  const orphans = new Set<string>();
  for (const { output } of operations) {
    if (output?.type === "read" && !isOfKnownWrite(output)) orphans.add(canonicalJson(output.value));
  }
  const ofVersion = (version: number | null): string => `${unobserved} ${version}`;
  return operations.map((operation): VersionedOperation => {
    const { input, output } = operation;
    if (input.type === "read") {
      if (!isCompleted(operation) || output?.type !== "read" || !isOfKnownWrite(output)) return operation;
      return { ...operation, output: { ...output, value: ofVersion(output.version) } };
    }
    if (output?.type === "written") {
      return { ...operation, input: { ...input, value: ofVersion(output.version) } };
    }
    if (orphans.has(canonicalJson(input.value))) return operation;
    return { ...operation, input: { ...input, value: unobserved } };
  });
}
