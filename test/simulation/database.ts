/**
 * The simulated twin of a region's database: what is durable, with every call atomic. The contract tests of the
 * RegionStore port run against it and against PostgreSQL.
 */
import type { FoldResult } from "../../services/core/fold/fold.ts";
import type { FoldSlice, OperationOutcome, PartitionState } from "../../services/core/fold/state.ts";
import { advanceHlc, MAX_OFFSET_MS, nextHlc, type Hlc } from "../../services/core/hlc.ts";
import { recordIdText, type RecordId } from "../../services/core/operation.ts";
import { type StoredRecord } from "../../services/core/record.ts";
import {
  KnownOperationError,
  StaleApplierError,
  WalFullError,
  type AppendOutcome,
  type CommitOptions,
  type RoleGrant,
  type TickStamp,
  type WalAppend,
  type WalHead,
  type WalRow,
} from "../../services/ports/region-store.ts";
import type { OwnWal } from "../../services/ports/own-wal.ts";
import { roundTrip } from "./document.ts";
import { findKnown, headOf, readRows } from "./wal-reading.ts";
import { bytesOf } from "./bytes.ts";
import { noteCommit, trimChanges } from "./changes.ts";
import { trimConflicts } from "./conflicts.ts";
import { leftOf, shortOf } from "./escrows.ts";
import { rebindLog, withoutPartition, type PartitionData } from "./partition-data.ts";
import { OutcomeHistory } from "./outcome-history.ts";
import {
  checkAppend,
  checkJoin,
  checkStamp,
  checkTail,
  checkWal,
  followMembership,
  startRejoin,
} from "./own-wal.ts";
import { ReadableDatabase } from "./readable-database.ts";
import { SimulatedAudit } from "./audit.ts";
import { SimulatedTrimming } from "./trimming.ts";
import { SimulatedBootstraps } from "./bootstraps.ts";
import { SimulatedDrain } from "./drain.ts";
import { SimulatedEntryVersions } from "./entry-versions.ts";
import { SimulatedRoles } from "./roles.ts";
import { SimulatedVerifications } from "./verifications.ts";

export interface DatabaseCopy {
  readonly partitions: ReadonlyMap<number, PartitionData>;
  readonly records: ReadonlyMap<string, StoredRecord & { readonly partition: number }>;
}

