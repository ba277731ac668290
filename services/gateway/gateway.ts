/**
 * The gateway's contract: what an application can ask of a region. `gateway-service.ts` does it, `http/` carries it.
 *
 * A write is validated, and then goes one of two ways. Local: stamp and group-commit into the WAL → answer `accepted`; the
 * log makes it `committed`. Authoritative: propose to the log → wait until this region has folded the decision → answer.
 */
import type { Rejection } from "../core/decide/rejection.ts";
import type { LossReason, Operator } from "../core/fields/kind.ts";
import type { JsonValue } from "../core/json.ts";
import type { LeaseAction } from "../core/proposal.ts";
import type { Asked } from "../core/listing/where.ts";
import type { Collection, CollectionSchema } from "../core/schema.ts";
import type { Session } from "../core/session.ts";
import type { OnWait } from "./admission/may-wait.ts";
import type { LogReplica } from "../ports/global-log.ts";
import type { ConflictPlace, ConflictQuery } from "../ports/region-store.ts";
import type { FieldPlace } from "../ports/sql-access.ts";
import type { Auditing } from "../runtime/auditor.ts";
import type { Backups } from "./backups.ts";
import type { Feed } from "./feed/feed.ts";
import type { LogKeeping } from "./log-keeper.ts";
import type { Membering } from "./membership.ts";
import type { Histories } from "./record-histories.ts";
import type { Reconciling } from "./reconciling.ts";
import type { RegionOverview } from "./status-report.ts";

/** What every request carries. */
export interface RequestContext {
  readonly tenant: string;
  readonly session: Session;
  /** How long the client waits, from now. */
  readonly deadlineMs: number;
  readonly onWait?: OnWait | undefined;
  /** Of `readTraceparent`. */
  readonly trace?: string | undefined;
}

/** What every request that changes something carries. */
export interface ChangeContext extends RequestContext {
  readonly idempotencyKey: string | undefined;
}

/** Names a record, and the version that it must have for the request to take effect: text of a read, null for none, "*" for any. */
export interface RecordTarget {
  readonly collection: string;
  readonly key: string;
  readonly version?: string | null | undefined;
}

export interface WriteRequest extends ChangeContext, RecordTarget {
  /** The operators, with conditions; not yet checked. */
  readonly body: unknown;
  /** Answer once the log has ordered the write and this region has folded it, if that is within the deadline. */
  readonly waitCommitted: boolean;
  /** Called where it turns out that the log has to decide. */
  readonly onOrdered?: () => void;
}

/** One of many writes. */
export interface BulkLine {
  /** As an Idempotency-Key: the line takes effect once under it, however often and wherever it is sent. */
  readonly id: string;
  readonly key: string;
  /** As of a write. */
  readonly body: unknown;
}

export interface BulkRequest extends RequestContext {
  readonly collection: string;
  /** At most as many as one flush takes. What could not be read is an error already, and keeps its place. */
  readonly lines: readonly (BulkLine | Error)[];
}

export interface BulkResult {
  /** By line: what became of it, or why nothing did. */
  readonly lines: readonly (BulkLineResult | Error)[];
  readonly session: Session;
}

export type BulkLineResult = Pick<WriteResult, "operation" | "status" | "rejection" | "isReplayed">;

/** A delete or a restore; both are decided by the log. */
export type LifeRequest = ChangeContext & RecordTarget;

/** Hands over what a lost region may take of a record's escrows, to the region that is asked. */
export interface ReclaimRequest extends ChangeContext {
  readonly collection: string;
  readonly key: string;
  readonly lostRegion: string;
}

export interface EscrowRequest extends RequestContext {
  readonly collection: string;
  readonly key: string;
}

/** Of one escrow: the committed number, who may take of it, and what is left without this region's pending writes. */
export interface EscrowReport {
  readonly field: string;
  readonly min: number;
  readonly value: number;
  readonly rights: { readonly [region: string]: number };
  readonly here: number;
  readonly total: number;
}

export interface RecordEscrowsReport {
  readonly key: string;
  readonly escrows: readonly EscrowReport[];
  readonly asOf: LogPlace;
  readonly session: Session;
}

export interface TransactionRequest extends ChangeContext {
  /** `{"writes":[{"collection":…,"key":…,"set":…,"if":…},…],"fence":…}`, not yet checked. */
  readonly body: unknown;
}

export interface LeaseRequest extends ChangeContext {
  readonly name: string;
  readonly action: LeaseAction;
}

