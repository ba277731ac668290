/** A last-write-wins cell: a value with its stamp, or the marker that it was taken away. Shared by lww fields and map entries. */
import { compareStamps, type Hlc } from "../../hlc.ts";
import { canonicalJson, type JsonValue } from "../../json.ts";
import {
  applied,
  happenedBefore,
  ineffective,
  writtenBy,
  type Applied,
  type Loss,
  type WriteContext,
  type Written,
} from "../kind.ts";

export interface Cell extends Written {
  /** Absent in a marker. */
  readonly value?: JsonValue;
}

/** The highest (hlc, region) wins. A loser that was concurrent with the winner is reported, whichever came first. */
export function writeCell(options: {
  cell: Cell | undefined;
  value: JsonValue | undefined;
  write: WriteContext;
  entry?: string;
}): Applied<Cell> {
  const { cell, value, write } = options;
  const next: Cell = value === undefined ? writtenBy(write) : { value, ...writtenBy(write) };
  if (cell === undefined) return applied(next);
  const wins = compareStamps(write, cell) >= 0;
  const concurrent = !happenedBefore(cell, write);
  if (wins)
    return applied(
      next,
      concurrent && !sameValue(cell, next) ? [loss({ loser: cell, winner: next, options })] : [],
    );
  // A winner that happened before has a clock ahead of ours: the write still lost, and says so.
  return ineffective(cell, [
    loss({ loser: next, winner: cell, options, reason: concurrent ? "concurrent" : "older" }),
  ]);
}

function loss(input: {
  loser: Cell;
  winner: Cell;
  options: { write: WriteContext; entry?: string };
  reason?: Loss["reason"];
}): Loss {
  const side = (cell: Cell) => ({
    origin: cell.origin,
    hlc: cell.hlc,
    value: cell.value ?? null,
    ...(isOf(cell, input.options.write) ? { operation: input.options.write.operation } : {}),
  });
  return {
    reason: input.reason ?? "concurrent",
    ...(input.options.entry === undefined ? {} : { entry: input.options.entry }),
    loser: side(input.loser),
    winner: side(input.winner),
  };
}

function isOf(cell: Cell, write: WriteContext): boolean {
  return cell.origin === write.origin && cell.hlc === write.hlc;
}

/** Compared in canonical form: a store may hand an object back with its members in another order. */
function sameValue(one: Cell, other: Cell): boolean {
  return canonicalJson(one.value ?? null) === canonicalJson(other.value ?? null);
}

/** True for a marker that nothing can be older than. */
export function isForgettable(cell: Cell, floor: Hlc): boolean {
  return cell.value === undefined && cell.hlc < floor;
}
