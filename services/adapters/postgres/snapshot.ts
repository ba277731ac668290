/**
 * Snapshots of a partition: one repeatable-read transaction that only reads, held open across calls. What it costs while
 * it is open: rows that folding replaces meanwhile can't be vacuumed.
 */
import { assert } from "../../core/assert.ts";
import { toRecordId, recordIdText, type RecordId } from "../../core/operation.ts";
import type { StoredRecord } from "../../core/record.ts";
import { isLeafCount, type LeafDigests } from "../../core/verify/digest-tree.ts";
import { digestPartition } from "../../core/verify/partition-digests.ts";
import {
  LEAF_ROWS_MAX,
  SNAPSHOT_ROWS_MAX,
  type PartitionSnapshot,
  type RestDigests,
  type RowDigest,
  type Snapshots,
} from "../../ports/partition-snapshot.ts";
import type { StateHead, StatePage, StatePart } from "../../ports/bootstraps.ts";
import { DIGEST_LEAVES_SQL, OPERATIONS_SQL, READ_LEAVES_SQL, unpackLeaves, wantedBits } from "./digests.ts";
import type { OwnConnection } from "./own-connection.ts";
import { loadPartition } from "./partition-state.ts";
import type { Database, Statement } from "./pool.ts";
import { toStoredRecord, type LifetimeRow } from "./rows.ts";
import { StateReading } from "./state-export.ts";
import { textArray, toNumber } from "./values.ts";

const HOLD_MS_MAX = 600_000;
const BEGIN = "begin isolation level repeatable read read only";
// What is emptied at once, as a bootstrap does it, would look empty here too.
const KEEP = "lock table records, operations, conflicts in access share mode";
const POSITION = "select coalesce((select position from applied where partition = $1), 0) as position";
/**
 * A scan reads the table from end to end, which no other statement does, and adds its rows up in memory: as many groups
 * as there are leaves. One core is what it may take.
 */
const SCANNING = `set local enable_seqscan = on; set local enable_sort = off; set local enable_hashagg = on;
                  set local work_mem = '64MB'; set local max_parallel_workers_per_gather = 0; set local cursor_tuple_fraction = 1`;
const SEEKING = "set local enable_seqscan = off";

const READ_ROWS: Statement = {
  name: "snapshot_rows",
  text: `select record_id, fields, version, tombstone, expires_at_ms from records
         where partition = $1 and record_id = any($2::text[])`,
  effect: "reading",
};

export function openSnapshots(database: Database): Snapshots {
  return {
    openSnapshot: async ({ partition, holdMsMax = HOLD_MS_MAX }) => {
      const connection = await database.connectApart({ holdMsMax });
      try {
        await connection.ask(BEGIN);
        await connection.ask(KEEP);
        // The first statement that reads takes the snapshot.
        const [place] = await connection.ask<{ position: string }>(POSITION, [partition]);
        return new PostgresSnapshot({ connection, partition, position: toNumber(place!.position) });
      } catch (error) {
        connection.end();
        throw error;
      }
    },
  };
}

interface SnapshotRow extends LifetimeRow {
  readonly record_id: string;
  readonly fields: string;
  readonly version: string;
}

class PostgresSnapshot implements PartitionSnapshot {
  readonly position: number;
  readonly #connection: OwnConnection;
  readonly #partition: number;
  readonly #reading: StateReading;
  #cursors = 0;

  constructor(options: { connection: OwnConnection; partition: number; position: number }) {
    this.#connection = options.connection;
    this.#partition = options.partition;
    this.position = options.position;
    this.#reading = new StateReading(options);
  }

  async digestLeaves(options: { leaves: number; restMs?: number }): Promise<LeafDigests> {
    const { leaves, restMs = 0 } = options;
    assert(isLeafCount(leaves), `${leaves} leaves: a power of two`);
    await this.#connection.ask(SCANNING);
    const [row] = await this.#connection.ask<{ packed: string | null }>(DIGEST_LEAVES_SQL, [
      this.#partition,
      leaves - 1,
      restMs / 1_000,
    ]);
    return unpackLeaves(leaves, Buffer.from(row!.packed ?? "", "base64"));
  }

  async *readLeaves(options: {
    leaves: number;
    wanted: readonly number[];
  }): AsyncGenerator<readonly RowDigest[], void, undefined> {
    const { leaves, wanted } = options;
    assert(isLeafCount(leaves), `${leaves} leaves: a power of two`);
    const cursor = `leaves_${(this.#cursors += 1)}`;
    await this.#connection.ask(SCANNING);
    const values = [this.#partition, leaves - 1, wantedBits(leaves, wanted)];
    await this.#connection.ask(`declare ${cursor} no scroll cursor for ${READ_LEAVES_SQL}`, values);
    try {
      for (;;) {
        const rows = await this.#connection.ask<{ record_id: string; hash: string }>(
          `fetch ${LEAF_ROWS_MAX} from ${cursor}`,
        );
        if (rows.length > 0) yield rows.map(({ record_id, hash }) => ({ ...toRecordId(record_id), hash }));
        if (rows.length < LEAF_ROWS_MAX) break;
      }
    } finally {
      // Of a snapshot that has ended, so has the cursor.
      await this.#connection.ask(`close ${cursor}`).catch(() => undefined);
    }
  }

  async readRows(records: readonly RecordId[]): Promise<StoredRecord[]> {
    assert(records.length <= SNAPSHOT_ROWS_MAX, `${SNAPSHOT_ROWS_MAX} rows at once`);
    await this.#connection.ask(SEEKING);
    const ids = textArray(records.map(recordIdText));
    const rows = await this.#connection.query<SnapshotRow>(READ_ROWS, [this.#partition, ids]);
    return rows.map((row) => toStoredRecord(toRecordId(row.record_id), row));
  }

  async digestRest(options: { operationsAbove: number; restMs?: number }): Promise<RestDigests> {
    const { operationsAbove, restMs = 0 } = options;
    await this.#connection.ask(SCANNING);
    const values = [this.#partition, operationsAbove, this.position, restMs / 1_000];
    const [operations] = await this.#connection.ask<{ count: string; hash: string }>(OPERATIONS_SQL, values);
    const { count, hash } = operations!;
    const state = await loadPartition(this.#connection, this.#partition);
    return { ...digestPartition(state), operations: { count: toNumber(count), hash } };
  }

  async readHead(): Promise<StateHead> {
    await this.#connection.ask(SCANNING);
    return this.#reading.readHead();
  }

  async readPage(options: {
    part: StatePart;
    after: string | undefined;
    bytesMax: number;
  }): Promise<StatePage> {
    await this.#connection.ask(SEEKING);
    return this.#reading.readPage(options);
  }

  close(): Promise<void> {
    this.#connection.end();
    return Promise.resolve();
  }
}
