/**
 * How long the log takes to agree, by who leads it. Raft commits once a majority has answered its leader, so a leader is as
 * good as its way to the nearest half of the others (Liu and Vukolić, "Leader Set Selection for Low-Latency Geo-Replicated
 * State Machine", 2017). That it may be handed to a better one is from Ongaro's dissertation on Raft, section 3.10.
 */

/** Milliseconds there and back; infinite where there is no way. */
export type RoundTrips = (one: string, other: string) => number;

export interface Ranked {
  readonly region: string;
  /** Until a majority of the members has answered, if the region leads. */
  readonly quorumRoundTripMs: number;
}

/** @param members of the log, with the leader itself. */
export function quorumRoundTripMs(
  leader: string,
  members: readonly string[],
  roundTripMs: RoundTrips,
): number {
  const answersNeeded = Math.floor(members.length / 2);
  if (answersNeeded === 0) return 0;
  const others = members.filter((member) => member !== leader);
  const answersMs = others.map((other) => roundTripMs(leader, other)).sort((one, other) => one - other);
  return answersMs[answersNeeded - 1] ?? Infinity;
}

/** All members, the best leader first; those that are alike by name. */
export function rankLeaders(members: readonly string[], roundTripMs: RoundTrips): Ranked[] {
  return members
    .map((region) => ({ region, quorumRoundTripMs: quorumRoundTripMs(region, members, roundTripMs) }))
    .sort((one, other) => compareNumbers(one, other) || (one.region < other.region ? -1 : 1));
}

/** Not a difference: that of two infinite ones is none. */
function compareNumbers(one: Ranked, other: Ranked): number {
  if (one.quorumRoundTripMs === other.quorumRoundTripMs) return 0;
  return one.quorumRoundTripMs < other.quorumRoundTripMs ? -1 : 1;
}
