/** The kinds of field, by name: the one table that fold, view and validation look them up in. */
import { assert } from "../assert.ts";
import type { Hlc } from "../hlc.ts";
import type { JsonValue } from "../json.ts";
import { claim, type ClaimState } from "./authoritative/claim.ts";
import { lease, type LeaseState } from "./authoritative/lease.ts";
import { value, type ValueState } from "./authoritative/value.ts";
import {
  ineffective,
  type Applied,
  type Change,
  type ChangeKind,
  type FieldKind,
  type InternalKind,
  type Operator,
  type WriteContext,
} from "./kind.ts";
import { lww, type LwwState } from "./lww/lww.ts";
import { counter, type CounterState } from "./merge/counter.ts";
import { escrow, type EscrowState } from "./merge/escrow.ts";
import { max, min, type ExtremeState } from "./merge/extreme.ts";
import { map, type MapState } from "./merge/map.ts";
import { register, type RegisterState } from "./merge/register.ts";
import { set, type SetState } from "./merge/set.ts";

export type FieldState =
  | LwwState
  | CounterState
  | SetState
  | MapState
  | RegisterState
  | ExtremeState<"max">
  | ExtremeState<"min">
  | EscrowState
  | ValueState
  | LeaseState
  | ClaimState;

type KindTable = {
  readonly [Kind in ChangeKind | InternalKind]: FieldKind<Extract<FieldState, { kind: Kind }>>;
};

const KINDS: KindTable = { lww, counter, set, map, register, max, min, escrow, value, lease, claim };

/** Each kind takes states of its own name only; the callers below check that before they look here. */
function kindOf(kind: ChangeKind | InternalKind): FieldKind<FieldState> {
  return KINDS[kind] as unknown as FieldKind<FieldState>;
}

export function operatorsOf(kind: ChangeKind): readonly Operator[] {
  return KINDS[kind].operators;
}

/** Folds one change into a field's state. A field of another kind is left as it is, and the loss is reported. */
export function applyChange(
  state: FieldState | undefined,
  change: Change,
  write: WriteContext,
): Applied<FieldState> {
  // Not put together where it is not needed: a backlog comes by here by the million.
  const isKnown = operatorsOf(change.kind).includes(change.operator);
  assert(isKnown, isKnown ? "" : `${change.kind} has no operator ${change.operator}`);
  if (state !== undefined && state.kind !== change.kind) return refusedByKind(state, change, write);
  return kindOf(change.kind).apply(state, change, write);
}

function refusedByKind(state: FieldState, change: Change, write: WriteContext): Applied<FieldState> {
  const { hlc, origin, operation } = write;
  const winner = { origin, hlc, value: state.kind };
  return ineffective(state, [
    {
      reason: "kind",
      loser: { origin, hlc, operation, operator: change.operator, value: change.argument },
      winner,
    },
  ]);
}

export function showField(state: FieldState): JsonValue | undefined {
  return kindOf(state.kind).show(state);
}

export function forgetMarkers(state: FieldState, floor: Hlc): FieldState | undefined {
  return kindOf(state.kind).forget(state, floor);
}
