/** A last-write-wins cell: a value with its stamp, or the marker that it was taken away. Shared by lww fields and map entries. */
import { compareStamps, type Hlc } from "../../hlc.ts";
import { canonicalJson, type JsonValue } from "../../json.ts";
import {
  applied,
  happenedBefore,
  ineffective,
  type Applied,
  type Loss,
  type Operator,
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
  const { hlc, origin, position } = write;
  const next: Cell = value === undefined ? { hlc, origin, position } : { value, hlc, origin, position };
  if (cell === undefined) return applied(next);
  // What the log has decided has seen all that is folded, and comes after it whatever the stamps say.
  const wins = write.seen === write.position || compareStamps(write, cell) >= 0;
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
  const { loser, winner, options } = input;
  const side = (cell: Cell) => ({
    origin: cell.origin,
    hlc: cell.hlc,
    value: cell.value ?? null,
    ...(isOf(cell, options.write) ? { operation: options.write.operation } : {}),
  });
  return {
    reason: input.reason ?? "concurrent",
    ...(options.entry === undefined ? {} : { entry: options.entry }),
    loser: { ...side(loser), operator: operatorOf(loser, options.entry) },
    winner: side(winner),
  };
}

/** What the cell was written with: of a map's entry, or of a whole field. */
function operatorOf({ value }: Cell, entry: string | undefined): Operator {
  if (entry === undefined) return value === undefined ? "unset" : "set";
  return value === undefined ? "drop" : "put";
}

function isOf(cell: Cell, write: WriteContext): boolean {
  return cell.origin === write.origin && cell.hlc === write.hlc;
}

/** Compared in canonical form: a store may hand an object back with its members in another order. */
function sameValue({ value: one }: Cell, { value: other }: Cell): boolean {
  if (one === undefined || other === undefined) return one === other;
  return canonicalJson(one) === canonicalJson(other);
}

/** True for a marker that nothing can be older than. */
export function isForgettable(cell: Cell, floor: Hlc): boolean {
  return cell.value === undefined && cell.hlc < floor;
}