export class SimulatedDatabase extends ReadableDatabase {
  readonly #nowMs: () => number;
  readonly #history = new OutcomeHistory();
  readonly #roles: SimulatedRoles;
  readonly trimming = new SimulatedTrimming({
    region: () => this.region,
    partitions: () => this.tables,
    makeDurable: () => this.#makeDurable(),
  });
  readonly verifications = new SimulatedVerifications();
  readonly audit: SimulatedAudit;
  readonly drain = new SimulatedDrain(() => this.#nowMs());
  readonly entryVersions = new SimulatedEntryVersions(() => this.#nowMs());
  readonly bootstraps = new SimulatedBootstraps({
    nowMs: () => this.#nowMs(),
    data: (partition) => this.data(partition),
    records: () => this.rows,
    known: (partition, outcome) => this.#history.add(partition, outcome),
    need: (version) => this.entryVersions.need(version),
    makeDurable: () => this.#makeDurable(),
  });
  /** How to take back each commit of a fold that a crash would lose. */
  #undurable: (() => void)[] = [];

  /** @param nowMs the database's own clock. */
  constructor(region: string, nowMs: () => number) {
    super(region);
    this.#nowMs = nowMs;
    this.audit = new SimulatedAudit(region);
    this.#roles = new SimulatedRoles(nowMs, (asked) => this.entryVersions.refusal(asked));
  }

  /** Highest sequence handed out. */
  walEnd(partition: number): number {
    return this.data(partition).walEnd;
  }

  append(options: {
    partition: number;
    operations: readonly WalAppend[];
    nowMs: number;
    pendingRowsMax: number;
    pendingBytesMax: number;
  }): AppendOutcome[] {
    const { partition, operations, nowMs } = options;
    const data = this.data(partition);
    if (operations.length > 0) checkAppend(data, this.region);
    const taking: WalAppend[] = [];
    const known = operations.map((operation) => {
      const short = shortOf(operation, this.escrowsOf(operation, partition, taking));
      const refused = short && ({ status: "insufficient", left: short } as const);
      const outcome = findKnown(this.tables, { operation, region: this.region }) ?? refused;
      if (outcome === undefined) taking.push(operation);
      return outcome;
    });
    const fresh = operations.filter((_, index) => known[index] === undefined);
    const rows = this.pending(partition).length + fresh.length;
    const bytes = bytesOf(this.pending(partition)) + bytesOf(fresh);
    if (fresh.length > 0 && (rows > options.pendingRowsMax || bytes > options.pendingBytesMax)) {
      throw new WalFullError(`the buffer would hold ${rows} operations of ${bytes} bytes`);
    }
    if (fresh.length > 0) this.#makeDurable();
    let hlc = this.#nextHlc(partition, nowMs);
    return operations.map((operation, index) => {
      const outcome = known[index];
      if (outcome !== undefined) return outcome;
      const sequence = (data.walEnd += 1);
      data.wal.push({ ...operation, sequence, hlc, seen: data.state.position, acceptedAtMs: this.#nowMs() });
      data.lastHlc = hlc;
      const left = leftOf(operation, this.escrowsOf(operation, partition));
      const accepted = { status: "accepted", sequence, hlc, ...(left.length > 0 && { left }) } as const;
      hlc = advanceHlc(hlc, 1);
      return accepted;
    });
  }

  #nextHlc(partition: number, nowMs: number): Hlc {
    const data = this.data(partition);
    const observed = [...Object.values(data.state.origins).map((origin) => origin.hlc), data.state.hlc];
    const nowMsMax = this.#nowMs() + MAX_OFFSET_MS;
    return nextHlc({ nowMs, nowMsMax, lastIssued: data.lastHlc, observed });
  }

  readWal({
    partition,
    ...options
  }: Parameters<typeof readRows>[1] & { readonly partition: number }): WalRow[] {
    return readRows(this.data(partition), options);
  }

  walHead(partition: number): WalHead {
    return headOf(this.data(partition), { region: this.region, nowMs: this.#nowMs() });
  }

  checkWal(partition: number): void {
    this.#makeDurable();
    const isLoaded = this.bootstraps.isLoaded(partition);
    checkWal(this.data(partition), { region: this.region, nowMs: this.#nowMs(), isLoaded });
  }

  startRejoin({ partition, ...options }: Parameters<OwnWal["startRejoin"]>[0]): void {
    this.#makeDurable();
    const isLoaded = this.bootstraps.isLoaded(partition);
    startRejoin(this.data(partition), {
      region: this.region,
      id: options.id,
      lost: options.lost,
      isLoaded,
    });
  }

  stampTick(options: { partition: number; nowMs: number }): TickStamp {
    this.#makeDurable();
    const data = this.data(options.partition);
    checkStamp(data, this.region);
    data.lastHlc = this.#nextHlc(options.partition, options.nowMs);
    const { position, chain } = data.state;
    return { hlc: data.lastHlc, walHead: this.walEnd(options.partition), position, chain };
  }

  loadSlice(options: {
    partition: number;
    records: readonly RecordId[];
    operations: readonly string[];
  }): FoldSlice {
    const records = new Map<string, StoredRecord>();
    for (const id of options.records) {
      const record = this.rows.get(recordIdText(id));
      if (record !== undefined) records.set(recordIdText(id), withoutPartition(record));
    }
    const { outcomes } = this.data(options.partition);
    const known = options.operations.flatMap((id) => outcomes.get(id) ?? []);
    return { records, operations: new Map(known.map(({ id, position }) => [id, position])) };
  }

  commitFold(options: CommitOptions): void {
    const { expectedPosition, result, isGuess = false, tail } = options;
    const { partition } = result.state;
    const data = this.data(partition);
    if (isGuess && result.outcomes.some(({ id }) => data.outcomes.has(id))) {
      throw new KnownOperationError("an operation of the fold took effect before");
    }
    if (data.state.position !== expectedPosition || this.bootstraps.isHeld(partition)) {
      throw new StaleApplierError(
        `partition ${partition} is at ${data.state.position}, not ${expectedPosition}`,
      );
    }
    checkJoin(data, this.region, result);
    if (tail !== undefined) checkTail(data, tail);
    this.#undurable.push(this.#undoOf(data, result));
    // Schemas are kept as text, so that their fields stay in the order that they were declared in.
    data.state = { ...roundTrip(result.state), collections: result.state.collections };
    for (const [id, record] of result.records) {
      if (record === null) this.rows.delete(id);
      else this.rows.set(id, { ...roundTrip(record), partition });
    }
    for (const outcome of result.outcomes) {
      data.outcomes.set(outcome.id, outcome);
      this.#history.add(partition, outcome);
    }
    data.conflicts.push(...result.conflicts.map((conflict) => ({ ...roundTrip(conflict), partition })));
    data.repairs.push(...result.repairs.map((repair) => ({ ...roundTrip(repair), partition })));
    noteCommit(data, result);
    followMembership(data, { region: this.region, result, nowMs: this.#nowMs() });
    if (result.membership !== undefined) this.#makeDurable();
  }

  #undoOf(data: PartitionData, result: FoldResult): () => void {
    const { state } = data;
    const [conflicts, repairs, changes] = [data.conflicts.length, data.repairs.length, data.changes.at(-1)];
    const rows = [...result.records.keys()].map((id) => [id, this.rows.get(id)] as const);
    const before = result.outcomes.map(({ id }) => [id, data.outcomes.get(id)] as const);
    return () => {
      data.state = state;
      for (const [id, row] of rows) {
        if (row === undefined) this.rows.delete(id);
        else this.rows.set(id, row);
      }
      for (const [id, outcome] of before) {
        if (outcome === undefined) data.outcomes.delete(id);
        else data.outcomes.set(id, outcome);
      }
      this.#history.lose(result.outcomes);
      data.conflicts.splice(conflicts);
      data.repairs.splice(repairs);
      // Older ones may have been trimmed since.
      data.changes.splice(changes === undefined ? 0 : data.changes.indexOf(changes) + 1);
    };
  }

  /** Folds are committed without waiting for the disk; whatever else is written goes there, and with it what came before. */
  #makeDurable(): void {
    this.#undurable = [];
  }

  /** What a crash loses is lost. */
  fallBack(): void {
    for (const undo of this.#undurable.toReversed()) undo();
    this.#makeDurable();
  }

  /** All that a backup has of it. */
  copy(): DatabaseCopy {
    return structuredClone({ partitions: this.tables, records: this.rows });
  }

  /** @param copy of before; undefined is an empty database. */
  restore(copy: DatabaseCopy | undefined): void {
    this.#undurable = [];
    for (const { outcomes } of this.tables.values()) this.#history.lose([...outcomes.values()]);
    const { partitions, records } = structuredClone(copy ?? { partitions: new Map(), records: new Map() });
    this.tables.clear();
    this.rows.clear();
    for (const [partition, data] of partitions) this.tables.set(partition, data);
    for (const [id, record] of records) this.rows.set(id, record);
    this.#roles.clear();
  }

  logCreatedAtMs(partition: number): number | undefined {
    return this.data(partition).logCreatedAtMs;
  }

  bindLog(options: { partition: number; createdAtMs: number }): void {
    this.#makeDurable();
    this.data(options.partition).logCreatedAtMs ??= options.createdAtMs;
  }

  rebindLog(options: Parameters<typeof rebindLog>[1]): void {
    this.#makeDurable();
    rebindLog(this.data(options.partition), options);
  }

  trimConflicts(options: { partition: number; beforeLogTimeMs: number; rowsMax: number }): number {
    this.#makeDurable();
    return trimConflicts(this.data(options.partition).conflicts, options);
  }

  trimChanges(options: { partition: number; upTo: number; rowsMax: number }): number {
    this.#makeDurable();
    return trimChanges(this.data(options.partition), options);
  }

  acquireRole(options: Parameters<SimulatedRoles["acquire"]>[0]): RoleGrant | undefined {
    this.#makeDurable();
    return this.#roles.acquire(options);
  }

  releaseRole(options: Parameters<SimulatedRoles["release"]>[0]): void {
    this.#makeDurable();
    this.#roles.release(options);
  }

  /** What somebody does to a row behind the store's back. Durable at once. */
  edit(partition: number, id: RecordId, record: StoredRecord | undefined): void {
    this.#makeDurable();
    if (record === undefined) this.rows.delete(recordIdText(id));
    else this.rows.set(recordIdText(id), { ...record, partition });
  }

  /** What somebody does to the state of a partition behind the store's back. Durable at once. */
  editState(partition: number, change: (state: PartitionState) => PartitionState): void {
    this.#makeDurable();
    const data = this.data(partition);
    data.state = change(data.state);
  }

  /** As if an operation had never been. Durable at once. @returns how to undo it. */
  dropOutcome(partition: number, id: string): () => void {
    this.#makeDurable();
    const { outcomes } = this.data(partition);
    const outcome = outcomes.get(id)!;
    outcomes.delete(id);
    return () => void outcomes.set(id, outcome);
  }

  /** What the fold has made of operations, also of those that are forgotten since. */
  outcomes(partition: number): ReadonlyMap<string, OperationOutcome> {
    return this.#history.upTo(partition, this.data(partition).state.position);
  }

  /** One of them. */
  outcome(partition: number, id: string): OperationOutcome | undefined {
    return this.#history.find(partition, { id, position: this.data(partition).state.position });
  }

  /** What the region had folded and told, before it fell back. */
  lostOutcome(id: string): OperationOutcome | undefined {
    return this.#history.lost(id);
  }
}
