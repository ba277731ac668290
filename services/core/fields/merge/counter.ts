/** A counter: the sum of all increments. */
import { applied, ineffective, type FieldKind } from "../kind.ts";

export interface CounterState {
  readonly kind: "counter";
  readonly sum: number;
}

export const counter: FieldKind<CounterState> = {
  operators: ["inc"],
  apply(state, change, write) {
    const before = state ?? { kind: "counter", sum: 0 };
    const increment = change.argument as number;
    const sum = before.sum + increment;
    if (Number.isSafeInteger(sum)) return applied({ kind: "counter", sum });
    // A sum that JSON can't carry exactly would be wrong without notice: the increment is refused and recorded.
    const { hlc, origin, operation } = write;
    const winner = { origin, hlc, value: before.sum };
    return ineffective(before, [
      {
        reason: "overflow",
        loser: { origin, hlc, operation, operator: change.operator, value: increment },
        winner,
      },
    ]);
  },
  show: (state) => state.sum,
  forget: (state) => state,
};