export interface Lease {
  readonly name: string;
  /** Null when nobody holds it. */
  readonly holder: string | null;
  readonly token: number;
  /** Log time. */
  readonly expiresAtMs: number;
}

export interface LogPlace {
  readonly partition: number;
  readonly sequence: number;
}

export interface Receipt {
  readonly operation: string;
  readonly status: "accepted" | "committed" | "superseded" | "rejected";
  readonly region: string;
  /** The operation's stamp. */
  readonly at: string;
  readonly position?: LogPlace;
  /** Why it was rejected. */
  readonly rejection?: Rejection;
  /** By write: what the client could not know, such as sums and tokens. */
  readonly results?: readonly JsonValue[];
  /** Fields whose change lost. */
  readonly lostFields?: readonly string[];
}

/** What is known of an operation that its region has not heard the log decide on. */
export interface UndecidedReport {
  readonly operation: string;
  /** `expired`: certainly without effect, now and later. */
  readonly status: "undecided" | "expired";
}

export type OperationReport =
  | (Receipt & {
      /** Which regions have folded it, by what this one has heard of them. Absent until it is ordered. */
      readonly appliedBy?: { readonly [region: string]: boolean };
    })
  | UndecidedReport;

export interface OperationRequest {
  readonly tenant: string;
  readonly id: string;
  /** Log time after which an authoritative write is dead, as its answer has told; undefined when the client doesn't say. */
  readonly expiresAtMs?: number | undefined;
  /** Default 15 s. */
  readonly deadlineMs?: number | undefined;
}

export interface WriteResult extends Receipt {
  readonly session: Session;
  /** The log has decided on it, rather than the region. */
  readonly isDecided?: true;
  /** The answer to an earlier try of the same request. */
  readonly isReplayed: boolean;
}

/**
 * local: this region's view. session: the same, once it holds what the session has seen. bounded: the same, if it is
 * proven to be young enough. linearizable: committed state, with everything that was acknowledged before.
 */
export type Consistency = "local" | "session" | "bounded" | "linearizable";

export interface ReadRequest extends RequestContext {
  readonly collection: string;
  readonly key: string;
  readonly consistency: Consistency;
  /** For `bounded`: how old the view may be. */
  readonly stalenessMsMax?: number | undefined;
}

export interface RecordView {
  readonly key: string;
  readonly fields: { readonly [field: string]: JsonValue };
  /** Changes whenever the view does. */
  readonly version: string;
  /** The region's own operations in it that the log has not ordered yet. */
  readonly pending: number;
}

export interface ReadResult extends RecordView {
  readonly asOf: { readonly partition: number; readonly sequence: number };
  readonly session: Session;
}

export interface ListRequest extends RequestContext {
  readonly collection: string;
  readonly prefix: string;
  readonly after: string | undefined;
  /** By a field instead: then the prefix is empty, and `after` undefined. */
  readonly by?: ListBy | undefined;
  readonly limit: number;
  readonly consistency: Consistency;
  readonly stalenessMsMax?: number | undefined;
}

/** Conditions and order, as `core/listing/where.ts` reads them. */
export interface ListBy extends Asked {
  readonly after: FieldPlace | undefined;
}

export interface ListResult {
  readonly records: readonly RecordView[];
  /** Pass as `after` to go on; undefined at the end. */
  readonly next: string | undefined;
  /** The same of a listing by a field. */
  readonly nextPlace?: FieldPlace | undefined;
  readonly session: Session;
}

/** A page of conflicts of the tenant, newest first, as far as this region has folded. */
export interface ConflictsRequest extends ConflictQuery {
  /** Default 15 s. */
  readonly deadlineMs?: number | undefined;
}

/** A change that lost, and what it lost to. */
export interface ConflictReport {
  /** The same in every region. */
  readonly id: string;
  readonly collection: string;
  readonly key: string;
  readonly field: string;
  /** Of a map: the entry. */
  readonly entry?: string;
  readonly reason: LossReason;
  /** Where it was found that one had lost. */
  readonly position: LogPlace;
  readonly logTimeMs: number;
  readonly loser: ConflictSide;
  readonly winner: ConflictSide;
}

export interface ConflictSide {
  readonly region: string;
  /** The stamp. */
  readonly at: string;
  readonly value: JsonValue;
  /** Of losers: what the value was written with. */
  readonly operator?: Operator;
  /** Known of the write that was at hand. */
  readonly operation?: string;
  /** The log has decided on it, rather than the region. */
  readonly isDecided?: true;
}

