/** What most of all voters say, also counting those that say nothing. */

/** Undefined while nothing has more than half of the voters. */
export function majority(votes: readonly (string | undefined)[], voters: number): string | undefined {
  return votes.find(
    (vote) => vote !== undefined && votes.filter((other) => other === vote).length > voters / 2,
  );
}
