/** A gateway without a store, for what the transport does by itself. Writes are checked by the real core. */
import { planRange } from "../../../services/core/listing/where.ts";
import { planCondition, planVersion } from "../../../services/core/accept/condition.ts";
import { checkKey } from "../../../services/core/accept/key.ts";
import { parseTransaction } from "../../../services/core/accept/transaction.ts";
import { planOrderedPart, planWrite } from "../../../services/core/accept/write.ts";
import type { Histories } from "../../../services/gateway/record-histories.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { EMPTY_SESSION } from "../../../services/core/session.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type {
  BulkLine,
  BulkLineResult,
  BulkRequest,
  BulkResult,
  ConflictPage,
  ConflictsRequest,
  EscrowRequest,
  Gateway,
  LeaderMoveRequest,
  LeaseRequest,
  LifeRequest,
  ListRequest,
  OperationReport,
  OperationRequest,
  PartitionLeader,
  PutCollectionRequest,
  ReadRequest,
  ReclaimRequest,
  RecordEscrowsReport,
  RecordView,
  RequestContext,
  RestoreConflictRequest,
  TransactionRequest,
  WriteRequest,
  WriteResult,
} from "../../../services/gateway/gateway.ts";
import type { DrainReport, RegionOverview } from "../../../services/gateway/status-report.ts";
import type { Membering, PartitionMembers } from "../../../services/gateway/membership.ts";
import { ReconcilingService, type Reconciling } from "../../../services/gateway/reconciling.ts";
import { SchemaProposer } from "../../../services/gateway/schema-proposer.ts";
import { StorePatience } from "../../../services/gateway/store-patience.ts";
import { SystemClock } from "../../../services/adapters/system/clock.ts";
import { SystemRandom } from "../../../services/adapters/system/random.ts";
import type { Backups } from "../../../services/gateway/backups.ts";
import type { RegionStore, RepairQuery, StoredRepair } from "../../../services/ports/region-store.ts";
import { listRepairs } from "../../simulation/conflicts.ts";
import type { Auditing } from "../../../services/runtime/auditor.ts";
import { stubStatus } from "./stub-status.ts";
import { StubDoctor } from "./stub-doctor.ts";
import { StubHistories } from "./stub-histories.ts";
import { StubAudit } from "./stub-audit.ts";
import { StubBackups } from "./stub-backups.ts";
import { StubLogKeeping } from "./stub-logs.ts";
import { StubReconciliation } from "./stub-reconciliation.ts";
import type { Feed } from "../../../services/gateway/feed/feed.ts";

export const SECRET = "a secret that is long enough for this";
export const OPERATION = "01990000-0000-7000-8000-000000000001";
/** The one that can be restored. */
export const CONFLICT = "0-12-1";

export const SCHEMA: CollectionSchema = {
  fields: {
    name: { class: "lww", type: "string" },
    anything: { class: "lww" },
    nickname: { class: "lww", deprecated: true },
    likes: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    preferences: { class: "merge", kind: "map" },
    best: { class: "merge", kind: "max" },
    credit: { class: "authoritative", type: "integer", min: 0 },
    stock: { class: "merge", kind: "escrow", min: 0 },
  },
};

export const RECEIPT = {
  operation: OPERATION,
  status: "accepted",
  region: "eu",
  at: "0198f0c0a0b00001",
} as const;

const ACCEPTED: WriteResult = {
  ...RECEIPT,
  session: { positions: {}, wal: { eu: { "0": 7 } } },
  isReplayed: false,
};

/** How the log has decided on what only it can decide. */
const DECIDED = {
  status: "committed",
  position: { partition: 0, sequence: 17 },
  session: { positions: { "0": 17 }, wal: {} },
  isDecided: true,
} as const;

