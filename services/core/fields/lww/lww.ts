/** A last-write-wins field: any JSON value; set and unset. */
import type { FieldKind } from "../kind.ts";
import { isForgettable, writeCell, type Cell } from "./cell.ts";

export interface LwwState extends Cell {
  readonly kind: "lww";
}

export const lww: FieldKind<LwwState> = {
  operators: ["set", "unset"],
  apply(state, change, write) {
    const value = change.operator === "set" ? change.argument : undefined;
    const result = writeCell({ cell: state, value, write });
    return { ...result, state: { ...result.state, kind: "lww" } };
  },
  show: (state) => state.value,
  forget: (state, floor) => (isForgettable(state, floor) ? undefined : state),
};
