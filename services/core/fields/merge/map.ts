/** A map of independent last-write-wins entries: two regions that write different entries both keep theirs. */
import { own, type JsonValue } from "../../json.ts";
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
    const entries = Object.entries(state.entries);
    const kept = entries.filter(([, cell]) => !isForgettable(cell, floor));
    return kept.length === entries.length ? state : { kind: "map", entries: Object.fromEntries(kept) };
  },
};

function writeEntries(
  state: MapState,
  writes: readonly (readonly [string, JsonValue | undefined])[],
  write: WriteContext,
): Applied<MapState> {
  const entries = new Map(Object.entries(state.entries));
  const losses: Loss[] = [];
  let effective = writes.length === 0;
  for (const [entry, value] of writes) {
    const cell = own(state.entries, entry);
    if (cell === undefined && entries.size >= FIELD_ENTRIES_MAX) {
      losses.push(full(entry, value, write));
      continue;
    }
    const result = writeCell({ cell, value, write, entry });
    entries.set(entry, result.state);
    losses.push(...result.losses);
    effective ||= result.effective;
  }
  return { state: { kind: "map", entries: Object.fromEntries(entries) }, effective, losses };
}

function full(entry: string, value: JsonValue | undefined, { hlc, origin, operation }: WriteContext): Loss {
  const winner = { origin, hlc, value: FIELD_ENTRIES_MAX };
  return { reason: "full", entry, loser: { origin, hlc, operation, value: value ?? null }, winner };
}
