/** Which entries the members can read: a newer one stops whoever can't, so it is not published before all can. */
import type { PartitionState } from "./fold/state.ts";

/**
 * Members that don't read entries of a version, or have not said so yet in a tick. None: it may be published.
 * @param without members that it does not matter of.
 */
export function membersNotReading(
  { origins }: Pick<PartitionState, "origins">,
  version: number,
  without: readonly string[] = [],
): string[] {
  return Object.entries(origins)
    .filter(([region, { tick }]) => !without.includes(region) && (tick?.reads ?? 0) < version)
    .map(([region]) => region);
}

/** Of the version with which members came to come and go: whoever has joined since reads it. */
export function membersNotReadingMembers(
  positions: Pick<PartitionState, "origins">,
  options: { readonly version: number; readonly without: readonly string[] },
): string[] {
  const joined = Object.entries(positions.origins).filter(([, { tick }]) => tick?.isAssumed === true);
  const without = [...options.without, ...joined.map(([region]) => region)];
  return membersNotReading(positions, options.version, without);
}
