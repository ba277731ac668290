/**
 * An escrow: a number that no region can take below its bound, because each takes only what it holds the rights to. The
 * rights of all regions are what the number is above its bound. They are given, taken, and moved by the region that
 * holds them (O'Neil, "The escrow transactional method", 1986; Balegas et al., "Extending eventually consistent cloud
 * databases for enforcing numeric invariants", 2015).
 */
import { own } from "../../json.ts";
import {
  applied,
  ineffective,
  regionOfOrigin,
  type Applied,
  type Change,
  type FieldKind,
  type LossReason,
  type WriteContext,
} from "../kind.ts";

export interface EscrowState {
  readonly kind: "escrow";
  /** The bound, and what the number begins at. */
  readonly min: number;
  /** By region, none of them below zero. */
  readonly rights: Rights;
}

export type Rights = { readonly [region: string]: number };

/** What a region hands over of its rights. */
export interface EscrowMove {
  readonly to: string;
  readonly amount: number;
}

export const escrow: FieldKind<EscrowState> = {
  operators: ["give", "take", "move"],
  apply(state, change, write) {
    const before = state ?? emptyEscrow(0, []);
    switch (change.operator) {
      case "give":
        return give(before, change, write);
      case "take":
        return take(before, change, write);
      default:
        return move(before, change, write);
    }
  },
  show: valueOfEscrow,
  forget: (state) => state,
};

/** An escrow that nothing was given to yet, with a place for each member's rights. */
export function emptyEscrow(min: number, members: readonly string[]): EscrowState {
  return { kind: "escrow", min, rights: Object.fromEntries(members.map((member) => [member, 0])) };
}

/** The same escrow, with a place for members that have joined since. */
export function withMembers(state: EscrowState, members: readonly string[]): EscrowState {
  const joined = members.filter((member) => own(state.rights, member) === undefined);
  if (joined.length === 0) return state;
  return { ...state, rights: { ...state.rights, ...emptyEscrow(state.min, joined).rights } };
}

export function valueOfEscrow({ min, rights }: EscrowState): number {
  return min + sumOf(rights);
}

export function sumOf(rights: Rights): number {
  return Object.values(rights).reduce((sum, right) => sum + right, 0);
}

/** Hands over all of a region's rights. */
export function reclaimRights(state: EscrowState, from: string, to: string): EscrowState {
  const { [from]: amount = 0, ...rest } = state.rights;
  return { ...state, rights: { ...rest, [from]: 0, [to]: (own(rest, to) ?? 0) + amount } };
}

/** Where nothing is left, what is given is for all regions; otherwise for the one that it came through. */
function give(state: EscrowState, change: Change, write: WriteContext): Applied<EscrowState> {
  const amount = change.argument as number;
  // Above a bound below zero the rights are more than the number: both must stay exact.
  const sums = [valueOfEscrow(state) + amount, sumOf(state.rights) + amount];
  if (!sums.every(Number.isSafeInteger)) return lost("overflow", state, { change, write });
  const origin = regionOfOrigin(write.origin);
  const rights =
    sumOf(state.rights) === 0
      ? split(amount, { ...state.rights, [origin]: 0 }, origin)
      : added(state.rights, origin, amount);
  return applied({ ...state, rights });
}

/** Equal parts, and what is left over to the origin. */
function split(amount: number, rights: Rights, origin: string): Rights {
  const regions = Object.keys(rights);
  const part = Math.floor(amount / regions.length);
  const parts = Object.fromEntries(regions.map((region) => [region, part]));
  return added(parts, origin, amount - part * regions.length);
}

function take(state: EscrowState, change: Change, write: WriteContext): Applied<EscrowState> {
  const amount = change.argument as number;
  const origin = regionOfOrigin(write.origin);
  if ((own(state.rights, origin) ?? 0) < amount) return lost("insufficient", state, { change, write });
  return applied({ ...state, rights: added(state.rights, origin, -amount) });
}

function move(state: EscrowState, change: Change, write: WriteContext): Applied<EscrowState> {
  const { to, amount } = change.argument as unknown as EscrowMove;
  const origin = regionOfOrigin(write.origin);
  if ((own(state.rights, origin) ?? 0) < amount) return lost("insufficient", state, { change, write });
  return applied({ ...state, rights: added(added(state.rights, origin, -amount), to, amount) });
}

function added(rights: Rights, region: string, amount: number): Rights {
  return { ...rights, [region]: (own(rights, region) ?? 0) + amount };
}

/** The winner is what the number stays at. */
function lost(
  reason: LossReason,
  state: EscrowState,
  { change, write }: { change: Change; write: WriteContext },
): Applied<EscrowState> {
  const { hlc, origin, operation } = write;
  const { operator, argument } = change;
  const winner = { origin, hlc, value: valueOfEscrow(state) };
  return ineffective(state, [
    { reason, loser: { origin, hlc, operation, operator, value: argument }, winner },
  ]);
}
