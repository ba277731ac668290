/**
 * The last entry that was folded, read again in front of the next: whether the log still has it says whether the log is still
 * the one that was folded. A log that has lost its tail has another there, once it has grown again.
 */
import { LogMismatchError } from "../core/fold/fold.ts";
import type { PartitionState } from "../core/fold/state.ts";
import { regrownProblem } from "../core/log/judge-log.ts";
import { decodeEntry } from "../protocol/entry-codec.ts";
import type { LogMessage } from "../ports/global-log.ts";

export class Overlap {
  #folded: { readonly position: number; readonly checksum: string } | undefined;

  /** Remembers an entry that was folded here. */
  folded(position: number, checksum: string): void {
    this.#folded = { position, checksum };
  }

  /** Where to read from, to fold on from a state. @param firstPosition of the log: what is before it can't be compared. */
  from({ position }: PartitionState, firstPosition: number): number {
    return position >= firstPosition && position > 0 ? position : position + 1;
  }

  /**
   * Compares the entry at the state's position, if it is the first of the messages.
   * @returns the others. @throws {LogMismatchError}, {UndecodableEntryError}
   */
  check(state: PartitionState, messages: readonly LogMessage[]): readonly LogMessage[] {
    const [first, ...others] = messages;
    const { partition, position, logTimeMs } = state;
    if (first?.position !== position) return messages;
    const checksum = this.#folded?.position === position ? this.#folded.checksum : undefined;
    const found = { storedAtMs: first.storedAtMs, checksum: decodeEntry(first.data).checksum };
    const problem = regrownProblem({ partition, position, logTimeMs, checksum }, found);
    if (problem !== undefined) throw new LogMismatchError(problem);
    return others;
  }
}
