/** A gateway that can be asked before it is there: the HTTP server listens before the database answers. */
import type { Collection } from "../core/schema.ts";
import type { Session } from "../core/session.ts";
import { GatewayError } from "../gateway/errors.ts";
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
} from "../gateway/gateway.ts";
import type { RegionOverview } from "../gateway/status-report.ts";
import type { Backups } from "../gateway/backups.ts";
import type { Feed } from "../gateway/feed/feed.ts";
import type { LogKeeping } from "../gateway/log-keeper.ts";
import type { Membering } from "../gateway/membership.ts";
import type { Auditing } from "../runtime/auditor.ts";
import type { Histories } from "../gateway/record-histories.ts";
import type { Reconciling } from "../gateway/reconciling.ts";

const RETRY_AFTER_MS = 1_000;

export class LateGateway implements Gateway {
  #gateway: Gateway | undefined;
  readonly #reason: string;

  /** @param reason why there is no gateway, as long as there is none. */
  constructor(reason: string) {
    this.#reason = reason;
  }

  /** From here on requests are passed on. */
  arrive(gateway: Gateway): void {
    this.#gateway = gateway;
  }

  async write(request: WriteRequest): Promise<WriteResult> {
    return this.#present().write(request);
  }

  async writeMany(request: BulkRequest): Promise<BulkResult> {
    return this.#present().writeMany(request);
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    return this.#present().read(request);
  }

  async list(request: ListRequest): Promise<ListResult> {
    return this.#present().list(request);
  }

  async putCollection(request: PutCollectionRequest): Promise<Collection> {
    return this.#present().putCollection(request);
  }

  async listCollections(tenant: string, deadlineMs?: number): Promise<Collection[]> {
    return this.#present().listCollections(tenant, deadlineMs);
  }

  async operation(request: OperationRequest): Promise<OperationReport> {
    return this.#present().operation(request);
  }

  async remove(request: LifeRequest): Promise<WriteResult> {
    return this.#present().remove(request);
  }

  async restore(request: LifeRequest): Promise<WriteResult> {
    return this.#present().restore(request);
  }

  async transact(request: TransactionRequest): Promise<WriteResult> {
    return this.#present().transact(request);
  }

  async lease(request: LeaseRequest): Promise<WriteResult> {
    return this.#present().lease(request);
  }

  async reclaim(request: ReclaimRequest): Promise<WriteResult> {
    return this.#present().reclaim(request);
  }

  async readEscrows(request: EscrowRequest): Promise<RecordEscrowsReport> {
    return this.#present().readEscrows(request);
  }

  async readLease(
    request: RequestContext & { readonly name: string },
  ): Promise<Lease & { readonly session: Session }> {
    return this.#present().readLease(request);
  }

  async conflicts(request: ConflictsRequest): Promise<ConflictPage> {
    return this.#present().conflicts(request);
  }

  async restoreConflict(request: RestoreConflictRequest): Promise<WriteResult> {
    return this.#present().restoreConflict(request);
  }

  async status(): Promise<RegionOverview> {
    return this.#present().status();
  }

  async leaders(): Promise<readonly PartitionLeader[]> {
    return this.#present().leaders();
  }

  async moveLeader(request: LeaderMoveRequest): Promise<readonly { partition: number; leader: string }[]> {
    return this.#present().moveLeader(request);
  }

  async drain(options: { isForced: boolean }): Promise<RegionOverview> {
    return this.#present().drain(options);
  }

  async undrain(): Promise<RegionOverview> {
    return this.#present().undrain();
  }

  reconciling(): Reconciling {
    return this.#present().reconciling();
  }

  backups(): Backups {
    return this.#present().backups();
  }

  logKeeping(): LogKeeping {
    return this.#present().logKeeping();
  }

  membership(): Membering {
    return this.#present().membership();
  }

  histories(): Histories {
    return this.#present().histories();
  }

  auditing(): Auditing {
    return this.#present().auditing();
  }

  feed(): Feed {
    return this.#present().feed();
  }

  #present(): Gateway {
    if (this.#gateway !== undefined) return this.#gateway;
    throw new GatewayError("starting", this.#reason, { retryAfterMs: RETRY_AFTER_MS });
  }
}
