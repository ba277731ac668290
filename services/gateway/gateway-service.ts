/** The gateway at work: composes writes, reads and schemas over the region's store and the log. */
import type { Collection } from "../core/schema.ts";
import type { Session } from "../core/session.ts";
import { RIGHTS_SERVICE } from "../protocol/rights-request.ts";
import { Auditor, type Auditing } from "../runtime/auditor.ts";
import { describeError } from "../runtime/describe-error.ts";
import { LogStates } from "../runtime/log-states.ts";
import { BulkWriter } from "./bulk-writer.ts";
import { Catalog } from "./catalog.ts";
import { Conflicts } from "./conflicts.ts";
import { Decider } from "./decisions/decider.ts";
import { Members } from "./decisions/members.ts";
import { OrderedWriter } from "./decisions/ordered-writer.ts";
import { Proposer } from "./decisions/proposer.ts";
import { EscrowReader } from "./escrow/escrow-reader.ts";
import { RightsDonor } from "./escrow/rights-donor.ts";
import { RightsSeeker } from "./escrow/rights-seeker.ts";
import { FeedService } from "./feed/feed.ts";
import { Entrance } from "./entrance.ts";
import { FoldWatch } from "./fold-watch.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type {
  BulkRequest,
  BulkResult,
  ConflictPage,
  ConflictsRequest,
  EscrowRequest,
  Gateway,
  Lease,
  LeaderMoveRequest,
  LeaseRequest,
  LifeRequest,
  ListRequest,
  ListResult,
  OperationReport,
  OperationRequest,
  PartitionLeader,
  PutCollectionRequest,
  ReadRequest,
  ReadResult,
  ReclaimRequest,
  RecordEscrowsReport,
  RequestContext,
  RestoreConflictRequest,
  TransactionRequest,
  WriteRequest,
  WriteResult,
} from "./gateway.ts";
import type { RegionOverview } from "./status-report.ts";
import { GroupCommit } from "./group-commit.ts";
import { Leaders } from "./leaders.ts";
import { LogKeeper, type LogKeeping } from "./log-keeper.ts";
import { LeaseReader } from "./lease-reader.ts";
import { reportOperation } from "./operation-report.ts";
import { Planner } from "./planner.ts";
import { ReadBarrier } from "./read-barrier.ts";
import { BackupService, type Backups } from "./backups.ts";
import { Membership, type Membering } from "./membership.ts";
import { RecordHistories, type Histories } from "./record-histories.ts";
import { ReconcilingService, type Reconciling } from "./reconciling.ts";
import { Reader } from "./reader.ts";
import { SchemaProposer } from "./schema-proposer.ts";
import { processStatus, StatusReader } from "./status.ts";
import { StorePatience } from "./store-patience.ts";
import { Sweeper } from "./sweeper.ts";
import { Writer } from "./writer.ts";

