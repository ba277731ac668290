/** The simulated twin of a partition's snapshot: a copy of the rows. Its digests are other ones than PostgreSQL's. */
import { assert } from "../../services/core/assert.ts";
import type { OperationOutcome, PartitionState } from "../../services/core/fold/state.ts";
import { sha256 } from "../../services/core/hash.ts";
import { canonicalJson } from "../../services/core/json.ts";
import { recordIdText, type RecordId } from "../../services/core/operation.ts";
import type { StoredRecord } from "../../services/core/record.ts";
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
