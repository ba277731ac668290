/**
 * Records that decisions were made on lately. A write that the log decides on waits for its fold, and most of them are
 * about few records: with these in memory, and ids taken for new until the commit says otherwise, a decision costs one
 * round trip to the database instead of two. Right for as long as this applier alone commits, which its commits check.
 */
import type { OrderedEntry } from "../core/entry.ts";
import { sliceOf, type FoldResult } from "../core/fold/fold.ts";
import type { FoldRows, FoldSlice } from "../core/fold/state.ts";
import type { StoredRecord } from "../core/record.ts";

const RECORDS_MAX = 16_384;
const CHARACTERS_MAX = 32 * 1024 * 1024;
/** Larger records are not worth their place. */
const RECORD_CHARACTERS_MAX = 16 * 1024;
/** What a record is counted as besides its fields. */
const RECORD_OVERHEAD = 256;

interface Cached {
  /** Null where there is none. */
  readonly record: StoredRecord | null;
  readonly characters: number;
}

export class RecordCache {
  /** Least recently folded first. */
  readonly #records = new Map<string, Cached>();
  #characters = 0;

  /** The rows of entries that hold decisions alone, if all of them are here. Ticks need none. */
  sliceFor(entries: readonly OrderedEntry[]): FoldSlice | undefined {
    if (!entries.every(({ entry }) => entry.kind === "propose" || entry.kind === "tick")) return undefined;
    const records = new Map<string, StoredRecord>();
    for (const id of sliceOf(entries).records.keys()) {
      const cached = this.#records.get(id);
      if (cached === undefined) return undefined;
      if (cached.record !== null) records.set(id, cached.record);
    }
    return { records, operations: new Set() };
  }

  /** Takes in what a fold has looked at, if it was for a decision, and keeps what is here up to date. */
  remember(folded: { entries: readonly OrderedEntry[]; rows: FoldRows; result: FoldResult }): void {
    const { entries, rows, result } = folded;
    const decisions = entries.filter(({ entry }) => entry.kind === "propose");
    for (const id of sliceOf(decisions).records.keys()) {
      const changed = result.records.get(id);
      this.#put(id, (changed === undefined ? rows.records.get(id) : changed) ?? null);
    }
    for (const [id, record] of result.records) if (this.#records.has(id)) this.#put(id, record);
  }

  #put(id: string, record: StoredRecord | null): void {
    this.#remove(id);
    const characters = RECORD_OVERHEAD + (record === null ? 0 : JSON.stringify(record.fields).length);
    if (characters > RECORD_CHARACTERS_MAX) return;
    this.#records.set(id, { record, characters });
    this.#characters += characters;
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= RECORDS_MAX && this.#characters <= CHARACTERS_MAX) break;
      this.#remove(oldest);
    }
  }

  #remove(id: string): void {
    const cached = this.#records.get(id);
    if (cached === undefined) return;
    this.#records.delete(id);
    this.#characters -= cached.characters;
  }
}
