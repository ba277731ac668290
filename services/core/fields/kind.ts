/** What every kind of field provides, and the one rule of concurrency that all of them rest on. */
import type { Hlc } from "../hlc.ts";
import type { JsonValue } from "../json.ts";

/** The kinds of field whose writes a region accepts alone. */
export const LOCAL_KINDS = ["lww", "counter", "set", "map", "register", "max", "min", "escrow"] as const;
export type LocalKind = (typeof LOCAL_KINDS)[number];

/** The kinds of field that a write can change: `value` is the authoritative one, which the log decides. */
export const CHANGE_KINDS = [...LOCAL_KINDS, "value"] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** Kinds of which the value with the later stamp is kept. The others come out the same whatever the clocks show. */
export const STAMPED_KINDS: ReadonlySet<ChangeKind> = new Set<ChangeKind>(["lww", "map"]);

/** What only the fold itself writes, in records that no client addresses. */
export type InternalKind = "lease" | "claim";

export const OPERATORS = [
  "set",
  "unset",
  "inc",
  "add",
  "remove",
  "put",
  "drop",
  "raise",
  "lower",
  "give",
  "take",
  /** Of an escrow's rights, between regions: no client writes it. */
  "move",
] as const;
export type Operator = (typeof OPERATORS)[number];

/** Elements of a set, entries of a map: a field holds at most so many, and refuses more in the fold, which copies them. */
export const FIELD_ENTRIES_MAX = 1024;

/** One operator on one field, with its argument checked. */
export interface Change {
  readonly field: string;
  readonly kind: ChangeKind;
  readonly operator: Operator;
  readonly argument: JsonValue;
}

/** Who wrote, when, and how much of the log the writer's region had folded. */
export interface WriteContext {
  readonly operation: string;
  readonly origin: string;
  readonly hlc: Hlc;
  /** Log position of the entry that carries the write; `PENDING_POSITION` in a view. */
  readonly position: number;
  /** Log position that the origin had folded when it accepted the write. */
  readonly seen: number;
}

/**
 * The origin under which a value is kept that the log has decided on. It differs from that of the region's own WAL:
 * the two ways in overtake each other, so neither knows what the other has written before it was folded.
 */
export function decidedOrigin(region: string): string {
  return `${region}${DECIDED_SUFFIX}`;
}

const DECIDED_SUFFIX = "@log";

/** The region that a value came through, whichever way in it took. */
export function regionOfOrigin(origin: string): string {
  return origin.endsWith(DECIDED_SUFFIX) ? origin.slice(0, -DECIDED_SUFFIX.length) : origin;
}

/** The position of what the log has not ordered yet: after everything that it has. */
export const PENDING_POSITION = Number.MAX_SAFE_INTEGER;

/** Where a stored value came from. */
export interface Written {
  readonly hlc: Hlc;
  readonly origin: string;
  readonly position: number;
}

/**
 * True when the stored value happened before the write; otherwise the two are concurrent.
 * An origin's own earlier values happened before, because its operations fold in the order of its WAL.
 */
export function happenedBefore(stored: { origin: string; position: number }, write: WriteContext): boolean {
  return stored.origin === write.origin || stored.position <= write.seen;
}

export function writtenBy(write: WriteContext): Written {
  return { hlc: write.hlc, origin: write.origin, position: write.position };
}

/**
 * Why a change lost:
 *
 *   older        to a value that happened before it, but has a later stamp: the winner's clock was ahead
 *   concurrent   to a later stamp, or displaced by one, without either having known of the other
 *   overflow     the sum would be none that JSON can carry
 *   full         the set or map has no room
 *   kind         the field holds, or takes by now, values of another kind
 *   deleted      to a record's tombstone
 *   insufficient the region had not the rights any more: they were reclaimed while it was lost
 */
export const LOSS_REASONS = [
  "older",
  "concurrent",
  "overflow",
  "full",
  "kind",
  "deleted",
  "insufficient",
] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

/** A value that a write lost to, or displaced, without either having known of the other. */
export interface Loss {
  readonly reason: LossReason;
  /** The sub-entry of a map; absent for whole fields. */
  readonly entry?: string;
  readonly loser: LosingSide;
  readonly winner: LossSide;
}

export interface LossSide {
  readonly origin: string;
  readonly hlc: Hlc;
  readonly value: JsonValue;
  /** Known for the write at hand only. */
  readonly operation?: string;
}

export interface LosingSide extends LossSide {
  /** With it the value can be written again. What was taken away has the value null. */
  readonly operator: Operator;
}

/** `effective` is false when the write left no trace in the state. */
export interface Applied<State> {
  readonly state: State;
  readonly effective: boolean;
  readonly losses: readonly Loss[];
}

/** One kind of field: pure functions over its stored state. */
export interface FieldKind<State> {
  readonly operators: readonly Operator[];
  /** Folds one change into the state. `undefined` is a field that was never written. */
  apply(state: State | undefined, change: Change, write: WriteContext): Applied<State>;
  /** What a client sees; `undefined` where the field is unset. */
  show(state: State): JsonValue | undefined;
  /** Drops markers older than the floor, which no operation can be older than any more; `undefined` when nothing is left. */
  forget(state: State, floor: Hlc): State | undefined;
}

export function applied<State>(state: State, losses: readonly Loss[] = []): Applied<State> {
  return { state, effective: true, losses };
}

export function ineffective<State>(state: State, losses: readonly Loss[]): Applied<State> {
  return { state, effective: false, losses };
}
