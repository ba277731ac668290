/** A map of independent last-write-wins entries: two regions that write different entries both keep theirs. */
import type { JsonValue } from "../../json.ts";
import { isForgettable, writeCell, type Cell } from "../lww/cell.ts";
import { FIELD_ENTRIES_MAX, type Applied, type FieldKind, type Loss, type WriteContext } from "../kind.ts";

export interface MapState {
  readonly kind: "map";
  readonly entries: { readonly [entry: string]: Cell };
}

const EMPTY: MapState = { kind: "map", entries: {} };

export const map: FieldKind<MapState> = {
  operators: ["put", "drop"],
  apply(state, change, write) {
    const before = state ?? EMPTY;
    if (change.operator === "put")
      return writeEntries(before, Object.entries(change.argument as object), write);
    const dropped = (change.argument as readonly string[]).map((entry): [string, undefined] => [
      entry,
      undefined,
    ]);
    return writeEntries(before, dropped, write);
  },
  show(state) {
    const shown = Object.entries(state.entries).filter(([, cell]) => cell.value !== undefined);
    return Object.fromEntries(shown.map(([entry, cell]) => [entry, cell.value as JsonValue]));
  },
  forget(state, floor) {
    if (!Object.values(state.entries).some((cell) => isForgettable(cell, floor))) return state;
    const kept = Object.entries(state.entries).filter(([, cell]) => !isForgettable(cell, floor));
    return { kind: "map", entries: Object.fromEntries(kept) };
  },
};

function writeEntries(
  state: MapState,
  writes: readonly (readonly [string, JsonValue | undefined])[],
  write: WriteContext,
): Applied<MapState> {
  // Without a prototype, so that an entry named __proto__ is one like any other.
  const entries = Object.assign(Object.create(null) as { [entry: string]: Cell }, state.entries);
  let room = FIELD_ENTRIES_MAX - Object.keys(entries).length;
  const losses: Loss[] = [];
  let effective = writes.length === 0;
  for (const [entry, value] of writes) {
    const cell = entries[entry];
    if (cell === undefined && room === 0) {
      losses.push(full(entry, value, write));
      continue;
    }
    const result = writeCell({ cell, value, write, entry });
    if (cell === undefined) room -= 1;
    entries[entry] = result.state;
    losses.push(...result.losses);
    effective ||= result.effective;
  }
  return { state: { kind: "map", entries }, effective, losses };
}

function full(entry: string, value: JsonValue | undefined, { hlc, origin, operation }: WriteContext): Loss {
  const winner = { origin, hlc, value: FIELD_ENTRIES_MAX };
  const operator = value === undefined ? "drop" : "put";
  return { reason: "full", entry, loser: { origin, hlc, operation, operator, value: value ?? null }, winner };
}