export class StubGateway implements Gateway {
  readonly writes: WriteRequest[] = [];
  readonly removals: LifeRequest[] = [];
  readonly restorals: LifeRequest[] = [];
  readonly reclaims: ReclaimRequest[] = [];
  readonly escrowReads: EscrowRequest[] = [];
  readonly transactions: TransactionRequest[] = [];
  readonly leases: LeaseRequest[] = [];
  readonly leaseReads: (RequestContext & { readonly name: string })[] = [];
  readonly operations: OperationRequest[] = [];
  readonly conflictLists: ConflictsRequest[] = [];
  readonly conflictRestorals: RestoreConflictRequest[] = [];
  readonly reads: ReadRequest[] = [];
  readonly lists: ListRequest[] = [];
  readonly memberChanges: object[] = [];
  members: PartitionMembers = { partition: 0, members: [], departed: [] };
  /** None is there until a test gives one. */
  subscribed: Feed = {
    retentionMs: 3_600_000,
    open: () => Promise.reject(new GatewayError("starting", "the stub has no feed")),
  };
  /** Thrown by every method, when set. */
  failure: unknown;
  /** Merged into the answer to whatever changes something. */
  answer: Partial<WriteResult> = {};
  /** The answer to who asks for `OPERATION`. */
  report: OperationReport = {
    ...RECEIPT,
    status: "superseded",
    position: { partition: 0, sequence: 9 },
    lostFields: ["name"],
  };
  /** What the stub's region may take of every record. */
  escrows: RecordEscrowsReport["escrows"] = [
    { field: "stock", min: 0, value: 12, rights: { eu: 4, us: 7, ap: 1 }, here: 3, total: 11 },
  ];
  /** Called with every reclaim before it is answered. */
  reclaimHook: (request: ReclaimRequest) => void = () => undefined;
  readonly leaderMoves: LeaderMoveRequest[] = [];
  readonly drainOrders: string[] = [];
  /** What the next statuses say of it, one after the other, and then `draining`. */
  readonly drains: DrainReport[] = [];
  draining: DrainReport | undefined;
  partitionLeaders: PartitionLeader[] = [
    {
      partition: 0,
      leader: "eu",
      leaderSinceMs: 1_720_000_000_000,
      ranking: [
        { region: "eu", quorumRoundTripMs: 85 },
        { region: "ap", quorumRoundTripMs: undefined },
      ],
      replicas: [
        { region: "us", isOnline: true, isCurrent: true, lagEntries: 0, seenAgoMs: 12.5 },
        { region: "ap", isOnline: false, isCurrent: false, lagEntries: 700, seenAgoMs: 90_000 },
      ],
      isAutomatic: true,
      hold: undefined,
    },
  ];
  /** Undefined: the process runs no reconciler. */
  reconciliation: StubReconciliation | undefined = new StubReconciliation();
  readonly logs = new StubLogKeeping();
  readonly audit = new StubAudit();
  readonly doctor = new StubDoctor();
  readonly stubHistories = new StubHistories();
  /** What repairs have changed in the stub's region. */
  storedRepairs: StoredRepair[] = [];
  readonly repairLists: RepairQuery[] = [];
  views: RecordView[] = [];
  next: string | undefined;
  conflictPage: ConflictPage = { conflicts: [], next: undefined };
  readonly imports: BulkRequest[] = [];
  /** What becomes of a line of an import that is right. */
  importAnswer: BulkLineResult | Error = { operation: OPERATION, status: "accepted", isReplayed: false };
  /** Resolves when a write may be answered. */
  hold: Promise<void> = Promise.resolve();

  async write(request: WriteRequest): Promise<WriteResult> {
    this.#check(request.collection);
    checkKey(request.key);
    const { isAuthoritative } = planWrite(SCHEMA, request.body, request.version);
    this.writes.push(request);
    if (isAuthoritative) request.onOrdered?.();
    if (isAuthoritative && request.onWait?.() !== undefined) throw new GatewayError("overloaded", "");
    await this.hold;
    return { ...ACCEPTED, ...(isAuthoritative ? DECIDED : {}), ...this.answer };
  }