export interface ConflictPage {
  readonly conflicts: readonly ConflictReport[];
  /** Pass as `before` to go on; undefined at the end. */
  readonly next: ConflictPlace | undefined;
}

/** Writes the loser of a conflict again, as a new write. */
export interface RestoreConflictRequest extends ChangeContext {
  readonly id: string;
  /** As of a write. */
  readonly waitCommitted: boolean;
  /** Throws where whoever asks may not write to the collection that the conflict turns out to be of. */
  readonly checkMayWrite?: (collection: string) => void;
  /** Called once it is known what is to be written, with the write. */
  readonly around?: (write: () => Promise<WriteResult>) => Promise<WriteResult>;
}

export interface PutCollectionRequest extends RequestContext {
  readonly name: string;
  readonly schema: CollectionSchema;
}

/** Puts leadership where an operator wants it. */
export interface LeaderMoveRequest {
  readonly region: string;
  /** Undefined: of all partitions. */
  readonly partition: number | undefined;
  /** How long automatic placement leaves it there; 0 lets it go on at once. */
  readonly holdMs: number;
}

export interface PartitionLeader {
  readonly partition: number;
  /** Undefined during an election, or when the log can't be asked. */
  readonly leader: string | undefined;
  /** By the clock of the leader's server. */
  readonly leaderSinceMs: number | undefined;
  /** Who would lead how well, as this region sees it; the best first. None where it has not looked yet. */
  readonly ranking: readonly { readonly region: string; readonly quorumRoundTripMs: number | undefined }[];
  /** The other servers that hold the log, as the leader's sees them; undefined where nobody leads, or can be asked. */
  readonly replicas?: readonly LogReplica[] | undefined;
  /** How many more should hold it that the leader's does not know. */
  readonly unknownReplicas?: number | undefined;
  /** Whether this region moves leadership by itself; undefined where it has not said so. */
  readonly isAutomatic: boolean | undefined;
  /** An operator's order that still holds. */
  readonly hold: { readonly leader: string; readonly leftMs: number } | undefined;
}

export interface Gateway {
  write(request: WriteRequest): Promise<WriteResult>;
  writeMany(request: BulkRequest): Promise<BulkResult>;
  read(request: ReadRequest): Promise<ReadResult>;
  list(request: ListRequest): Promise<ListResult>;
  putCollection(request: PutCollectionRequest): Promise<Collection>;
  /** @param deadlineMs default 15 s. */
  listCollections(tenant: string, deadlineMs?: number): Promise<Collection[]>;
  operation(request: OperationRequest): Promise<OperationReport>;
  remove(request: LifeRequest): Promise<WriteResult>;
  restore(request: LifeRequest): Promise<WriteResult>;
  transact(request: TransactionRequest): Promise<WriteResult>;
  lease(request: LeaseRequest): Promise<WriteResult>;
  reclaim(request: ReclaimRequest): Promise<WriteResult>;
  readEscrows(request: EscrowRequest): Promise<RecordEscrowsReport>;
  /** Who holds a lease, as the log has it. */
  readLease(
    request: RequestContext & { readonly name: string },
  ): Promise<Lease & { readonly session: Session }>;
  conflicts(request: ConflictsRequest): Promise<ConflictPage>;
  restoreConflict(request: RestoreConflictRequest): Promise<WriteResult>;
  status(): Promise<RegionOverview>;
  leaders(): Promise<readonly PartitionLeader[]>;
  /** @returns who leads then, by partition: the region that was asked for. */
  moveLeader(request: LeaderMoveRequest): Promise<readonly { partition: number; leader: string }[]>;
  /** From now on the region takes no new writes, and leads no log. @param isForced although few others are left. */
  drain(options: { isForced: boolean }): Promise<RegionOverview>;
  undrain(): Promise<RegionOverview>;
  /** Verification and repair. @throws {GatewayError} starting. */
  reconciling(): Reconciling;
  /** @throws {GatewayError} starting. */
  backups(): Backups;
  /** Logs that have failed. @throws {GatewayError} starting. */
  logKeeping(): LogKeeping;
  /** Who takes part. @throws {GatewayError} starting. */
  membership(): Membering;
  /** How records came to be what they are. @throws {GatewayError} starting. */
  histories(): Histories;
  /** What operators have done. @throws {GatewayError} starting. */
  auditing(): Auditing;
  /** Subscriptions to records. @throws {GatewayError} starting. */
  feed(): Feed;
}
