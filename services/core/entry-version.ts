/** Which entries the members can read: a newer one stops whoever can't, so it is not published before all can. */
import type { PartitionState } from "./fold/state.ts";

/** Members that don't read entries of a version, or have not said so yet in a tick. None: it may be published. */
export function membersNotReading({ origins }: Pick<PartitionState, "origins">, version: number): string[] {
  return Object.entries(origins)
    .filter(([, { tick }]) => (tick?.reads ?? 0) < version)
    .map(([region]) => region);
}
