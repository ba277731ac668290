/** A last-write-wins field: any JSON value; set and unset. */
import type { FieldKind } from "../kind.ts";
import { isForgettable, writeCell, type Cell } from "./cell.ts";

export interface LwwState extends Cell {
  readonly kind: "lww";
}

/** Member by member: copies by spreading cost a fold of a million more than all else about them. */
function toState({ value, hlc, origin, position }: Cell): LwwState {
  const kind = "lww";
  return value === undefined ? { hlc, origin, position, kind } : { value, hlc, origin, position, kind };
}

export const lww: FieldKind<LwwState> = {
  operators: ["set", "unset"],
  apply(state, change, write) {
    const value = change.operator === "set" ? change.argument : undefined;
    const { state: cell, effective, losses } = writeCell({ cell: state, value, write });
    return { state: toState(cell), effective, losses };
  },
  show: (state) => state.value,
  forget: (state, floor) => (isForgettable(state, floor) ? undefined : state),
};