  async writeMany(request: BulkRequest): Promise<BulkResult> {
    this.#check(request.collection);
    this.imports.push(request);
    await this.hold;
    const lines = request.lines.map((line) => (line instanceof Error ? line : this.#importLine(line)));
    return { lines, session: EMPTY_SESSION };
  }

  #importLine({ key, body }: BulkLine): BulkLineResult | Error {
    try {
      checkKey(key);
      planWrite(SCHEMA, body);
      return this.importAnswer;
    } catch (error) {
      return error as Error;
    }
  }

  async remove(request: LifeRequest): Promise<WriteResult> {
    this.#checkLife(request);
    this.removals.push(request);
    return { ...ACCEPTED, ...DECIDED, ...this.answer };
  }

  async restore(request: LifeRequest): Promise<WriteResult> {
    this.#checkLife(request);
    this.restorals.push(request);
    return { ...ACCEPTED, ...DECIDED, ...this.answer };
  }

  async reclaim(request: ReclaimRequest): Promise<WriteResult> {
    this.#checkLife(request);
    const { key, lostRegion } = request;
    this.reclaimHook(request);
    if (key === "nobody") throw new GatewayError("record-missing", "there is no such record");
    if (lostRegion === "us") throw new GatewayError("region-alive", "region us spoke 12 ms ago");
    this.reclaims.push(request);
    return { ...ACCEPTED, ...DECIDED, results: [{ fields: { stock: 1 } }], ...this.answer };
  }

  async readEscrows(request: EscrowRequest): Promise<RecordEscrowsReport> {
    this.#check(request.collection);
    checkKey(request.key);
    this.escrowReads.push(request);
    const { key } = request;
    if (key === "nobody") throw new GatewayError("record-not-found", "no such record");
    const asOf = { partition: 0, sequence: 17 };
    return { key, escrows: this.escrows, asOf, session: DECIDED.session };
  }

  async transact(request: TransactionRequest): Promise<WriteResult> {
    this.#check();
    for (const { collection, type, body } of parseTransaction(request.body).parts) {
      this.#check(collection);
      if (type === "change") planOrderedPart(SCHEMA, body);
      else if (body["if"] !== undefined) planCondition(SCHEMA, body["if"]);
    }
    this.transactions.push(request);
    return { ...ACCEPTED, ...DECIDED, ...this.answer };
  }

  async lease(request: LeaseRequest): Promise<WriteResult> {
    this.#check();
    this.leases.push(request);
    const results =
      request.action.type === "release" ? [null] : [{ token: 17, expiresAtMs: 1_720_000_030_000 }];
    return { ...ACCEPTED, ...DECIDED, results, ...this.answer };
  }

  async readLease(request: RequestContext & { readonly name: string }) {
    this.#check();
    this.leaseReads.push(request);
    const { name } = request;
    if (name === "nobody") throw new GatewayError("lease-not-found", "no such lease");
    return { name, holder: "worker 3", token: 17, expiresAtMs: 1_720_000_030_000, session: DECIDED.session };
  }

  async read(request: ReadRequest) {
    this.#check(request.collection);
    checkKey(request.key);
    this.reads.push(request);
    if (request.key === "nobody") throw new GatewayError("record-not-found", "no such record");
    if (request.key === "gone") throw new GatewayError("record-deleted", "the record is deleted");
    const view = { key: request.key, fields: { name: "Ada" }, version: "12.eu.3", pending: 1 };
    return { ...view, asOf: { partition: 0, sequence: 12 }, session: EMPTY_SESSION };
  }

  async list(request: ListRequest) {
    this.#check(request.collection);
    if (request.by !== undefined) planRange(SCHEMA, request.by);
    this.lists.push(request);
    return { records: this.views, next: this.next, session: EMPTY_SESSION };
  }

  async putCollection(request: PutCollectionRequest) {
    this.#check();
    // The proposer checks names and schemas before it asks the log, which this one doesn't have.
    const untouchable = new Proxy({}, { get: () => undefined });
    const proposer = new SchemaProposer(untouchable as never, untouchable as never);
    await proposer.put(request).catch((error: unknown) => {
      if (error instanceof GatewayError) throw error;
    });
    return { tenant: request.tenant, name: request.name, version: 1, schema: request.schema };
  }

  async listCollections(tenant: string) {
    this.#check();
    return [{ tenant, name: "users", version: 1, schema: SCHEMA }];
  }

  async operation(request: OperationRequest): Promise<OperationReport> {
    this.#check();
    this.operations.push(request);
    if (request.id !== OPERATION) throw new GatewayError("operation-not-found", "no such operation");
    return this.report;
  }

  async conflicts(request: ConflictsRequest): Promise<ConflictPage> {
    this.#check();
    this.conflictLists.push(request);
    return this.conflictPage;
  }

  async restoreConflict(request: RestoreConflictRequest): Promise<WriteResult> {
    this.#check();
    const { id } = request;
    if (id !== CONFLICT) throw new GatewayError("conflict-not-found", `no conflict ${id}`);
    const write = async () => {
      this.conflictRestorals.push(request);
      return { ...ACCEPTED, ...this.answer };
    };
    return request.around?.(write) ?? write();
  }

  async status(): Promise<RegionOverview> {
    this.#check();
    return stubStatus(this.drains.shift() ?? this.draining);
  }

  async leaders(): Promise<readonly PartitionLeader[]> {
    this.#check();
    return this.partitionLeaders;
  }

  async moveLeader(request: LeaderMoveRequest) {
    this.#check();
    const { region: leader, partition } = request;
    if (leader === "mars")
      throw new GatewayError("unknown-region", 'there is no region "mars"; the cluster has eu, us');
    this.leaderMoves.push(request);
    return (partition === undefined ? [0, 1] : [partition]).map((number) => ({ partition: number, leader }));
  }

  async drain({ isForced }: { isForced: boolean }): Promise<RegionOverview> {
    this.#check();
    this.drainOrders.push(isForced ? "forced drain" : "drain");
    return this.status();
  }

  async undrain(): Promise<RegionOverview> {
    this.#check();
    this.drainOrders.push("undrain");
    return this.status();
  }

  stubBackups = makeBackups();

  resetBackups(): void {
    this.stubBackups = makeBackups();
  }

  backups(): Backups {
    this.#check();
    return this.stubBackups.service;
  }

  membership(): Membering {
    const note = async (change?: object) => {
      if (change !== undefined) this.memberChanges.push(change);
      this.#check();
      return [this.members];
    };
    return {
      list: () => note(),
      add: (region) => note({ action: "add", region }),
      remove: (removal) => note({ action: "remove", ...removal }),
      rejoin: (rejoin) => note({ action: "rejoin", ...rejoin }),
    };
  }

  reconciling(): Reconciling {
    this.#check();
    const clock = new SystemClock();
    const store = {
      listRepairs: async (query: RepairQuery) => {
        this.repairLists.push(query);
        return listRepairs(this.storedRepairs, query);
      },
    } as unknown as RegionStore;
    const { reconciliation } = this;
    const options = { region: "eu", partitions: 2, store, clock, reconciliation };
    return new ReconcilingService(options, new StorePatience(clock));
  }

  histories(): Histories {
    this.#check();
    return this.stubHistories;
  }

  auditing(): Auditing {
    this.#check();
    return this.audit.auditor;
  }

  logKeeping(): StubLogKeeping {
    this.#check();
    return this.logs;
  }

  #checkLife({ collection, key, version }: Pick<LifeRequest, "collection" | "key" | "version">): void {
    this.#check(collection);
    checkKey(key);
    if (version !== undefined) planVersion(version);
  }

  feed(): Feed {
    this.#check();
    return this.subscribed;
  }

  #check(collection = "users"): void {
    if (this.failure !== undefined) throw this.failure;
    if (collection !== "users") throw new GatewayError("unknown-collection", "no such collection");
  }
}

function makeBackups(): StubBackups {
  return new StubBackups({ clock: new SystemClock(), random: new SystemRandom() });
}
