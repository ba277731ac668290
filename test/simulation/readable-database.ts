/** What a simulated database holds, and what can be asked of it without changing anything. */
import { collectionId, type PartitionState } from "../../services/core/fold/state.ts";
import { recordIdText, type RecordId } from "../../services/core/operation.ts";
import { isExpired, type StoredRecord } from "../../services/core/record.ts";
import type { Collection } from "../../services/core/schema.ts";
import type { ChangesQuery, ChangesWindow } from "../../services/ports/changes.ts";
import type { ListedRecord, RecordSnapshot } from "../../services/ports/record-snapshot.ts";
import type {
  ConflictName,
  ConflictQuery,
  FoldedOutcomes,
  Positions,
  RecordEscrows,
  RepairQuery,
  StoredConflict,
  StoredOperation,
  StoredRepair,
  WalAppend,
  WalRow,
} from "../../services/ports/region-store.ts";
import { readChanges } from "./changes.ts";
import type { FieldPage, FieldQuery } from "../../services/ports/sql-access.ts";
import { listByField, SimulatedIndexes } from "./field-listing.ts";
import { listConflicts, listRepairs } from "./conflicts.ts";
import { sharesOf } from "./escrows.ts";
import {
  emptyPartition,
  isCrowd,
  foldedUpTo,
  knownIn,
  rowsAfter,
  storedOperation,
  toRow,
  withoutPartition,
  type HeldRecord,
  type PartitionData,
  type TimedRow,
} from "./partition-data.ts";
import { expiredOf, listedKeys, type ExpiryOptions, type ListingOptions } from "./listing.ts";
import type { SnapshotData } from "./snapshot.ts";

export abstract class ReadableDatabase {
  readonly region: string;
  protected readonly tables = new Map<number, PartitionData>();
  protected readonly rows = new Map<string, HeldRecord>();
  readonly #indexes = new SimulatedIndexes();

  constructor(region: string) {
    this.region = region;
  }

  protected data(partition: number): PartitionData {
    let data = this.tables.get(partition);
    if (data === undefined) {
      data = emptyPartition(partition);
      this.tables.set(partition, data);
    }
    return data;
  }

  protected folded(partition: number): number {
    return foldedUpTo(this.data(partition), this.region);
  }

  protected pending(partition: number): TimedRow[] {
    return rowsAfter(this.data(partition), this.folded(partition));
  }

  /** @param before operations of the same call that are about to be appended. */
  protected escrowsOf(
    id: RecordId & Partial<WalAppend>,
    partition: number,
    before: readonly WalAppend[] = [],
  ) {
    // What is pending does not matter to what takes nothing, and there may be a lot of it.
    const isTaking = id.id === undefined || id.takes !== undefined || id.handsOver !== undefined;
    if (!isTaking) return { fields: undefined, region: this.region, pending: [] };
    const text = recordIdText(id);
    const record = this.rows.get(text);
    const fields = record?.tombstone === undefined ? record?.fields : undefined;
    const pending = [...this.pending(partition), ...before].filter((row) => recordIdText(row) === text);
    return { fields, region: this.region, pending };
  }

  protected known(partition: number, id: string) {
    return knownIn(this.data(partition), { id, folded: this.folded(partition) });
  }

  loadPartition(partition: number): PartitionState {
    return this.data(partition).state;
  }

  readRecord(options: RecordId & { partition: number }): RecordSnapshot {
    const { partition, ...id } = options;
    const text = recordIdText(id);
    const record = this.alive(text);
    // A retry through another region may have taken effect already: the view must not count it twice.
    const rows = this.pending(partition).filter((row) => recordIdText(row) === text);
    const isCrowded = isCrowd(rows);
    const pending = isCrowded
      ? []
      : rows.filter((row) => this.known(partition, row.id).outcome === undefined);
    return {
      committed: record === undefined ? undefined : withoutPartition(record),
      pending: pending.map(toRow),
      position: this.data(partition).state.position,
      ...(isCrowded && { isCrowded }),
    };
  }

  readEscrows(options: RecordId & { partition: number }): RecordEscrows {
    const { partition, ...id } = options;
    return { position: this.data(partition).state.position, ...sharesOf(this.escrowsOf(id, partition)) };
  }

