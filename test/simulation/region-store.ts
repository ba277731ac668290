/** The RegionStore port over a simulated database: calls take time, fail, and lose their answers as a real one's do. */
import type { AuditFact } from "../../services/core/audit.ts";
import type { AuditQuery, SeenAuditHead } from "../../services/ports/audit-trail.ts";
import type { ChangesQuery } from "../../services/ports/changes.ts";
import type { Bootstraps } from "../../services/ports/bootstraps.ts";
import type { EntryVersions, ToldProcess } from "../../services/ports/entry-versions.ts";
import type { Verification } from "../../services/ports/reconciliation.ts";
import type { RecordId } from "../../services/core/operation.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import type { OwnWal } from "../../services/ports/own-wal.ts";
import {
  StoreUnavailableError,
  type CommitOptions,
  type ConflictName,
  type ConflictQuery,
  type RegionStore,
  type RepairQuery,
  type RoleName,
  type WalAppend,
} from "../../services/ports/region-store.ts";
import type { FieldQuery } from "../../services/ports/sql-access.ts";
import type { SimulatedDatabase } from "./database.ts";
import { SimulatedSnapshot } from "./snapshot.ts";
import type { Process } from "./world.ts";

/** What can go wrong at the moment; changed by the scenario while it runs. */
export interface StoreFaults {
  /** Calls fail before they reach the database. */
  isDown: boolean;
  /** Probability that the answer to a call is lost after it took effect. */
  lostAnswers: number;
  /** How much longer commits of folds take. */
  commitMs?: number;
}

export const NO_STORE_FAULTS: StoreFaults = { isDown: false, lostAnswers: 0 };

const HOLD_MS_MAX = 600_000;

export class SimulatedRegionStore implements RegionStore {
  readonly #database: SimulatedDatabase;
  readonly #process: Process;
  readonly #faults: StoreFaults;

  constructor(options: { database: SimulatedDatabase; process: Process; faults?: StoreFaults }) {
    this.#database = options.database;
    this.#process = options.process;
    this.#faults = options.faults ?? NO_STORE_FAULTS;
  }

  /** The effect happens at one moment; the process may die before it, or after it and before the answer. */
  async #call<T>(effect: (database: SimulatedDatabase) => T): Promise<T> {
    const { random } = this.#process.world;
    await this.#process.pass(random.fraction() * 2);
    if (this.#faults.isDown) throw new StoreUnavailableError("the database is down", { outcome: "none" });
    const result = effect(this.#database);
    await this.#process.pass(random.fraction() * 2);
    if (random.chance(this.#faults.lostAnswers))
      throw new StoreUnavailableError("the connection broke", { outcome: "unknown" });
    return result;
  }

  append(options: {
    partition: number;
    operations: readonly WalAppend[];
    nowMs: number;
    pendingRowsMax: number;
    pendingBytesMax: number;
  }) {
    return this.#call((database) => database.append(options));
  }

  readWal(options: { partition: number; after: number; rowsMax: number; bytesMax: number }) {
    return this.#call((database) => database.readWal(options));
  }

  walHead(partition: number) {
    return this.#call((database) => database.walHead(partition));
  }

  stampTick(options: { partition: number; nowMs: number }) {
    return this.#call((database) => database.stampTick(options));
  }

  loadPartition(partition: number) {
    return this.#call((database) => database.loadPartition(partition));
  }

  loadSlice(options: { partition: number; records: readonly RecordId[]; operations: readonly string[] }) {
    return this.#call((database) => database.loadSlice(options));
  }

  checkWal(partition: number) {
    return this.#call((database) => database.checkWal(partition));
  }

  startRejoin(options: Parameters<OwnWal["startRejoin"]>[0]) {
    return this.#call((database) => database.startRejoin(options));
  }

  async commitFold(options: CommitOptions) {
    const { commitMs } = this.#faults;
    if (commitMs !== undefined) await this.#process.pass(commitMs);
    return this.#call((database) => database.commitFold(options));
  }

  logCreatedAtMs(partition: number) {
    return this.#call((database) => database.logCreatedAtMs(partition));
  }

  bindLog(options: { partition: number; createdAtMs: number }) {
    return this.#call((database) => database.bindLog(options));
  }

  rebindLog(options: Parameters<RegionStore["rebindLog"]>[0]) {
    return this.#call((database) => database.rebindLog(options));
  }

  readRecords(options: { partition: number; records: readonly RecordId[] }) {
    const { partition, records } = options;
    return this.#call((database) => records.map((record) => database.readRecord({ ...record, partition })));
  }

  readRecord(options: RecordId & { partition: number }) {
    return this.#call((database) => database.readRecord(options));
  }

  readEscrows(options: RecordId & { partition: number }) {
    return this.#call((database) => database.readEscrows(options));
  }

  listRecords(options: {
    tenant: string;
    collection: string;
    prefix: string;
    after: string | undefined;
    limit: number;
  }) {
    return this.#call((database) => database.listRecords(options));
  }

  followViews() {
    return this.#call(() => 0);
  }

  followIndexes(_options: { rowsMax: number }) {
    return this.#call((database) => database.followIndexes());
  }

  listByField(query: FieldQuery) {
    return this.#call((database) => database.listByField(query));
  }

  readCollections(partition: number) {
    return this.#call((database) => database.readCollections(partition));
  }

  readPositions(partition: number) {
    return this.#call((database) => database.readPositions(partition));
  }

  readOperation(id: string) {
    return this.#call((database) => database.readOperation(id));
  }

  readExpired(options: { partition: number; seenByAll: number; rowsMax: number }) {
    return this.#call((database) => database.readExpired(options));
  }

  readOutcomes(options: { partition: number; ids: readonly string[] }) {
    return this.#call((database) => database.readOutcomes(options));
  }

  listConflicts(query: ConflictQuery) {
    return this.#call((database) => database.listConflicts(query));
  }

  listRepairs(query: RepairQuery) {
    return this.#call((database) => database.listRepairs(query));
  }

  readConflict(name: ConflictName) {
    return this.#call((database) => database.readConflict(name));
  }

  readChanges(query: ChangesQuery) {
    return this.#call((database) => database.readChanges(query));
  }

  trimChanges(options: { partition: number; upTo: number; rowsMax: number }) {
    return this.#call((database) => database.trimChanges(options));
  }

  trimConflicts(options: { partition: number; beforeLogTimeMs: number; rowsMax: number }) {
    return this.#call((database) => database.trimConflicts(options));
  }

  addTrimMark(options: { partition: number; everyMs: number }) {
    return this.#call((database) => database.trimming.addMark(options));
  }

  findTrimMark(options: { partition: number; positionMax: number; logTimeMsMax: number }) {
    return this.#call((database) => database.trimming.findMark(options));
  }

  trimMarks(options: { partition: number; below: number; rowsMax: number }) {
    return this.#call((database) => database.trimming.trimMarks(options));
  }

  trimWal(options: { partition: number; upTo: number; rowsMax: number }) {
    return this.#call((database) => database.trimming.trimWal(options));
  }

  trimOperations(options: { from: number }) {
    return this.#call((database) => database.trimming.trimOperations(options));
  }

  async *scanRecords(
    partition: number,
  ): AsyncGenerator<{ position: number; records: readonly StoredRecord[] }> {
    yield await this.#call((database) => ({
      position: database.loadPartition(partition).position,
      records: database.records(partition),
    }));
  }

