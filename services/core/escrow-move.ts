/** How the rights to an escrow move between regions: whom a region asks, and what is given to it. */
import type { Rights } from "./fields/merge/escrow.ts";

/** What a region asks another for. */
export interface RightsRequest {
  /** What the asking region holds and may still take. */
  readonly held: number;
  /** What it must hold for a write that it had to refuse; 0 where it only runs low. */
  readonly needed: number;
}

/** Below this share of what is left of all, a region asks for more before it has to refuse anybody. */
const LOW_SHARE = 1 / 6;
/** What a region keeps where nobody takes from it. */
const IDLE_SHARE = 1 / 8;

export function isLow({ here, total }: { here: number; total: number }): boolean {
  return here < total * LOW_SHARE && total - here >= 2;
}

/**
 * What a region hands over: enough for the write that was refused, if it has so much. Otherwise so much that both have the
 * same; or nearly all, where nobody has taken from this region lately: rights are of use where the demand is. 0 is nothing.
 */
export function rightsToGrant(
  here: number,
  { held, needed }: RightsRequest,
  { isIdle = false }: { readonly isIdle?: boolean } = {},
): number {
  const missing = Math.max(0, needed - held);
  const even = Math.floor((here - held) / 2);
  const idle = isIdle ? here - Math.ceil(here * IDLE_SHARE) : 0;
  return Math.max(0, Math.min(here, Math.max(missing, even, idle)));
}

/** The regions to ask, those that hold most first. */
export function donorsOf(rights: Rights, asking: string): string[] {
  return Object.entries(rights)
    .filter(([region, amount]) => region !== asking && amount > 0)
    .toSorted(([one, oneAmount], [other, otherAmount]) => otherAmount - oneAmount || (one < other ? -1 : 1))
    .map(([region]) => region);
}