export class GatewayService implements Gateway {
  readonly #options: GatewayOptions;
  readonly #catalog: Catalog;
  readonly #writer: Writer;
  readonly #bulkWriter: BulkWriter;
  readonly #ordered: OrderedWriter;
  readonly #reader: Reader;
  readonly #leases: LeaseReader;
  readonly #conflicts: Conflicts;
  readonly #schemas: SchemaProposer;
  readonly #sweeper: Sweeper;
  readonly #donor: RightsDonor;
  readonly #escrows: EscrowReader;
  readonly #patience: StorePatience;
  readonly #entrance: Entrance;
  readonly #status: StatusReader;
  readonly #leaders: Leaders;
  readonly #reconciling: ReconcilingService;
  readonly #backups: BackupService;
  readonly #logKeeper: LogKeeper;
  readonly #membership: Membership;
  readonly #auditor: Auditing;
  readonly #histories: Histories;
  readonly feed: () => FeedService;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#patience = new StorePatience(options.clock);
    const numbers = Array.from({ length: options.partitions }, (_, partition) => partition);
    const catalog = new Catalog(options);
    const planner = new Planner(options, catalog);
    const watches = numbers.map((partition) => new FoldWatch(options, partition));
    const proposers = numbers.map((partition) => new Proposer(options, partition));
    const members = new Members(options);
    const barrier = new ReadBarrier(options, { watches, proposers, members });
    const decider = new Decider(options, { proposers, watches, members });
    const commits = numbers.map((partition) => new GroupCommit({ ...options, partition }));
    const seeker = new RightsSeeker(options, watches);
    this.#catalog = catalog;
    this.#reader = new Reader(options, { catalog, planner, barrier });
    this.#ordered = new OrderedWriter(options, { planner, decider });
    this.#writer = new Writer(options, { planner, watches, commits, seeker, ordered: this.#ordered });
    const writers = { writer: this.#writer, ordered: this.#ordered };
    this.#bulkWriter = new BulkWriter(options, { planner, commits, ...writers });
    this.#donor = new RightsDonor(options, { planner, members, commits, seeker });
    this.#escrows = new EscrowReader(options, { planner, barrier });
    this.#histories = new RecordHistories(options, planner);
    const feed = new FeedService(options, { catalog, read: (reading) => this.#entrance.inTime({}, reading) });
    this.feed = () => feed;
    this.#leases = new LeaseReader(options, barrier);
    this.#conflicts = new Conflicts(options, (request) => this.#writer.write(request));
    this.#schemas = new SchemaProposer(options, { catalog, members });
    this.#sweeper = new Sweeper(options, members);
    this.#entrance = new Entrance(options, this.#patience);
    this.#status = new StatusReader(options, this.#patience);
    this.#leaders = new Leaders(options, this.#patience);
    this.#reconciling = new ReconcilingService(options, this.#patience);
    this.#backups = new BackupService(options);
    const states = options.logStates ?? new LogStates({ ...options, stopReason: () => undefined });
    this.#logKeeper = new LogKeeper(options, states);
    this.#auditor = options.auditor ?? new Auditor(options);
    this.#membership = new Membership(options, { patience: this.#patience, states });
  }

  /** Answers what other regions ask, until the returned function is called. */
  serveRegions(): () => void {
    return this.#options.bus.serve(RIGHTS_SERVICE, (data) => this.#donor.answer(data));
  }

  /** Why the region should get no writes; undefined while it takes them. */
  get drainReason(): string | undefined {
    return this.#entrance.drain.reason;
  }

  /** Since when the region is drained, by its database's clock; undefined while it is not. */
  get drainingSinceMs(): number | undefined {
    return this.#entrance.drain.sinceMs;
  }

  /** Why the region answers no requests while its state is loaded; empty where it does. */
  get bootstrapReasons(): readonly string[] {
    return this.#entrance.bootstrap.reasons;
  }

  /** Learns whether the region is drained, or bootstrapping. @throws {StoreUnavailableError} */
  async lookAtDrain(): Promise<void> {
    await this.#entrance.look();
  }

  /** Looks now and then, until stopped. */
  async watchDrain(stop: AbortSignal): Promise<void> {
    await this.#entrance.watch(stop);
  }

  async write(request: WriteRequest): Promise<WriteResult> {
    return this.#entrance.admit(request, (admitted) => this.#writer.write(admitted));
  }

  async writeMany(request: BulkRequest): Promise<BulkResult> {
    return this.#entrance.admit(request, (admitted) => this.#bulkWriter.write(admitted));
  }

  async remove(request: LifeRequest): Promise<WriteResult> {
    return this.#entrance.admit(request, (admitted) => this.#ordered.remove(admitted));
  }

  async restore(request: LifeRequest): Promise<WriteResult> {
    return this.#entrance.admit(request, (admitted) => this.#ordered.restore(admitted));
  }

  async transact(request: TransactionRequest): Promise<WriteResult> {
    return this.#entrance.admit(request, (admitted) => this.#ordered.transact(admitted));
  }

  async lease(request: LeaseRequest): Promise<WriteResult> {
    return this.#entrance.admit(request, (admitted) => this.#ordered.lease(admitted));
  }

  async reclaim(request: ReclaimRequest): Promise<WriteResult> {
    return this.#entrance.admit(request, (admitted) => this.#ordered.reclaim(admitted));
  }

  readEscrows(request: EscrowRequest): Promise<RecordEscrowsReport> {
    return this.#entrance.inTime(request, () => this.#escrows.read(request));
  }

  readLease(request: RequestContext & { name: string }): Promise<Lease & { session: Session }> {
    return this.#entrance.inTime(request, () => this.#leases.read(request));
  }

  read(request: ReadRequest): Promise<ReadResult> {
    return this.#entrance.inTime(request, () => this.#reader.read(request));
  }

  list(request: ListRequest): Promise<ListResult> {
    return this.#entrance.inTime(request, () => this.#reader.list(request));
  }

  async putCollection(request: PutCollectionRequest): Promise<Collection> {
    return this.#entrance.admit(request, (admitted) => this.#schemas.put(admitted));
  }

  listCollections(tenant: string, deadlineMs?: number): Promise<Collection[]> {
    return this.#entrance.inTime({ deadlineMs }, () => this.#catalog.list({ partition: 0, tenant }));
  }

  operation(request: OperationRequest): Promise<OperationReport> {
    return this.#entrance.inTime(request, () => reportOperation(this.#options, request));
  }

  conflicts(request: ConflictsRequest): Promise<ConflictPage> {
    return this.#entrance.inTime(request, () => this.#conflicts.list(request));
  }

  async restoreConflict(request: RestoreConflictRequest): Promise<WriteResult> {
    return this.#entrance.admit(request, (admitted) => this.#conflicts.restore(admitted));
  }

  async status(): Promise<RegionOverview> {
    const status = await this.#status.read();
    const partitions = status.partitions.map((partition) => {
      const bootstrap = this.#entrance.bootstrap.report(partition.partition);
      return bootstrap === undefined ? partition : { ...partition, bootstrap };
    });
    return { ...status, partitions, draining: this.#entrance.drain.report(status.partitions) };
  }

  leaders(): Promise<readonly PartitionLeader[]> {
    return this.#leaders.show();
  }

  moveLeader(request: LeaderMoveRequest): Promise<readonly { partition: number; leader: string }[]> {
    return this.#leaders.move(request);
  }

  async drain(options: { isForced: boolean }): Promise<RegionOverview> {
    await this.#entrance.drain.begin(options);
    return this.#statusAfterOrder();
  }

  async undrain(): Promise<RegionOverview> {
    await this.#entrance.drain.end();
    return this.#statusAfterOrder();
  }

  reconciling(): Reconciling {
    return this.#reconciling;
  }

  backups(): Backups {
    return this.#backups;
  }

  /** Lets go of what is kept open for clients. */
  close(): Promise<void> {
    return this.#backups.closeAll();
  }

  logKeeping(): LogKeeping {
    return this.#logKeeper;
  }

  membership(): Membering {
    return this.#membership;
  }

  histories(): Histories {
    return this.#histories;
  }

  auditing(): Auditing {
    return this.#auditor;
  }

  /** Lets partitions follow decisions on collections that they have missed; returns how many were proposed again. */
  followUpSchemas(deadlineMs: number): Promise<number> {
    return this.#schemas.followUp(deadlineMs);
  }

  /** Asks the log to forget what has expired; returns how many records it was asked to forget. */
  sweep(stop?: AbortSignal): Promise<number> {
    return this.#sweeper.sweep(stop);
  }

  /** The order is carried out, whatever keeps the region from telling more; then it tells of no partition. */
  async #statusAfterOrder(): Promise<RegionOverview> {
    try {
      return await this.status();
    } catch (error) {
      this.#options.logger.warn({ error: describeError(error) }, "the region can't tell its status");
      return { ...processStatus(this.#options), partitions: [], draining: this.#entrance.drain.report([]) };
    }
  }
}
