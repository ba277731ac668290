/**
 * Records that folds looked at lately. With these in memory, and ids taken for new until the commit says otherwise, a
 * fold costs one round trip to the database instead of two, and the database half the work. Right for as long as this
 * applier alone commits, which its commits check.
 *
 * A row that was edited in the database behind the applier's back is not seen here. While its good copy is in memory,
 * the next write is folded onto that copy, and its commit puts the row right without anybody noticing; once it is no
 * longer in memory, the next write is folded onto the edited row, and the difference lives on in it. Verification reads
 * the rows themselves. Repairs ask the store for them, and what they made is remembered like any fold.
 */
import type { FoldResult } from "../core/fold/fold.ts";
import type { FoldRows } from "../core/fold/state.ts";
import type { RecordId } from "../core/operation.ts";
import type { StoredRecord } from "../core/record.ts";
import { KEPT_SHARE } from "../runtime/forget-oldest.ts";

const RECORDS_MAX = 65_536;
/** Of the heap, about, for all partitions of a process together. */
const BYTES_MAX = 64 * 1024 * 1024;
/** Larger records are not worth their place. */
const RECORD_BYTES_MAX = 16 * 1024;
/** What a record takes besides its fields, and a member of an object besides its value. */
const RECORD_BYTES = 256;
const MEMBER_BYTES = 32;
/** Of a character; text that fits in one byte each is kept so, which is not looked at. */
const TEXT_BYTES = 2;

interface Cached {
  /** Null where there is none. */
  readonly record: StoredRecord | null;
  readonly bytes: number;
}

export class RecordCache {
  /** Least recently folded first. */
  readonly #records = new Map<string, Cached>();
  readonly #bytesMax: number;
  #bytes = 0;

  /** @param partitions that this process may have to apply, each with a cache of its own. */
  constructor(partitions: number) {
    this.#bytesMax = BYTES_MAX / partitions;
  }

  /** Those that exist and are here; what is neither there nor missing does not exist. */
  find(touched: ReadonlyMap<string, RecordId>): { records: Map<string, StoredRecord>; missing: RecordId[] } {
    const records = new Map<string, StoredRecord>();
    const missing: RecordId[] = [];
    for (const [text, id] of touched) {
      const cached = this.#records.get(text);
      if (cached === undefined) missing.push(id);
      else if (cached.record !== null) records.set(text, cached.record);
    }
    return { records, missing };
  }

  /** Takes in what a fold has looked at, as the fold has left it. */
  remember(folded: {
    touched: ReadonlyMap<string, RecordId>;
    rows: FoldRows;
    changed: FoldResult["records"];
  }): void {
    const { touched, rows, changed } = folded;
    for (const text of touched.keys()) {
      const after = changed.get(text);
      this.#put(text, (after === undefined ? rows.records.get(text) : after) ?? null);
    }
    // A decision may change records that it does not look at, such as what it takes over from others.
    for (const [text, record] of changed) {
      if (!touched.has(text) && this.#records.has(text)) this.#put(text, record);
    }
  }

  #put(text: string, record: StoredRecord | null): void {
    this.#remove(text);
    const bytes = RECORD_BYTES + text.length + (record === null ? 0 : weigh(record.fields));
    if (bytes > RECORD_BYTES_MAX) return;
    this.#records.set(text, { record, bytes });
    this.#bytes += bytes;
    if (this.#records.size > RECORDS_MAX || this.#bytes > this.#bytesMax) this.#makeRoom();
  }

  /** Many at once, as `forgetOldest` does, and for its reason. */
  #makeRoom(): void {
    const [records, bytes] = [RECORDS_MAX * KEPT_SHARE, this.#bytesMax * KEPT_SHARE];
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= records && this.#bytes <= bytes) break;
      this.#remove(oldest);
    }
  }

  #remove(text: string): void {
    const cached = this.#records.get(text);
    if (cached === undefined) return;
    this.#records.delete(text);
    this.#bytes -= cached.bytes;
  }
}

/** About how many bytes of the heap a JSON value takes. */
function weigh(value: unknown): number {
  if (typeof value === "string") return TEXT_BYTES * value.length;
  if (typeof value !== "object" || value === null) return 0;
  let bytes = 0;
  if (Array.isArray(value)) for (const item of value) bytes += MEMBER_BYTES + weigh(item);
  else {
    const object = value as { readonly [name: string]: unknown };
    // The elements of a set are names of members.
    for (const name in object) bytes += MEMBER_BYTES + TEXT_BYTES * name.length + weigh(object[name]);
  }
  return bytes;
}
