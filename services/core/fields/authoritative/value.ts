/** A field that the log decides on: the last value in its order. What a value may become, `decide/rules.ts` says. */
import type { JsonValue } from "../../json.ts";
import { applied, ineffective, type FieldKind } from "../kind.ts";

export interface ValueState {
  readonly kind: "value";
  /** Absent once the field is unset. */
  readonly value?: JsonValue;
}

export const value: FieldKind<ValueState> = {
  operators: ["set", "unset", "inc"],
  apply(state, change, write) {
    if (change.operator === "set") return applied({ kind: "value", value: change.argument });
    if (change.operator === "unset") return applied({ kind: "value" });
    const before = state?.value === undefined ? 0 : state.value;
    const sum = typeof before === "number" ? before + (change.argument as number) : Number.NaN;
    if (Number.isSafeInteger(sum)) return applied({ kind: "value", value: sum });
    const { hlc, origin, operation } = write;
    const winner = { origin, hlc, value: before };
    const loser = { origin, hlc, operation, operator: change.operator, value: change.argument };
    return ineffective(state ?? { kind: "value" }, [{ reason: "overflow", loser, winner }]);
  },
  show: (state) => state.value,
  forget: (state) => (state.value === undefined ? undefined : state),
};
