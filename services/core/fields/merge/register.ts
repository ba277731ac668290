/**
 * A multi-value register: a write replaces the values that happened before it; concurrent values are all kept and
 * shown until one write is made that has seen them.
 */
import { compareStamps } from "../../hlc.ts";
import type { JsonValue } from "../../json.ts";
import { applied, happenedBefore, writtenBy, type FieldKind, type Written } from "../kind.ts";

export interface RegisterValue extends Written {
  readonly value: JsonValue;
}

export interface RegisterState {
  readonly kind: "register";
  /** Oldest stamp first; at most one per origin. */
  readonly values: readonly RegisterValue[];
}

export const register: FieldKind<RegisterState> = {
  operators: ["set"],
  apply(state, change, write) {
    const concurrent = (state?.values ?? []).filter((value) => !happenedBefore(value, write));
    const values = [...concurrent, { value: change.argument, ...writtenBy(write) }];
    return applied({ kind: "register", values: values.sort(compareStamps) });
  },
  show: (state) => state.values.map((value) => value.value),
  forget: (state) => state,
};
