/**
 * A store in memory that gives the fold only what `sliceOf` asked for, as a database would, and fails the test when
 * the fold looks at anything else: a row that was not asked for is a row that does not exist.
 */
import type { OrderedEntry } from "../../../../services/core/entry.ts";
import { foldEntries, sliceOf, type FoldResult } from "../../../../services/core/fold/fold.ts";
import {
  initialPartitionState,
  type Conflict,
  type FoldRows,
  type OperationOutcome,
  type PartitionState,
} from "../../../../services/core/fold/state.ts";
import { canonicalJson } from "../../../../services/core/json.ts";
import type { StoredRecord } from "../../../../services/core/record.ts";

export class StrictStore {
  state: PartitionState = initialPartitionState(0);
  /** By `recordIdText`. */
  readonly records = new Map<string, StoredRecord>();
  /** Positions at which they took effect. */
  readonly operations = new Map<string, number>();
  readonly outcomes: OperationOutcome[] = [];
  readonly conflicts: Conflict[] = [];

  fold(entries: readonly OrderedEntry[]): FoldResult {
    const result = foldEntries({ state: this.state, slice: this.#slice(entries), entries });
    this.state = result.state;
    for (const [id, record] of result.records) {
      // What a database does: a row is gone, or its members come back in another order.
      if (record === null) this.records.delete(id);
      else this.records.set(id, JSON.parse(canonicalJson(record)) as StoredRecord);
    }
    for (const { id, position } of result.outcomes) this.operations.set(id, position);
    this.outcomes.push(...result.outcomes);
    this.conflicts.push(...result.conflicts);
    return result;
  }

  /** Everything that the fold has made so far, as text to compare. */
  contents(): string {
    const { state, records, outcomes, conflicts } = this;
    return canonicalJson({ state, records: Object.fromEntries(records), outcomes, conflicts });
  }

  #slice(entries: readonly OrderedEntry[]): FoldRows {
    const asked = sliceOf(entries);
    const ids = new Set(asked.operations);
    return {
      records: {
        get: (id) => {
          if (asked.records.has(id)) return this.records.get(id);
          throw new Error(`the fold looks at a record that sliceOf did not ask for: ${JSON.stringify(id)}`);
        },
      },
      operations: {
        get: (id) => {
          if (ids.has(id)) return this.operations.get(id);
          throw new Error(`the fold looks at an operation that sliceOf did not ask for: ${id}`);
        },
      },
    };
  }
}
