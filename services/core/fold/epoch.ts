/** Folding the first entry of a log that was made anew: it goes on exactly where this state ends, or is not folded at all. */
import type { EpochEntry } from "../entry.ts";
import { own } from "../json.ts";
import { LogMismatchError } from "./log-mismatch.ts";
import { NO_MEMBERSHIP_CHANGE, type PartitionState } from "./state.ts";
import type { FoldWork } from "./work.ts";

/**
 * @param state as it was before the entry.
 * @throws {LogMismatchError} the log goes on from another past than this state has.
 */
export function checkEpoch(state: PartitionState, entry: EpochEntry): void {
  const problem = epochProblem(state, entry);
  if (problem !== undefined) {
    throw new LogMismatchError(
      `the log of partition ${state.partition} was made anew from what ${entry.origin} had folded, and ${problem}`,
    );
  }
}

/** Why a state can't go on with a log that was made anew; undefined where it can. */
export function epochProblem(state: PartitionState, entry: EpochEntry): string | undefined {
  if (entry.cluster !== state.cluster || entry.partition !== state.partition)
    return `is that of partition ${entry.partition} of cluster ${entry.cluster}`;
  if (own(state.origins, entry.origin) === undefined) return `${entry.origin} is no member`;
  if (entry.epoch <= state.logEpoch) return `its epoch ${entry.epoch} does not come after ${state.logEpoch}`;
  if (entry.chain !== state.chain) return `this region had folded something else up to there`;
  return undefined;
}

export function foldEpoch(work: FoldWork, entry: EpochEntry): void {
  work.membership ??= NO_MEMBERSHIP_CHANGE;
  work.state = { ...work.state, logEpoch: entry.epoch };
}
