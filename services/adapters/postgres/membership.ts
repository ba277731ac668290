/** Who takes part, as a fold has changed it: written with the fold. */
import type { MembershipChange, PartitionState } from "../../core/fold/state.ts";
import { textArray } from "./values.ts";

export const CHANGE_MEMBERS_PARAMETERS = 4;

/** SQL of the parameters from a number on: those of `membershipValues`. */
export function changeMembersSql(first: number): string {
  const [epoch, departed, removed, joined] = [first, first + 1, first + 2, first + 3];
  return `forebay_change_members($1, $${epoch}, $${departed}, $${removed}, $${joined})`;
}

export function membershipValues(
  { logEpoch, departed }: PartitionState,
  { removed, joined }: MembershipChange,
): (number | string | Buffer)[] {
  const ids = Object.entries(joined).map(([region, { id }]) => [region, id]);
  return [logEpoch, JSON.stringify(departed), textArray(removed), JSON.stringify(Object.fromEntries(ids))];
}
