/**
 * What some records are by the log alone: its entries from the first on are folded, and of the rows they make only those are
 * kept that matter. Other records are taken for empty at each entry, which is why all that are related have to be kept.
 */
import type { OrderedEntry } from "../entry.ts";
import { foldEntries } from "../fold/fold.ts";
import { recordsOfRepair } from "../fold/repair.ts";
import { initialPartitionState, type PartitionState } from "../fold/state.ts";
import { recordIdText } from "../operation.ts";
import type { StoredRecord } from "../record.ts";

export class Replay {
  readonly #kept: ReadonlySet<string>;
  readonly #rows = new Map<string, StoredRecord>();
  #isUnsure = false;
  readonly #operations = new Map<string, number>();
  readonly #repeated: ReadonlySet<string>;
  #state: PartitionState;

  /**
   * @param about.kept names of the records that matter, with all that are related to them (`RelatedRecords`).
   * @param about.repeated ids that come more than once in the log: no other can be taken for new by mistake.
   */
  constructor(partition: number, about: { kept: ReadonlySet<string>; repeated: ReadonlySet<string> }) {
    this.#kept = about.kept;
    this.#repeated = about.repeated;
    this.#state = initialPartitionState(partition);
  }

  get position(): number {
    return this.#state.position;
  }

  /** Head of the hash chain over all entries so far. */
  get chain(): string {
    return this.#state.chain;
  }

  /** @throws {LogMismatchError} it is not the next entry. */
  fold(entry: OrderedEntry): void {
    const slice = { records: this.#rows, operations: this.#operations };
    const { state, records, outcomes, counts } = foldEntries({
      state: this.#state,
      slice,
      entries: [entry],
    });
    this.#state = state;
    for (const [name, row] of records) {
      if (!this.#kept.has(name)) continue;
      if (row === null) this.#rows.delete(name);
      else this.#rows.set(name, row);
    }
    for (const { id, position } of outcomes) if (this.#repeated.has(id)) this.#operations.set(id, position);
    // What was repaired may have been something that no entry tells of: rows were damaged, and a repair took one of them.
    if (entry.entry.kind !== "repair" || counts.overtaken === 0) return;
    if (recordsOfRepair(entry.entry).some((record) => this.#kept.has(recordIdText(record))))
      this.#isUnsure = true;
  }

  /**
   * The record's row; null is none, undefined where the log alone does not tell: in doubt of one record it does not tell of
   * any, since what was decided on together with that one may have been decided otherwise.
   */
  row(name: string): StoredRecord | null | undefined {
    return this.#isUnsure ? undefined : (this.#rows.get(name) ?? null);
  }
}
