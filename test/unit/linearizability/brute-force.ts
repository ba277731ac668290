/**
 * The slow, obvious checker: every order of the operations that time allows, with every choice of those unknown ones that
 * took effect, against a plain store. Nothing is shared with the checker but types.
 */
import type { JsonValue } from "../../../services/core/json.ts";
import type { RecordedOperation } from "../../linearizability/history.ts";
import type { RegisterOperation } from "../../linearizability/register.ts";
import type { VersionedOperation, VersionedOutput } from "../../linearizability/versioned-register.ts";

type Apply<State, Operation> = (state: State, operation: Operation) => readonly State[];

function hasOrder<State, Operation extends RecordedOperation<unknown, unknown>>(
  state: State,
  left: readonly Operation[],
  apply: Apply<State, Operation>,
): boolean {
  if (left.every((operation) => operation.completedAt === undefined)) return true;
  return left.some((next) => {
    const others = left.filter((operation) => operation !== next);
    if (others.some(({ completedAt }) => completedAt !== undefined && completedAt < next.invokedAt))
      return false;
    return apply(state, next).some((after) => hasOrder(after, others, apply));
  });
}

/** Values are texts and numbers here. */
export function isRegisterHistory(operations: readonly RegisterOperation[]): boolean {
  return hasOrder<JsonValue, RegisterOperation>(null, operations, (state, { input, output }) => {
    if (output?.type === "no-effect") return [state];
    if (input.type === "read")
      return output === undefined || (output.type === "read" && output.value === state) ? [state] : [];
    if (output?.type === "read") return [];
    const takesEffect = input.type === "write" || input.expected === state;
    if (output !== undefined && (output.type === "written") !== takesEffect) return [];
    return [takesEffect ? input.value : state];
  });
}

interface Versioned {
  readonly value: JsonValue;
  readonly version: number | null;
}

/** A write with an unknown outcome is tried with every version that could make a difference. */
export function isVersionedHistory(operations: readonly VersionedOperation[]): boolean {
  const seen = operations.flatMap(({ input, output }) => [
    ...(output !== undefined && "version" in output && output.version !== null ? [output.version] : []),
    ...(input.type === "conditional-write" && typeof input.version === "number" ? [input.version] : []),
  ]);
  const most = Math.max(-1, ...seen) + operations.length;
  const versions = Array.from({ length: most + 1 }, (_, version) => version);
  return hasOrder<Versioned, VersionedOperation>(
    { value: null, version: null },
    operations,
    (state, { input, output }) => {
      if (output?.type === "no-effect") return [state];
      if (input.type === "read") return output === undefined || isSeen(state, output) ? [state] : [];
      const takesEffect =
        input.type === "write" ||
        (input.version === "*" ? state.version !== null : input.version === state.version);
      if (!takesEffect) return output === undefined || output.type === "rejected" ? [state] : [];
      if (output !== undefined && output.type !== "written") return [];
      return versions
        .filter(
          (version) =>
            version > (state.version ?? -1) && (output === undefined || output.version === version),
        )
        .map((version) => ({ value: input.value, version }));
    },
  );
}

function isSeen(state: Versioned, output: VersionedOutput): boolean {
  return output.type === "read" && output.value === state.value && output.version === state.version;
}
