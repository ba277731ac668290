/** The simulated twin of a partition's snapshot: a copy of the rows. Its digests are other ones than PostgreSQL's. */
import { assert } from "../../services/core/assert.ts";
import type { OperationOutcome, PartitionState } from "../../services/core/fold/state.ts";
import { sha256 } from "../../services/core/hash.ts";
import { canonicalJson } from "../../services/core/json.ts";
import { recordIdText, type RecordId } from "../../services/core/operation.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import {
  NothingToLoadError,
  type StateHead,
  type StatePage,
  type StatePart,
} from "../../services/ports/bootstraps.ts";
import type { StoredConflict } from "../../services/ports/region-store.ts";
import { isLeafCount, type LeafDigests } from "../../services/core/verify/digest-tree.ts";
import { digestPartition } from "../../services/core/verify/partition-digests.ts";
import {
  LEAF_ROWS_MAX,
  SNAPSHOT_ROWS_MAX,
  SnapshotClosedError,
  type PartitionSnapshot,
  type RestDigests,
  type RowDigest,
} from "../../services/ports/partition-snapshot.ts";

export interface SnapshotData {
  readonly state: PartitionState;
  readonly records: readonly StoredRecord[];
  readonly outcomes: readonly OperationOutcome[];
  readonly conflicts: readonly StoredConflict[];
  readonly logCreatedAtMs: number | undefined;
  readonly needs?: StateHead["needs"] | undefined;
}

interface SnapshotCalls {
  /** Takes the time of a call, and fails as calls do. */
  readonly pass: () => Promise<void>;
  /** Whether it has been open for too long. */
  readonly isOver: () => boolean;
}

export class SimulatedSnapshot implements PartitionSnapshot {
  readonly #data: SnapshotData;
  readonly #calls: SnapshotCalls;
  #isClosed = false;

  constructor(data: SnapshotData, calls: SnapshotCalls) {
    this.#data = data;
    this.#calls = calls;
  }

  get position(): number {
    return this.#data.state.position;
  }

  async #pass(): Promise<void> {
    this.#check();
    await this.#calls.pass();
    this.#check();
  }

  #check(): void {
    if (this.#isClosed || this.#calls.isOver()) throw new SnapshotClosedError("the snapshot is closed");
  }

  async digestLeaves({ leaves }: { leaves: number }): Promise<LeafDigests> {
    assert(isLeafCount(leaves), `${leaves} leaves: a power of two`);
    await this.#pass();
    const rows = new Uint32Array(leaves);
    const hashes = new Uint32Array(4 * leaves);
    for (const record of this.#data.records) {
      const leaf = leafOf(record, leaves);
      const hash = hashOf(record);
      rows[leaf] = rows[leaf]! + 1;
      for (let word = 0; word < 4; word += 1)
        hashes[4 * leaf + word] =
          hashes[4 * leaf + word]! ^ Number.parseInt(hash.slice(8 * word, 8 * word + 8), 16);
    }
    return { rows, hashes };
  }

  async *readLeaves(options: {
    leaves: number;
    wanted: readonly number[];
  }): AsyncGenerator<readonly RowDigest[], void, undefined> {
    const { leaves, wanted } = options;
    assert(isLeafCount(leaves), `${leaves} leaves: a power of two`);
    const isWanted = new Set(wanted);
    const found = this.#data.records.filter((record) => isWanted.has(leafOf(record, leaves)));
    for (let at = 0; at < found.length; at += LEAF_ROWS_MAX) {
      await this.#pass();
      yield found.slice(at, at + LEAF_ROWS_MAX).map((record) => {
        const { tenant, collection, key } = record;
        return { tenant, collection, key, hash: hashOf(record) };
      });
    }
  }

  async readRows(records: readonly RecordId[]): Promise<StoredRecord[]> {
    assert(records.length <= SNAPSHOT_ROWS_MAX, `${SNAPSHOT_ROWS_MAX} rows at once`);
    await this.#pass();
    const wanted = new Set(records.map(recordIdText));
    return this.#data.records.filter((record) => wanted.has(recordIdText(record)));
  }

  async digestRest({ operationsAbove }: { operationsAbove: number }): Promise<RestDigests> {
    await this.#pass();
    const counted = this.#data.outcomes.filter(({ position }) => position > operationsAbove);
    const texts = counted.map((outcome) => canonicalJson(outcome)).toSorted();
    const operations = { count: counted.length, hash: sha256(texts.join("\n")).slice(0, 32) };
    return { ...digestPartition(this.#data.state), operations };
  }

  async readHead(): Promise<StateHead> {
    await this.#pass();
    const { state, logCreatedAtMs, needs } = this.#data;
    if (state.position === 0 || logCreatedAtMs === undefined)
      throw new NothingToLoadError("nothing is folded yet");
    const counts = {
      records: this.#rows("records").length,
      operations: this.#rows("operations").length,
      conflicts: this.#rows("conflicts").length,
    };
    return { state, logCreatedAtMs, counts, ...(needs !== undefined && { needs }) };
  }

  async readPage(options: {
    part: StatePart;
    after: string | undefined;
    bytesMax: number;
  }): Promise<StatePage> {
    const { part, after, bytesMax } = options;
    await this.#pass();
    const rest = this.#rows(part).filter(([place]) => after === undefined || place > after);
    let rows = 0;
    for (let bytes = 0; rows < rest.length && bytes < bytesMax; rows += 1) bytes += rest[rows]![1].length + 1;
    const lines = rest.slice(0, rows).map(([, row]) => `${row}\n`);
    return { rows, lines: Buffer.from(lines.join("")), next: rest[rows] && rest[rows - 1]![0] };
  }

  /** In the order of their names. */
  #rows(part: StatePart): [place: string, row: string][] {
    const { state, records, outcomes, conflicts } = this.#data;
    const known = outcomes.filter(({ position }) => position > state.forgotten.position);
    const rows: Record<StatePart, [string, unknown][]> = {
      records: records.map((record) => [recordIdText(record), record]),
      operations: known.map((outcome) => [outcome.id, outcome]),
      conflicts: conflicts.map((one) => [`${digits(one.position)} ${digits(one.ordinal)}`, one]),
    };
    const named = rows[part].map(([place, row]): [string, string] => [place, JSON.stringify(row)]);
    return named.toSorted(([one], [other]) => (one < other ? -1 : 1));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }
}

function leafOf(id: RecordId, leaves: number): number {
  return Number.parseInt(sha256(recordIdText(id)).slice(0, 8), 16) % leaves;
}

/** Of the row as it is stored, as PostgreSQL's is. */
function hashOf(record: StoredRecord): string {
  const { version, fields, tombstone, expiresAtMs } = record;
  return sha256(
    JSON.stringify([recordIdText(record), version, fields, tombstone ?? null, expiresAtMs ?? null]),
  ).slice(0, 32);
}

/** Sorts as text as it does as a number. */
function digits(count: number): string {
  return String(count).padStart(16, "0");
}