  async openSnapshot({ partition, holdMsMax = HOLD_MS_MAX }: { partition: number; holdMsMax?: number }) {
    const { world } = this.#process;
    const data = await this.#call((database) => ({
      ...database.snapshot(partition),
      needs: database.entryVersions.needsOf(partition),
    }));
    const endsAtMs = world.nowMs + holdMsMax;
    return new SimulatedSnapshot(data, {
      pass: () => this.#call(() => undefined),
      isOver: () => world.nowMs >= endsAtMs,
    });
  }

  keepVerification(verification: Verification) {
    return this.#call((database) => database.verifications.keep(verification));
  }

  readVerification(id: string) {
    return this.#call((database) => database.verifications.read(id));
  }

  listVerifications({ limit }: { limit: number }) {
    return this.#call((database) => database.verifications.list(limit));
  }

  appendAudit(fact: AuditFact) {
    return this.#call((database) => database.audit.append(fact));
  }

  readAuditHead() {
    return this.#call((database) => database.audit.head());
  }

  listAudit(query: AuditQuery) {
    return this.#call((database) => database.audit.list(query));
  }

  keepAuditHead(seen: SeenAuditHead) {
    return this.#call((database) => database.audit.keepHead(seen));
  }

  listAuditHeads() {
    return this.#call((database) => database.audit.heads());
  }

  acquireRole(options: { role: RoleName; partition: number; holder: string; ttlMs: number }) {
    return this.#call((database) => database.acquireRole(options));
  }

  releaseRole(options: { role: RoleName; partition: number; holder: string }) {
    return this.#call((database) => database.releaseRole(options));
  }

  tellProcess(process: ToldProcess) {
    return this.#call((database) => database.entryVersions.tell(process));
  }

  forgetProcess(id: string) {
    return this.#call((database) => database.entryVersions.forget(id));
  }

  listProcesses() {
    return this.#call((database) => database.entryVersions.list());
  }

  promiseReads(options: Parameters<EntryVersions["promiseReads"]>[0]) {
    return this.#call((database) => database.entryVersions.promise(options));
  }

  needVersion(options: Parameters<EntryVersions["needVersion"]>[0]) {
    return this.#call((database) => database.entryVersions.need(options));
  }

  standAside(options: Parameters<EntryVersions["standAside"]>[0]) {
    return this.#call((database) => database.entryVersions.standAside(options));
  }

  neededVersions() {
    return this.#call((database) => database.entryVersions.needed());
  }

  readDrain() {
    return this.#call((database) => database.drain.read());
  }

  startDrain(options: { isForced: boolean }) {
    return this.#call((database) => database.drain.start(options));
  }

  endDrain(only?: { readonly sinceMs: number }) {
    return this.#call((database) => database.drain.end(only));
  }

  readBootstraps() {
    return this.#call((database) => database.bootstraps.read());
  }

  orderBootstrap(options: Parameters<Bootstraps["orderBootstrap"]>[0]) {
    return this.#call((database) => database.bootstraps.order(options));
  }

  enterStage(options: Parameters<Bootstraps["enterStage"]>[0]) {
    return this.#call((database) => database.bootstraps.enter(options));
  }

  clearSome(bootstrap: Parameters<Bootstraps["clearSome"]>[0]) {
    return this.#call((database) => database.bootstraps.clearSome(bootstrap));
  }

  loadPage(options: Parameters<Bootstraps["loadPage"]>[0]) {
    return this.#call((database) => database.bootstraps.loadPage(options));
  }

  finishLoad(options: Parameters<Bootstraps["finishLoad"]>[0]) {
    return this.#call((database) => database.bootstraps.finish(options));
  }

  endBootstrap(bootstrap: Parameters<Bootstraps["endBootstrap"]>[0]) {
    return this.#call((database) => database.bootstraps.end(bootstrap));
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}
