/** Monotone fields: `max` can only rise, `min` can only fall. Numbers compare by size, texts by code unit. */
import { applied, type FieldKind } from "../kind.ts";

export interface ExtremeState<Kind extends "max" | "min"> {
  readonly kind: Kind;
  readonly value: number | string;
}

function extreme<Kind extends "max" | "min">(
  kind: Kind,
  operator: "raise" | "lower",
): FieldKind<ExtremeState<Kind>> {
  return {
    operators: [operator],
    apply(state, change) {
      const value = change.argument as number | string;
      if (state === undefined) return applied({ kind, value });
      const exceeds = kind === "max" ? value > state.value : value < state.value;
      return applied(exceeds ? { kind, value } : state);
    },
    show: (state) => state.value,
    forget: (state) => state,
  };
}

export const max = extreme("max", "raise");
export const min = extreme("min", "lower");