  listRecords(options: ListingOptions): ListedRecord[] {
    const alive = [...this.rows.keys()].map((id) => this.alive(id)).filter((row) => row !== undefined);
    const partitions = [...this.tables.keys()];
    const pending = partitions.flatMap((partition) =>
      this.pending(partition).map((row) => ({ ...row, partition })),
    );
    const deleted = [...this.rows.values()].filter(({ tombstone }) => tombstone !== undefined);
    const { tenant, collection } = options;
    return listedKeys({ alive, pending, deleted }, options).map(({ key, partition }) => ({
      key,
      ...this.readRecord({ partition, tenant, collection, key }),
    }));
  }

  followIndexes(): number {
    return this.#indexes.follow(this.readCollections(0));
  }

  listByField(query: FieldQuery): FieldPage {
    const everything = { ...query, prefix: "", after: undefined, limit: Infinity };
    const isReady = this.#indexes.isReady(query);
    const { tenant, collection } = query;
    const pending = this.partitionNumbers().flatMap((partition) => this.pending(partition));
    const bodiesOf = (key: string) => {
      const id = recordIdText({ tenant, collection, key });
      return pending.filter((row) => recordIdText(row) === id).map(({ body }) => body);
    };
    return listByField(isReady ? this.listRecords(everything) : [], { ...query, isReady, bodiesOf });
  }

  readCollections(partition: number): Collection[] {
    return Object.values(this.data(partition).state.collections).toSorted((one, other) =>
      collectionId(one.tenant, one.name) < collectionId(other.tenant, other.name) ? -1 : 1,
    );
  }

  readPositions(partition: number): Positions {
    const { collections: _, ...positions } = this.loadPartition(partition);
    return positions;
  }

  readChanges(query: ChangesQuery): ChangesWindow {
    const { partition } = query;
    const read = (record: RecordId) => this.readRecord({ ...record, partition });
    return readChanges({ data: this.data(partition), region: this.region, read }, query);
  }

  protected alive(id: string): HeldRecord | undefined {
    const record = this.rows.get(id);
    if (record === undefined) return undefined;
    return isExpired(record, this.data(record.partition).state.logTimeMs) ? undefined : record;
  }

  readExpired({ partition, ...options }: ExpiryOptions & { readonly partition: number }): RecordId[] {
    const { logTimeMs } = this.data(partition).state;
    return expiredOf(this.records(partition), { ...options, logTimeMs });
  }

  readOutcomes({ partition, ids }: { partition: number; ids: readonly string[] }): FoldedOutcomes {
    const { position, logTimeMs, forgotten } = this.data(partition).state;
    const outcomes = ids.flatMap((id) => this.known(partition, id).outcome ?? []);
    return { position, logTimeMs, forgottenTimeMs: forgotten.logTimeMs, outcomes };
  }

  readOperation(id: string): StoredOperation | undefined {
    for (const [partition, data] of this.tables) {
      const { outcome, row } = this.known(partition, id);
      const found = storedOperation({ id, partition }, data, { outcome, row });
      if (found !== undefined) return found;
    }
    return undefined;
  }

  listConflicts(query: ConflictQuery): StoredConflict[] {
    return listConflicts(
      [...this.tables.values()].flatMap(({ conflicts }) => conflicts),
      query,
    );
  }

  listRepairs(query: RepairQuery): StoredRepair[] {
    return listRepairs(
      [...this.tables.values()].flatMap(({ repairs }) => repairs),
      query,
    );
  }

  readConflict({ partition, position, ordinal }: ConflictName): StoredConflict | undefined {
    return this.data(partition).conflicts.find(
      (conflict) => conflict.position === position && conflict.ordinal === ordinal,
    );
  }

  /** The rows of a partition as they are now. */
  records(partition: number): StoredRecord[] {
    return [...this.rows.values()].filter((record) => record.partition === partition).map(withoutPartition);
  }

  snapshot(partition: number): SnapshotData {
    const { state, outcomes, conflicts, logCreatedAtMs } = this.data(partition);
    const rows = { records: this.records(partition), outcomes: [...outcomes.values()] };
    return { state, ...rows, conflicts: [...conflicts], logCreatedAtMs };
  }

  /** For checkers. */
  walRows(partition: number): readonly WalRow[] {
    return this.data(partition).wal;
  }

  setAside(partition: number): readonly WalRow[] {
    return this.data(partition).setAside;
  }

  conflicts(partition: number): readonly StoredConflict[] {
    return this.data(partition).conflicts;
  }

  partitionNumbers(): number[] {
    return [...this.tables.keys()];
  }
}
