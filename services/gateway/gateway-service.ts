/** The gateway at work: composes writes, reads and schemas over the region's store and the log. */
import type { Collection } from "../core/schema.ts";
import { own } from "../core/json.ts";
import type { Session } from "../core/session.ts";
import { DEADLINE_MS_DEFAULT } from "../protocol/http/headers.ts";
import { RIGHTS_SERVICE } from "../protocol/rights-request.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { Reconciliation } from "../ports/reconciliation.ts";
import type { RegionStore } from "../ports/region-store.ts";
import { Auditor, type Auditing } from "../runtime/auditor.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import { LogStates } from "../runtime/log-states.ts";
import type { TraceObserver } from "../runtime/traces.ts";
import type { Signal } from "../runtime/signal.ts";
import type { Refusals } from "./admission/refusals.ts";
import type { WalPressure } from "./admission/wal-pressure.ts";
import { BootstrapGate } from "./bootstrap-gate.ts";
import { Catalog } from "./catalog.ts";
import { Conflicts } from "./conflicts.ts";
import { Decider } from "./decisions/decider.ts";
import { Members } from "./decisions/members.ts";
import { OrderedWriter } from "./decisions/ordered-writer.ts";
import { Proposer } from "./decisions/proposer.ts";
import { DrainGate, type DrainStore } from "./drain-gate.ts";
import { EscrowReader } from "./escrow/escrow-reader.ts";
import { RightsDonor } from "./escrow/rights-donor.ts";
import { RightsSeeker } from "./escrow/rights-seeker.ts";
import { GatewayError } from "./errors.ts";
import { FoldWatch } from "./fold-watch.ts";
import type {
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
import type { GatewayMetrics } from "./metrics.ts";
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
import { processStatus, StatusReader, type StoreFigures } from "./status.ts";
import { StorePatience } from "./store-patience.ts";
import { Sweeper } from "./sweeper.ts";
import { Writer } from "./writer.ts";

const NOT_MEMBER_RETRY_MS = 5_000;

export interface GatewayOptions {
  readonly region: string;
  readonly partitions: number;
  readonly software: string;
  readonly store: RegionStore;
  /** For orders, which must not wait behind requests; default `store`. */
  readonly drainStore?: DrainStore;
  readonly log: GlobalLog;
  /** By partition; every publish goes through them. */
  readonly breakers: readonly LogBreaker[];
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  /** Rows were appended: the relay of this process may go. */
  readonly appended: Signal;
  /** The applier of this process has folded on. */
  readonly folded: FoldFeed;
  /** Rows and bytes that may wait in one partition's WAL. */
  readonly pendingRowsMax: number;
  readonly pendingBytesMax: number;
  /** What the database has told of a partition last, if somebody remembers. */
  readonly lastFigures?: (partition: number) => StoreFigures | undefined;
  /** A member that has told of nothing for longer, in log time, is not waited for with trimming; default 72 h. */
  readonly memberAwayMsMax?: number;
  /** Refuse load before it is too much; without them each queue keeps its own bound alone. */
  readonly walPressure?: WalPressure;
  readonly refusals?: Refusals;
  /** Of the reconciler of this process, where it runs one. */
  readonly reconciliation?: Reconciliation | undefined;
  /** How far the regions have folded which log; without it those that answer are asked, and nobody is answered. */
  readonly logStates?: LogStates;
  /** Default: over `store`. */
  readonly auditor?: Auditing;
  /** Told of what is accepted, where it has a trace. */
  readonly traces?: TraceObserver | undefined;
}

export class GatewayService implements Gateway {
  readonly #options: GatewayOptions;
  readonly #catalog: Catalog;
  readonly #writer: Writer;
  readonly #ordered: OrderedWriter;
  readonly #reader: Reader;
  readonly #leases: LeaseReader;
  readonly #conflicts: Conflicts;
  readonly #schemas: SchemaProposer;
  readonly #sweeper: Sweeper;
  readonly #donor: RightsDonor;
  readonly #escrows: EscrowReader;
  readonly #patience: StorePatience;
  readonly #drain: DrainGate;
  readonly #bootstrap: BootstrapGate;
  readonly #status: StatusReader;
  readonly #leaders: Leaders;
  readonly #reconciling: ReconcilingService;
  readonly #backups: BackupService;
  readonly #logKeeper: LogKeeper;
  readonly #membership: Membership;
  readonly #auditor: Auditing;
  readonly #histories: Histories;

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
    this.#donor = new RightsDonor(options, { planner, members, commits, seeker });
    this.#escrows = new EscrowReader(options, { planner, barrier });
    this.#histories = new RecordHistories(options, planner);
    this.#leases = new LeaseReader(options, barrier);
    this.#conflicts = new Conflicts(options, (request) => this.#writer.write(request));
    this.#schemas = new SchemaProposer(options, { catalog, members });
    this.#sweeper = new Sweeper(options, members);
    this.#drain = new DrainGate(options, this.#patience);
    this.#bootstrap = new BootstrapGate(options, this.#patience);
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
    return this.#drain.reason;
  }

  /** Since when the region is drained, by its database's clock; undefined while it is not. */
  get drainingSinceMs(): number | undefined {
    return this.#drain.sinceMs;
  }

  /** Why the region answers no requests while its state is loaded; empty where it does. */
  get bootstrapReasons(): readonly string[] {
    return this.#bootstrap.reasons;
  }

  /** Learns whether the region is drained, or bootstrapping. @throws {StoreUnavailableError} */
  async lookAtDrain(): Promise<void> {
    await Promise.all([this.#drain.look(), this.#bootstrap.look()]);
  }

  /** Looks now and then, until stopped. */
  async watchDrain(stop: AbortSignal): Promise<void> {
    await Promise.all([this.#drain.watch(stop), this.#bootstrap.watch(stop)]);
  }

  async write(request: WriteRequest): Promise<WriteResult> {
    return this.#admit(request, (admitted) => this.#writer.write(admitted));
  }

  async remove(request: LifeRequest): Promise<WriteResult> {
    return this.#admit(request, (admitted) => this.#ordered.remove(admitted));
  }

  async restore(request: LifeRequest): Promise<WriteResult> {
    return this.#admit(request, (admitted) => this.#ordered.restore(admitted));
  }

  async transact(request: TransactionRequest): Promise<WriteResult> {
    return this.#admit(request, (admitted) => this.#ordered.transact(admitted));
  }

  async lease(request: LeaseRequest): Promise<WriteResult> {
    return this.#admit(request, (admitted) => this.#ordered.lease(admitted));
  }

  async reclaim(request: ReclaimRequest): Promise<WriteResult> {
    return this.#admit(request, (admitted) => this.#ordered.reclaim(admitted));
  }

  readEscrows(request: EscrowRequest): Promise<RecordEscrowsReport> {
    return this.#inTime(request, () => this.#escrows.read(request));
  }

  readLease(request: RequestContext & { name: string }): Promise<Lease & { session: Session }> {
    return this.#inTime(request, () => this.#leases.read(request));
  }

  read(request: ReadRequest): Promise<ReadResult> {
    return this.#inTime(request, () => this.#reader.read(request));
  }

  list(request: ListRequest): Promise<ListResult> {
    return this.#inTime(request, () => this.#reader.list(request));
  }

  async putCollection(request: PutCollectionRequest): Promise<Collection> {
    return this.#admit(request, (admitted) => this.#schemas.put(admitted));
  }

  listCollections(tenant: string, deadlineMs?: number): Promise<Collection[]> {
    return this.#inTime({ deadlineMs }, () => this.#catalog.list({ partition: 0, tenant }));
  }

  operation(request: OperationRequest): Promise<OperationReport> {
    return this.#inTime(request, () => reportOperation(this.#options, request));
  }

  conflicts(request: ConflictsRequest): Promise<ConflictPage> {
    return this.#inTime(request, () => this.#conflicts.list(request));
  }

  async restoreConflict(request: RestoreConflictRequest): Promise<WriteResult> {
    return this.#admit(request, (admitted) => this.#conflicts.restore(admitted));
  }

  async status(): Promise<RegionOverview> {
    const status = await this.#status.read();
    const partitions = status.partitions.map((partition) => {
      const bootstrap = this.#bootstrap.report(partition.partition);
      return bootstrap === undefined ? partition : { ...partition, bootstrap };
    });
    return { ...status, partitions, draining: this.#drain.report(status.partitions) };
  }

  leaders(): Promise<readonly PartitionLeader[]> {
    return this.#leaders.show();
  }

  moveLeader(request: LeaderMoveRequest): Promise<readonly { partition: number; leader: string }[]> {
    return this.#leaders.move(request);
  }

  async drain(options: { isForced: boolean }): Promise<RegionOverview> {
    await this.#drain.begin(options);
    return this.#statusAfterOrder();
  }

  async undrain(): Promise<RegionOverview> {
    await this.#drain.end();
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
  sweep(): Promise<number> {
    return this.#sweeper.sweep();
  }

  /** The order is carried out, whatever keeps the region from telling more; then it tells of no partition. */
  async #statusAfterOrder(): Promise<RegionOverview> {
    try {
      return await this.status();
    } catch (error) {
      this.#options.logger.warn({ error: describeError(error) }, "the region can't tell its status");
      return { ...processStatus(this.#options), partitions: [], draining: this.#drain.report([]) };
    }
  }

  /**
   * Does the work, with what is left of the deadline; at once, unless it is not known whether the region takes it.
   * @throws {GatewayError} draining, bootstrapping. @throws {StoreUnavailableError} it can't be known.
   */
  #admit<Request extends RequestContext, Answer>(
    request: Request,
    work: (admitted: Request) => Promise<Answer>,
  ): Promise<Answer> {
    this.#checkMember();
    this.#drain.check();
    const isOpen = this.#bootstrap.isOpen && this.#drain.isFresh;
    return isOpen ? work(request) : this.#admitLate(request).then(work);
  }

  async #admitLate<Request extends RequestContext>(request: Request): Promise<Request> {
    const { clock } = this.#options;
    const deadlineAtMs = clock.monotonicMs() + request.deadlineMs;
    await this.#bootstrap.enter(deadlineAtMs);
    if (!this.#drain.isFresh) await this.#drain.checkAnew(deadlineAtMs);
    return { ...request, deadlineMs: Math.max(0, deadlineAtMs - clock.monotonicMs()) };
  }

  /** For what only reads: it is left alone at the deadline, whatever it waits for. */
  async #inTime<T>(
    { deadlineMs }: { deadlineMs?: number | undefined },
    reading: () => Promise<T>,
  ): Promise<T> {
    this.#checkMember();
    const deadlineAtMs = this.#options.clock.monotonicMs() + (deadlineMs ?? DEADLINE_MS_DEFAULT);
    return this.#patience.until(deadlineAtMs, this.#bootstrap.read(deadlineAtMs, reading));
  }

  /** What a region shows that takes no part gets old without end. @throws {GatewayError} not-a-member. */
  #checkMember(): void {
    const { lastFigures, partitions, region } = this.#options;
    if (lastFigures === undefined) return;
    for (let partition = 0; partition < partitions; partition += 1) {
      const positions = lastFigures(partition)?.positions;
      if (positions === undefined || positions.cluster === null || own(positions.origins, region)) continue;
      throw new GatewayError("not-a-member", `region ${region} is no member of the cluster`, {
        retryAfterMs: NOT_MEMBER_RETRY_MS,
      });
    }
  }
}
